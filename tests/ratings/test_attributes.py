"""Ratings from attributes and propensities: closed forms, leaving out, and what is kept."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from kgrec import Recommender
from kgrec.graph.snapshot import NO_TIME
from kgrec.ratings.attributes.propensities import fit_propensities, upper_end
from kgrec.ratings.attributes.taste import (
    MOST,
    AttributeRows,
    AttributeTaste,
    fit_cross,
    frequent_tokens,
    own_tastes,
)
from kgrec.ratings.pools import RatedEvents, RatingPairs
from tests.ratings import rated

N_USERS, N_ITEMS = 30, 20


@pytest.fixture
def rows() -> AttributeRows:
    rng = np.random.default_rng(0)
    users, items = (sp.csr_matrix(rng.random((n, 3)) < 0.4) for n in (N_USERS, N_ITEMS))
    return AttributeRows.of(users, items, np.arange(3))


def some(n: int, seed: int = 1) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.integers(0, N_USERS, n), rng.integers(0, N_ITEMS, n), rng.normal(size=n)


def test_the_shared_part_is_the_ridge_regression_of_all_crosses(rows: AttributeRows) -> None:
    user, item, rest = some(400)
    weight = np.random.default_rng(2).random(400)
    wide = np.einsum("na,nc->nac", rows.users[user].toarray(), rows.items[item]).reshape(400, -1)
    penalty = np.full(wide.shape[1], 10.0)
    penalty[0] = 1e-3
    gram = (wide * weight[:, None]).T @ wide + np.diag(penalty)
    wanted = np.linalg.solve(gram, wide.T @ (weight * rest))
    found = fit_cross(rows, user, item, rest, weight)
    np.testing.assert_allclose(found.ravel(), wanted, atol=1e-4)
    np.testing.assert_allclose(rows.crossed(user, item, found), wide @ wanted, atol=1e-4)
    nobody = rows.crossed(np.array([-1]), np.array([4]), found)
    np.testing.assert_allclose(nobody, rows.items[[4]] @ found[0])


def test_a_users_taste_leaves_out_the_asked_rating(rows: AttributeRows) -> None:
    user, item, rest = some(300)
    events = RatedEvents.sort(user, item, rest.astype(np.float32), np.arange(300), N_USERS)
    taste = AttributeTaste(np.zeros((4, 4)), np.arange(3), 2.0, 5.0)
    pairs = RatingPairs(events.slot, events.item, events.time)
    left = events.rating.astype(np.float64)
    found = own_tastes(taste, rows, events, left, pairs)
    past = own_tastes(taste, rows, events, left, pairs, past_only=True)
    for row in range(0, 300, 7):
        mine = events.slot == events.slot[row]
        others = mine & (events.item != events.item[row])
        earlier = others & (events.time < events.time[row])
        for kept, answers in ((others, found), (earlier, past)):
            tokens = rows.items[events.item[kept]]
            gram = tokens.T @ tokens + np.diag(taste.penalties)
            wanted = rows.items[events.item[row]] @ np.linalg.solve(gram, tokens.T @ left[kept])
            assert answers[row] == pytest.approx(wanted, abs=1e-9)


def test_a_row_does_not_depend_on_the_others(rows: AttributeRows) -> None:
    user, item, rest = some(200)
    events = RatedEvents.sort(user, item, rest.astype(np.float32), np.arange(200), N_USERS)
    taste = AttributeTaste(np.zeros((4, 4)), np.arange(3), 2.0, 5.0)
    pairs = RatingPairs(*some(60, 3)[:2], np.full(60, NO_TIME))
    together = own_tastes(taste, rows, events, rest, pairs)
    for row in (0, 17, 59):
        alone = own_tastes(taste, rows, events, rest, pairs.select(np.array([row])))
        assert alone[0] == together[row]


def test_only_the_most_frequent_tokens_are_read() -> None:
    counts = np.arange(200)
    tokens = sp.csr_matrix(np.arange(200)[:, None] < counts[None, :])
    assert frequent_tokens(tokens).tolist() == list(range(200 - MOST, 200))


def test_weights_correct_a_mean_that_the_choice_of_items_has_moved(rows: AttributeRows) -> None:
    rng = np.random.default_rng(5)
    match = rows.users[:, 1:].toarray() @ rows.items[:, 1:].T  # who shares tokens rates, and high
    truth = match + rng.normal(scale=0.1, size=match.shape)
    chosen = rng.random(match.shape) < 1.0 / (1.0 + np.exp(2.5 - 3.0 * match))
    user, item = np.nonzero(chosen)
    found = fit_propensities(rows, user, item, 0)
    assert found is not None
    assert found.usable
    rating = truth[user, item]
    errors = [
        abs(np.average(rating, weights=found.weights(power)) - truth.mean())
        for power in (0.0, 0.5, 1.0)
    ]
    assert errors[0] > errors[1] > errors[2]
    assert errors[2] < errors[0] / 2
    assert found.weights(1.0).mean() == pytest.approx(1.0)


def test_a_gain_of_one_user_alone_is_within_chance() -> None:
    users = np.arange(10)
    assert upper_end(np.where(users == 3, -10.0, 0.0), users) > 0
    assert upper_end(np.full(10, -1.0), users) < 0
    assert upper_end(np.full(10, -1.0), np.zeros(10, dtype=np.int64)) > 0  # ten rows of one user


def test_a_choice_at_random_has_no_propensities(rows: AttributeRows) -> None:
    user, item = np.nonzero(np.random.default_rng(6).random((N_USERS, N_ITEMS)) < 0.3)
    found = fit_propensities(rows, user, item, 0)
    assert found is not None
    assert not found.usable
    everything = np.nonzero(np.ones((N_USERS, N_ITEMS)))
    assert fit_propensities(rows, *everything, 0) is None


PAIRS = pd.DataFrame({"user_id": ["u1", "u2", "u3"], "item_id": ["i5", "i6", "i30"]})


@pytest.fixture(scope="module")
def model() -> Recommender:
    return Recommender(rated.config()).fit(rated.catalog())


def test_the_rating_model_keeps_the_taste(model: Recommender, tmp_path: Path) -> None:
    kept = model.state.rating_model
    assert kept is not None
    assert kept.blend is not None
    assert kept.blend.taste is not None
    model.save(tmp_path / "model")
    again = Recommender.load(tmp_path / "model")
    pd.testing.assert_frame_equal(again.predict(PAIRS), model.predict(PAIRS))


def test_a_new_rating_counts_at_once(model: Recommender) -> None:
    history = {f"i{n}": 5.0 if n % 3 == 0 else 1.0 for n in range(12)}
    pairs = pd.DataFrame({"user_id": "new", "item_id": ["i12", "i13"]})
    one = model.predict(pairs, histories={"new": history})["rating"]
    other = model.predict(pairs, histories={"new": {i: 6.0 - r for i, r in history.items()}})
    assert one[0] > one[1] + 1
    assert other["rating"][0] < other["rating"][1]


def test_the_report_says_what_was_chosen(model: Recommender) -> None:
    last = model.rating_history[-1]
    assert 0 <= last["propensity_auc"] <= 1
    assert last["propensity_power"] in (0.0, 0.25, 0.5, 1.0)
    without = Recommender(rated.config(propensities="none")).fit(rated.catalog())
    assert "propensity_auc" not in without.rating_history[-1]


def test_without_attributes_there_is_no_taste() -> None:
    catalog = rated.catalog()
    from graph_schema import Catalog

    bare = Catalog.from_frames(interactions=catalog.tables["interactions"])
    config = rated.config().model_copy(update={"scenarios": type(rated.config().scenarios)()})
    model = Recommender(config).fit(bare)
    kept = model.state.rating_model
    assert kept is not None
    assert kept.blend is not None
    assert kept.blend.taste is None
    assert len(kept.blend.weights) == 5
