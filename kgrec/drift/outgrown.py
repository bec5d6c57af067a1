"""When a model that is updated needs a new fit all the same."""

from __future__ import annotations

from typing import Final

import numpy as np

from kgrec.drift.gains import known_items
from kgrec.drift.monitor import TRAIN
from kgrec.state import FittedState

MOST_GROWTH: Final = 2.0  # times the events of the fit
MOST_NEW: Final = 0.1  # share of the events that are of items since


def outgrown(state: FittedState) -> str:
    """Why a graph has outgrown the fit of its model, and the command; "" where it hasn't.

    That is so with more than twice the events on which the settings were chosen, and where more
    than a tenth of the events are of items that the model was not fitted with.
    """
    events = state.snapshot.interactions
    if state.origin is None or not state.origin.events or not len(events):
        return ""
    growth = len(events) / state.origin.events
    new = float((~known_items(state.engine)[np.asarray(events.item)]).mean())
    if growth > MOST_GROWTH:
        said = f"the graph has {growth:.1f} times the events that the settings were chosen on"
    elif new > MOST_NEW:
        said = f"{new:.0%} of the events are of items that the model was not fitted with"
    else:
        return ""
    return f"{said}. Run: {TRAIN}"
