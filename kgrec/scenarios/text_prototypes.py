"""TextPrototypes: texts of scenarios, to compare with those of histories and queries."""

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

TEXT_SCALES = (2.0, 5.0, 10.0, 20.0, 40.0)  # tried on the data
DEFAULT_SCALE = 10.0  # where there is too little data
_MIN_EXAMPLES = 20  # queries or histories needed to choose


class TextPrototypes(NamedTuple):
    """One text vector per scenario of a snapshot.

    ``names`` object ``[K]``; ``vectors`` float32 ``[K, size]``, unit rows, zero where the scenario
    has no text; ``centre`` ``[size]``: the mean text of all items, which is subtracted from every
    text.
    """

    names: np.ndarray
    vectors: np.ndarray
    centre: np.ndarray

    def cosines(self, texts: np.ndarray) -> np.ndarray:
        """Cosine to each prototype, float64 ``[B, K]``, of texts ``[B, size]``; 0 for an empty
        text.
        """
        empty = ~texts.any(axis=1, keepdims=True)
        moved = np.where(empty, 0.0, texts - self.centre)
        return np.asarray(unit_rows(moved) @ self.vectors.T, dtype=np.float64)


def build_text_prototypes(engine: Engine) -> TextPrototypes | None:
    """Prototypes of all scenarios of the snapshot, in their order; None without texts.

    A prototype is the sum of two unit vectors, as far as the scenario has them: its description,
    and the mean text of the items chosen there (Snell et al., "Prototypical Networks for Few-shot
    Learning", NeurIPS 2017). A description alone is enough, and so are some events.
    """
    snapshot, texts = engine.snapshot, engine.texts
    scenarios = scenarios_of(snapshot)
    if TEXT not in texts.items or not len(scenarios):
        return None
    items = texts.items[TEXT]
    has_text = np.asarray(items.any(axis=1), dtype=np.float32)
    centre = items[has_text > 0].mean(axis=0) if has_text.any() else np.zeros(items.shape[1])
    code = scenarios.index.get_indexer(pd.Index(snapshot.interactions.scenario, dtype=object))
    row, item = code[code >= 0], snapshot.interactions.item[code >= 0]
    chosen = sp.csr_matrix((has_text[item], (row, item)), shape=(len(scenarios), len(items)))
    count = np.asarray(chosen.sum(axis=1))
    vectors = unit_rows(np.where(count > 0, chosen @ items - count * centre, 0.0))
    if len(texts.scenarios) == len(scenarios):
        described = np.asarray(scenarios.attributes[DESCRIPTION] != "", dtype=bool)[:, None]
        vectors = unit_rows(vectors + unit_rows(np.where(described, texts.scenarios - centre, 0.0)))
    return TextPrototypes(scenarios.ids, vectors.astype(np.float32), centre)


def mean_texts(bags: sp.csr_matrix, texts: np.ndarray) -> np.ndarray:
    """Mean text of the items in each bag ``[B, n]``, float32 ``[B, size]``.

    ``texts`` float32 ``[n, size]``; items without a text are left out.
    """
    count = np.asarray(bags @ texts.any(axis=1, keepdims=True).astype(np.float32))
    return np.asarray((bags @ texts) / np.maximum(count, 1), dtype=np.float32)


def _trained_texts(engine: Engine) -> np.ndarray:
    """Texts of the vocabulary's items, float32 ``[n, size]``."""
    row, texts = engine.inputs.items.item_row.cpu().numpy(), engine.texts.items[TEXT]
    items = np.zeros((len(engine.vocabulary.items), texts.shape[1]), dtype=np.float32)
    items[row[row >= 0]] = texts[row >= 0]
    return items


def fit_text_scales(
    engine: Engine, names: np.ndarray, bags: sp.csr_matrix, code: Ints
) -> np.ndarray:
    """Softmax scales (inverse temperatures) of text cosines, float64 ``[2]``.

    The first is for the texts of histories, the second for search queries. Each is the one of
    TEXT_SCALES with the highest likelihood of the scenarios in the data; DEFAULT_SCALE where there
    are too few.
    """
    found = build_text_prototypes(engine)
    scales = np.full(2, DEFAULT_SCALE)
    if found is None:
        return scales
    place = pd.Index(found.names, dtype=object).get_indexer(pd.Index(names, dtype=object))
    scales[0] = _best_scale(found.cosines(mean_texts(bags, _trained_texts(engine)))[:, place], code)
    snapshot, data = engine.snapshot, engine.sequences
    row = engine.texts.of_events(snapshot) - len(snapshot.reviews)
    scenario = pd.Index(names, dtype=object).get_indexer(
        pd.Index(snapshot.interactions.scenario, dtype=object)
    )
    known = (row >= 0) & (scenario >= 0) & (len(data.item) > 0)
    queries = engine.texts.events[len(snapshot.reviews) :]
    if known.any():
        scales[1] = _best_scale(found.cosines(queries[row[known]])[:, place], scenario[known])
    return scales


def _best_scale(cosines: np.ndarray, code: Ints) -> float:
    """The scale with the lowest log loss of the scenarios ``code`` int64 ``[B]``."""
    if len(code) < _MIN_EXAMPLES:
        return DEFAULT_SCALE
    rows = np.arange(len(code))
    losses = [-log_softmax(scale * cosines)[rows, code].mean() for scale in TEXT_SCALES]
    return TEXT_SCALES[int(np.argmin(losses))]
