"""Interactions in the numbers of a vocabulary: scenarios as codes, events as sequences."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor

from kgrec.errors import TrainingError
from kgrec.features.tables import Vocabulary
from kgrec.features.texts import TextFeatures
from kgrec.graph.snapshot import GraphSnapshot, Ints, Strings
from kgrec.training.data.examples import Sequences
from kgrec.training.data.scenario_rows import own_items

AUTO, MIXTURE = "auto", "mixture"  # what a request may say instead of a scenario's name
RESERVED = (AUTO, MIXTURE)


def check_reserved(names: Iterable[str]) -> None:
    """Raises TrainingError where a scenario has a reserved name."""
    reserved = sorted(set(RESERVED) & set(names))
    if reserved:
        raise TrainingError(
            f"a scenario is called {reserved[0]!r}, which requests use for routing; rename it."
        )


def make_sequences(
    snapshot: GraphSnapshot, vocabulary: Vocabulary, texts: TextFeatures
) -> Sequences:
    """The snapshot's interactions with each event's own text and scenario code."""
    code = scenario_codes(snapshot.interactions.scenario, vocabulary)
    return Sequences.build(snapshot, texts.of_events(snapshot), code)


def scenario_codes(scenario: Strings, vocabulary: Vocabulary) -> Ints:
    """int64: the vocabulary's number of each scenario (object, names), -1 where it has none."""
    codes = {name: code for code, name in enumerate(vocabulary.scenarios)}
    names, inverse = np.unique(scenario.astype(str), return_inverse=True)
    known = np.array([codes.get(name, -1) for name in names], dtype=np.int64)
    return known[inverse] if len(names) else np.empty(0, dtype=np.int64)


def find_scenario_items(
    data: Sequences, vocabulary: Vocabulary, n_items: int, late: int = 0
) -> np.ndarray:
    """bool ``[K + 1, n_items]``: the items with an event in each scenario, and those that have none
    anywhere: nobody knows yet where they belong. See ``own_items``.

    The last ``late`` scenarios came after training and have too few events to tell: all items.
    """
    n_scenarios = len(vocabulary.scenarios)
    early = data.scenario < n_scenarios - late
    item, scenario = data.item[early], data.scenario[early]
    told = own_items(item, scenario, "own", n_scenarios, n_items)
    found = np.ones((n_scenarios + 1, n_items), dtype=bool)
    for code, items in enumerate(told or ()):
        if items is not None:
            found[code] = np.bincount(item, minlength=n_items) == 0
            found[code, items] = True
    return found


def mask_other_items(scores: Tensor, own: np.ndarray | None, scenario: Ints) -> Tensor:
    """Scores ``[B, n_items]`` with -inf for what the ``scenario`` (codes ``[B]``) of each row does
    not choose among; ``own`` as ``Engine.scenario_items``."""
    if own is None:
        return scores
    allowed = torch.as_tensor(own[scenario], device=scores.device)
    return scores.masked_fill(~allowed, -torch.inf)
