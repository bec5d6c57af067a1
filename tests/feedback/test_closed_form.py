"""Item–item weights that read weights of events."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
import torch

from kgrec import FeedbackConfig
from kgrec.feedback import EventWeights
from kgrec.graph.snapshot import GraphSnapshot
from kgrec.graph.source import read_source
from kgrec.nn import ItemWeights
from kgrec.training import fit_item_weights
from kgrec.training import item_weights as module
from tests.ratings import rated

CLOSE = {"atol": 2e-5}


@pytest.fixture(scope="module")
def train() -> GraphSnapshot:
    kinds = np.where(rated.events()["rating"] > 2, "buy", "hide")
    frame = rated.events().assign(event=kinds)
    return read_source(rated.catalog(frame), None)


def fit(train: GraphSnapshot, **feedback: object) -> ItemWeights:
    weights = EventWeights.of(FeedbackConfig.model_validate(feedback)) if feedback else None
    return fit_item_weights(
        train, graph=0.0, decay=np.inf, ridges=(1.0,), device=torch.device("cpu"), feedback=weights
    )[0]


def test_targets_that_are_all_likes_give_the_regression_of_these(train: GraphSnapshot) -> None:
    weights = {"events": {"buy": 1, "hide": 0.5}}
    whole = fit(train, **weights).matrix.toarray()
    targets = fit(train, **weights, targets=["buy", "hide"]).matrix.toarray()
    np.testing.assert_allclose(targets, whole, **CLOSE)
    some = fit(train, **weights, targets=["buy"]).matrix.toarray()
    assert np.abs(some - whole).max() > 0.01
    assert not some.diagonal().any()


def test_local_ridge_has_the_same_targets(
    train: GraphSnapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With all items as neighbours it is the same regression."""
    weights = {"events": {"buy": 1, "hide": 0.5}, "targets": ["buy"]}
    whole = fit(train, **weights).matrix.toarray()
    monkeypatch.setattr(module, "_MOST", 0)
    np.testing.assert_allclose(fit(train, **weights).matrix.toarray(), whole, **CLOSE)


def test_negative_events_have_weights_of_their_own(train: GraphSnapshot) -> None:
    signed = fit(train, events={"buy": 1, "hide": -1})
    n = signed.size
    likes = fit(train, events={"buy": 1, "hide": 0})
    assert signed.matrix.shape == (2 * n, n)
    np.testing.assert_allclose(signed.matrix[:n].toarray(), likes.matrix.toarray(), **CLOSE)
    against = signed.matrix[n:].toarray()
    assert not against.diagonal().any()
    expected = _residual_regression(train, signed)
    np.testing.assert_allclose(against, expected, **CLOSE)


def _residual_regression(train: GraphSnapshot, signed: ItemWeights) -> np.ndarray:
    """The second regression written out: column i without item i as a regressor."""
    events = train.interactions
    items, item = np.unique(events.item, return_inverse=True)
    shape = (len(train.users), len(items))
    liked, hidden = np.zeros(shape), np.zeros(shape)
    buys = np.asarray(events.event == "buy")
    liked[events.user[buys], item[buys]] = 1
    hidden[events.user[~buys], item[~buys]] = 1
    ridge = 3.0 * np.bincount(item).mean()
    left = liked - liked @ signed.matrix[: len(items)].toarray()
    found = np.zeros((len(items), len(items)))
    for column in range(len(items)):
        others = np.arange(len(items)) != column
        own = hidden[:, others]
        gram = own.T @ own + ridge * np.eye(len(items) - 1)
        found[others, column] = np.linalg.solve(gram, own.T @ left[:, column])
    return found


def test_weights_are_kept_and_placed_whole(train: GraphSnapshot) -> None:
    signed = fit(train, events={"buy": 1, "hide": -1})
    again = ItemWeights.of_arrays(signed.arrays())
    assert (again.matrix != signed.matrix).nnz == 0
    assert again.signed
    order = np.random.default_rng(0).permutation(signed.size)
    placed = signed.placed(order)
    n = signed.size
    for half in (0, n):
        expected = signed.matrix[half : half + n].toarray()[np.ix_(order, order)]
        np.testing.assert_array_equal(placed.matrix[half : half + n].toarray(), expected)


def test_shares_follow_weights() -> None:
    weights = ItemWeights(sp.csr_matrix((2, 2), dtype=np.float32), np.inf)
    indptr, age = np.array([0, 3]), np.zeros(3, dtype=np.float32)
    said = np.array([1, 0.1, -1], dtype=np.float32)
    assert weights.shares(indptr, age, said).tolist() == pytest.approx([1, 0.1, 0])
    assert weights.shares(indptr, age).tolist() == [1, 1, 1]
