"""Codes of scenarios: their names as numbers of a vocabulary, and the items of each scenario."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor

from kgrec.errors import TrainingError
from kgrec.features.tables import Vocabulary
from kgrec.features.texts import TextFeatures
from kgrec.feedback import EventWeights
from kgrec.graph.columns import recoded
from kgrec.graph.snapshot import GraphSnapshot, Ints, Strings
from kgrec.training.data.examples import Sequences
from kgrec.training.data.scenario_rows import own_items

AUTO, MIXTURE = "auto", "mixture"  # accepted by requests in place of a scenario's name
RESERVED = (AUTO, MIXTURE)


def check_reserved(names: Iterable[str]) -> None:
    """Raise TrainingError where a scenario has a reserved name."""
    reserved = sorted(set(RESERVED) & set(names))
    if reserved:
        raise TrainingError(
            f"a scenario is called {reserved[0]!r}, a name that requests use to have scenarios "
            "recognised; rename it."
        )


def make_sequences(
    snapshot: GraphSnapshot,
    vocabulary: Vocabulary,
    texts: TextFeatures,
    feedback: EventWeights | None = None,
) -> Sequences:
    """The users' events in the order of time, with texts, scenario codes and weights. Raises
    RequestError for a kind of event that has none."""
    code = recoded(snapshot.interactions.scenario, _codes(vocabulary), -1)
    return Sequences.build(snapshot, texts.of_events(snapshot), code, feedback)


def scenario_codes(scenario: Strings, vocabulary: Vocabulary) -> Ints:
    """int64: the code of each scenario name in the vocabulary; -1 for names it does not know."""
    return np.asarray(recoded(scenario, _codes(vocabulary), -1))


def _codes(vocabulary: Vocabulary) -> dict[str, int]:
    return {name: code for code, name in enumerate(vocabulary.scenarios)}


def find_scenario_items(
    data: Sequences, vocabulary: Vocabulary, n_items: int, late: int = 0
) -> np.ndarray:
    """bool ``[K + 1, n_items]``: the items of each scenario, and of no scenario (last).

    These are the items with an event in the scenario, and those without any event, whose scenario
    is unknown; see ``own_items``. The last ``late`` scenarios were added after training and have
    few events: all items.
    """
    n_scenarios = len(vocabulary.scenarios)
    if not n_scenarios:
        return np.ones((1, n_items), dtype=bool)
    early = data.scenario < n_scenarios - late
    item, scenario = data.item[early], data.scenario[early]
    by_scenario = own_items(item, scenario, "own", n_scenarios, n_items)
    found = np.ones((n_scenarios + 1, n_items), dtype=bool)
    for code, items in enumerate(by_scenario or ()):
        if items is not None:
            found[code] = np.bincount(item, minlength=n_items) == 0
            found[code, items] = True
    return found


def mask_other_items(scores: Tensor, scenario_items: np.ndarray | None, scenario: Ints) -> Tensor:
    """Scores ``[B, n_items]`` with -inf for items outside the ``scenario`` (codes ``[B]``) of each
    row; ``scenario_items`` as in ``Engine``."""
    if scenario_items is None:
        return scores
    allowed = torch.as_tensor(scenario_items[scenario], device=scores.device)
    return scores.masked_fill(~allowed, -torch.inf)
