"""How much an item's popularity counts beside what training learned of it.

Training by softmax learns a bias of each item, but its best weight for lists is not that of the
loss. As in logit adjustment (Menon et al., ICLR 2021), the logarithm of popularity is added to
trained biases, with a weight that validation rows choose.
"""

from __future__ import annotations

import copy
import math
from functools import partial
from typing import Final

import numpy as np
import torch

from kgrec.fitting.evidence.decision import Decision, Evidence
from kgrec.fitting.validation import ComparedQueries
from kgrec.graph.snapshot import Interactions, Ints
from kgrec.scoring.engine import Engine

# Weights of log(1 + interactions); the first of the best is taken.
POPULARITIES: Final = (0.0, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0, -0.1, -0.2, -0.4)


def liked_counts(engine: Engine) -> np.ndarray:
    """float32 ``[n]``: the events of each item of the vocabulary, by their weights above 0."""
    feedback, rows = engine.model.shape.feedback, vocabulary_rows(engine)
    n_items = len(engine.vocabulary.items)
    if feedback is None:
        return np.bincount(rows, minlength=n_items).astype(np.float32)
    said = np.maximum(feedback.of_interactions(engine.snapshot.interactions), 0)
    return np.bincount(rows, said, minlength=n_items).astype(np.float32)


def vocabulary_rows(engine: Engine) -> Ints:
    """int64: the row in the vocabulary of each interaction's item."""
    rows = engine.inputs.items.item_row.cpu().numpy()
    return np.asarray(rows[engine.snapshot.interactions.item])


def with_popularity(engine: Engine, weight: float) -> Engine:
    """The engine with ``weight`` · log(1 + interactions) added to the items' biases."""
    if not weight:
        return engine
    model = copy.deepcopy(engine.model)
    added = np.float32(weight) * np.log1p(liked_counts(engine))
    with torch.no_grad():
        model.item_bias.add_(torch.from_numpy(added).to(model.item_bias))
    return engine.with_model(model)


def choose_popularity(
    engine: Engine, valid: Interactions, seed: int, evidence: Evidence
) -> tuple[float, float]:
    """The weight that is best on validation rows, and its NDCG@10 there; 0 and NaN without such
    rows. ``evidence`` keeps what was compared."""
    if not len(valid):
        evidence.add(Decision("popularity", _name(0.0), "few", note="no validation rows"))
        return 0.0, math.nan
    compared = ComparedQueries.build(engine, valid, seed)
    scores = compared.map(partial(compared.queries.score, engine))
    added = torch.from_numpy(_logarithms(engine)).to(scores.device)
    tried = [(one, compared.values(scores + one * added)) for one in POPULARITIES]
    weight, values = max(tried, key=lambda one: float(one[1].mean()))
    evidence.compared("popularity", [(_name(one), found) for one, found in tried], _name(weight))
    return weight, float(values.mean())


def _logarithms(engine: Engine) -> np.ndarray:
    """float32 ``[n_items]``: log(1 + interactions), 0 for items beyond the vocabulary."""
    rows = engine.inputs.items.item_row.cpu().numpy()
    return np.where(rows < 0, np.float32(0), np.log1p(liked_counts(engine))[np.maximum(rows, 0)])


def _name(weight: float) -> str:
    return "as trained" if not weight else f"{weight:+g} times the logarithm of interactions"
