"""Baselines: small cases by hand, and the published EASE figures on ML-100K."""

import numpy as np
import pandas as pd
import pytest

from graph_schema.errors import TrainingError
from kgrec.arrays import pairs_to_csr
from kgrec.evaluation import evaluate_ranking
from kgrec.metrics.baselines import (
    EASE,
    ItemKNN,
    Popularity,
    binary_history,
    recent_history,
)

from .oracle import make_interactions

SMALL = make_interactions([0, 0, 0, 1, 1, 2], [0, 1, 0, 0, 1, 2], [1, 2, 3, 4, 5, 6])


def test_histories():
    assert binary_history(SMALL, 3, 3).toarray().tolist() == [[1, 1, 0], [1, 1, 0], [0, 0, 1]]
    recent = recent_history(SMALL, 3, 3, tau=1.0).toarray()
    assert recent[0, 0] == pytest.approx(1 + np.exp(-2))
    assert recent[0, 1] == pytest.approx(np.exp(-1))


def test_popularity_counts_users_once():
    scores = Popularity().fit(SMALL, 3, 3).score(binary_history(SMALL, 3, 3))
    assert scores.tolist() == [[2, 2, 1]] * 3


def test_item_knn_by_hand():
    model = ItemKNN(neighbours=1, shrink=0.0).fit(SMALL, 3, 3)
    assert model.score(binary_history(SMALL, 3, 3))[0] == pytest.approx([1, 1, 0])


def test_ease_solves_its_equations():
    """Steck 2019, eq. 8: off the diagonal, (G + λ) B = G; on it B is zero."""
    rng = np.random.default_rng(0)
    data = make_interactions(rng.integers(0, 30, 200), rng.integers(0, 8, 200))
    weights = EASE(5.0).fit(data, 30, 8).weights
    matrix = binary_history(data, 30, 8).toarray()
    residual = (matrix.T @ matrix + 5.0 * np.eye(8)) @ weights - matrix.T @ matrix
    assert np.abs(residual - np.diag(np.diag(residual))).max() < 1e-3
    assert (np.diag(weights) == 0).all()


@pytest.mark.parametrize("model", [Popularity(), ItemKNN(), EASE()])
def test_nothing_to_fit_on(model):
    with pytest.raises(TrainingError, match="no interactions"):
        model.fit(make_interactions([], []), 2, 2)


def evaluate(model, history, test, seen, shape):
    return evaluate_ranking(
        lambda batch: model.score(history[batch]),
        n_items=shape[1],
        targets=pairs_to_csr(test.user, test.item, shape[0]),
        seen=pairs_to_csr(seen.user, seen.item, shape[0]),
    )


@pytest.mark.data
def test_ease_on_movielens_100k(data_dir):
    """The figures published with the split."""
    folder = data_dir / "ml-100k-split"
    frames = {name: pd.read_csv(folder / f"{name}.csv") for name in ("train", "valid", "test")}
    rows = pd.concat(frames.values())
    users, items = np.unique(rows["user"]), np.unique(rows["item"])
    shape = (len(users), len(items))

    def read(*names):
        part = pd.concat([frames[name] for name in names])
        user, item = np.searchsorted(users, part["user"]), np.searchsorted(items, part["item"])
        return make_interactions(user, item, part["timestamp"])

    train, both, test = read("train"), read("train", "valid"), read("test")
    model = EASE(250.0).fit(train, *shape)
    fixed = evaluate(model, binary_history(train, *shape), test, both, shape)
    assert fixed.n_users == 938
    assert fixed["ndcg@10"] == pytest.approx(0.2410, abs=6e-5)
    assert fixed["recall@20"] == pytest.approx(0.3798, abs=6e-5)
    now = evaluate(model, binary_history(both, *shape), test, both, shape)
    assert now["ndcg@10"] == pytest.approx(0.2481, abs=6e-5)
    assert now["recall@20"] == pytest.approx(0.3881, abs=6e-5)


@pytest.mark.data
@pytest.mark.slow
def test_recent_history_on_movielens_1m(data_dir):
    """EASE .144/.138 and .229/.203 on recent history, as the plan's figures say, to a hundredth."""
    folder = data_dir / "ml-1m-kg"
    rows = pd.read_csv(folder / "interactions.csv.gz", dtype={"user_id": str, "item_id": str})
    users = pd.factorize(rows["user_id"], sort=True)[0]
    items = pd.factorize(rows["item_id"], sort=True)[0]
    data = make_interactions(users, items, rows["timestamp"], rows["split"])
    shape = (users.max() + 1, items.max() + 1)
    train, test = data.select(data.split == "train"), data.select(data.split == "test")
    before = data.select(data.split != "test")
    model = EASE(1000.0).fit(train, *shape)
    plain = evaluate(model, binary_history(before, *shape), test, before, shape)
    assert plain.n_users == 6040
    assert plain["ndcg@10"] == pytest.approx(0.144, abs=0.01)
    assert plain["recall@20"] == pytest.approx(0.138, abs=0.01)
    recent = evaluate(model, recent_history(before, *shape), test, before, shape)
    assert recent["ndcg@10"] == pytest.approx(0.229, abs=0.01)
    assert recent["recall@20"] == pytest.approx(0.203, abs=0.01)
