"""Texts of scenarios: what they say of themselves, and the mean text of the items chosen there."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
import scipy.sparse as sp

from kgrec.arrays import unit_rows
from kgrec.features.names import TEXT
from kgrec.features.texts import DESCRIPTION, scenarios_of
from kgrec.graph.snapshot import Ints
from kgrec.scenarios.recogniser import log_softmax
from kgrec.scoring.engine import Engine

SHARPNESS = (2.0, 5.0, 10.0, 20.0, 40.0)  # one of them is chosen where there is data to
USUAL = 10.0  # where there is none
_FEWEST = 20  # queries or histories to choose by


class Prototypes(NamedTuple):
    """``names`` object ``[K]``, unit rows ``vectors`` float32 ``[K, size]`` (zero: nothing is known
    of it), and the mean text of all items ``centre`` ``[size]``, which is taken off everywhere."""

    names: np.ndarray
    vectors: np.ndarray
    centre: np.ndarray

    def cosines(self, texts: np.ndarray) -> np.ndarray:
        """float64 ``[B, K]`` for texts ``[B, size]``; zero for an empty one."""
        empty = ~texts.any(axis=1, keepdims=True)
        moved = np.where(empty, 0.0, texts - self.centre)
        return np.asarray(unit_rows(moved) @ self.vectors.T, dtype=np.float64)


def find_prototypes(engine: Engine) -> Prototypes | None:
    """Those of all scenarios of the snapshot, in their order; None without texts.

    A prototype is the sum of two unit vectors, of the description and of the mean text of the
    items chosen in the scenario, as far as it has them (Snell et al., "Prototypical Networks for
    Few-shot Learning", NeurIPS 2017); so a description alone will do, and so will some events.
    """
    snapshot, texts = engine.snapshot, engine.texts
    scenarios = scenarios_of(snapshot)
    if TEXT not in texts.items or not len(scenarios):
        return None
    items = texts.items[TEXT]
    told = np.asarray(items.any(axis=1), dtype=np.float32)
    centre = items[told > 0].mean(axis=0) if told.any() else np.zeros(items.shape[1])
    code = scenarios.index.get_indexer(pd.Index(snapshot.interactions.scenario, dtype=object))
    row, item = code[code >= 0], snapshot.interactions.item[code >= 0]
    chosen = sp.csr_matrix((told[item], (row, item)), shape=(len(scenarios), len(items)))
    count = np.asarray(chosen.sum(axis=1))
    vectors = unit_rows(np.where(count > 0, chosen @ items - count * centre, 0.0))
    if len(texts.scenarios) == len(scenarios):
        described = np.asarray(scenarios.attributes[DESCRIPTION] != "", dtype=bool)[:, None]
        vectors = unit_rows(vectors + unit_rows(np.where(described, texts.scenarios - centre, 0.0)))
    return Prototypes(scenarios.ids, vectors.astype(np.float32), centre)


def mean_texts(bags: sp.csr_matrix, texts: np.ndarray) -> np.ndarray:
    """float32 ``[B, size]``: the mean text of the items in each bag ``[B, n]`` that have one;
    ``texts`` float32 ``[n, size]``."""
    count = np.asarray(bags @ texts.any(axis=1, keepdims=True).astype(np.float32))
    return np.asarray((bags @ texts) / np.maximum(count, 1), dtype=np.float32)


def _trained_texts(engine: Engine) -> np.ndarray:
    """float32 ``[n, size]``: the texts of the vocabulary's items."""
    row, texts = engine.inputs.items.item_row.cpu().numpy(), engine.texts.items[TEXT]
    items = np.zeros((len(engine.vocabulary.items), texts.shape[1]), dtype=np.float32)
    items[row[row >= 0]] = texts[row >= 0]
    return items


def fit_sharpness(engine: Engine, names: np.ndarray, bags: sp.csr_matrix, code: Ints) -> np.ndarray:
    """float64 ``[2]``: what cosines of histories' texts and of queries count for, each the one of
    SHARPNESS under which the scenarios of the data are likeliest; USUAL where they are few."""
    found = find_prototypes(engine)
    usual = np.full(2, USUAL)
    if found is None:
        return usual
    place = pd.Index(found.names, dtype=object).get_indexer(pd.Index(names, dtype=object))
    usual[0] = _sharpest(found.cosines(mean_texts(bags, _trained_texts(engine)))[:, place], code)
    snapshot, data = engine.snapshot, engine.sequences
    row = engine.texts.of_events(snapshot) - len(snapshot.reviews)
    scenario = pd.Index(names, dtype=object).get_indexer(
        pd.Index(snapshot.interactions.scenario, dtype=object)
    )
    asked = (row >= 0) & (scenario >= 0) & (len(data.item) > 0)
    queries = engine.texts.events[len(snapshot.reviews) :]
    if asked.any():
        usual[1] = _sharpest(found.cosines(queries[row[asked]])[:, place], scenario[asked])
    return usual


def _sharpest(cosines: np.ndarray, code: Ints) -> float:
    if len(code) < _FEWEST:
        return USUAL
    rows = np.arange(len(code))
    losses = [-log_softmax(sharp * cosines)[rows, code].mean() for sharp in SHARPNESS]
    return SHARPNESS[int(np.argmin(losses))]
