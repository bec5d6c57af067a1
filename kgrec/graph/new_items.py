"""New items: those with few events, or with some, the first of which came lately."""

from __future__ import annotations

from typing import Final

import numpy as np

from kgrec.graph.snapshot import NO_TIME, GraphSnapshot, Ints

FEW: Final = 5  # items with fewer events are new
SOME: Final = 50  # items with fewer events are new as long as they are young
_YOUNG: Final = 0.1  # share of all events, the latest ones, among which a young item's first is


def find_new_items(snapshot: GraphSnapshot) -> Ints:
    """The rows of new items, int64, ascending.

    Events without a time count as old ones.
    """
    item, time = np.asarray(snapshot.interactions.item), np.asarray(snapshot.interactions.timestamp)
    counts = np.bincount(item, minlength=len(snapshot.items))
    new = counts < FEW
    known = time[time != NO_TIME]
    if len(known):
        first = np.full(len(counts), np.iinfo(np.int64).max)
        np.minimum.at(first, item, time)
        latest = np.quantile(known, 1.0 - _YOUNG)
        new |= (counts < SOME) & (first > latest)
    return np.flatnonzero(new)
