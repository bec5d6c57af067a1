"""What one user can change is limited for long histories, and nothing else changes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp
import torch

from kgrec.config import TrainingConfig
from kgrec.graph import GraphSnapshot
from kgrec.poisoning import influence
from kgrec.training import Sequences, fit_item_weights, fit_own_weights
from kgrec.training import item_weights as module
from kgrec.training.data.examples import Examples, random_masks
from kgrec.training.item_weights import user_factors
from tests.poisoning import made

CPU = torch.device("cpu")


def snapshot() -> GraphSnapshot:
    return made.clean_model().snapshot


def weights(cap: float | None) -> np.ndarray:
    found = fit_item_weights(snapshot(), graph=0.0, decay=np.inf, device=CPU, user_cap=cap)[0]
    return np.asarray(found.matrix.toarray())


def test_rows_are_scaled_to_the_cap_and_shorter_ones_keep_theirs() -> None:
    history = sp.csr_matrix(np.array([[1, 1, 0, 0], [1, 1, 1, 1], [0, 0, 0, 0], [3, 0, 0, 0]], "f"))
    factors = user_factors(history, 2.0)
    assert factors is not None
    np.testing.assert_allclose(factors, [1, 0.5**0.5, 1, 2**0.5 / 3], rtol=1e-6)
    assert user_factors(history, 9.0) is None
    assert user_factors(history, None) is None


def test_without_long_histories_the_weights_are_the_same_to_the_bit() -> None:
    longest = int(np.bincount(snapshot().interactions.user).max())
    np.testing.assert_array_equal(weights(float(longest)), weights(None))
    assert (weights(longest - 1.0) != weights(None)).any()


def test_the_cap_is_that_of_a_regression_on_scaled_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    cap = 12.0
    events = snapshot().interactions
    items = np.unique(events.item)
    history = np.zeros((len(snapshot().users), len(snapshot().items)))
    history[events.user, events.item] = 1
    history = history[:, items]
    ridge = 10 * history.sum() / len(items)
    squared = np.maximum((history**2).sum(axis=1, keepdims=True), cap)
    scaled = history * np.sqrt(cap / squared)
    inverse = np.linalg.inv(scaled.T @ scaled + ridge * np.eye(len(items)))
    expected = -inverse / np.diag(inverse)
    np.fill_diagonal(expected, 0)
    monkeypatch.setattr(module, "_KEPT", len(items))
    np.testing.assert_allclose(weights(cap), expected, rtol=1e-3, atol=1e-5)


def test_weights_among_many_items_and_of_scenarios_have_the_cap(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    code = np.arange(len(snapshot().interactions)) % 2

    def own(cap: float | None) -> np.ndarray:
        found = fit_own_weights(
            snapshot(), code, 2, elsewhere=0.1, ridge=2.0, device=CPU, user_cap=cap
        )[0]
        assert found is not None
        return np.asarray(found.toarray())

    assert (own(10.0) != own(None)).any()
    np.testing.assert_array_equal(own(1000.0), own(None))
    monkeypatch.setattr(module, "_MOST", 10)
    assert (weights(10.0) != weights(None)).any()
    np.testing.assert_array_equal(weights(1000.0), weights(None))


def test_one_user_cannot_change_the_weights_more_by_more_events() -> None:
    """A user whose items are all of the catalog adds at most the cap to the trace."""
    state = made.clean_model().state
    reach = influence(state)
    assert (reach.users, reach.capped) == (made.USERS, 0)
    assert reach.largest_share == reach.share_without_cap
    training = state.config.training.model_copy(update={"user_cap": 10.0})
    config = state.config.model_copy(update={"training": training})
    capped = influence(replace(state, config=config))
    lengths = np.bincount(state.snapshot.interactions.user)
    assert capped.capped == (lengths > 10).sum()
    assert capped.largest_share == pytest.approx(10 / np.minimum(lengths, 10).sum())
    assert capped.longest == lengths.max()


def test_hidden_events_of_a_long_history_count_as_at_most_the_cap() -> None:
    lengths = np.array([400, 30])
    indptr = np.concatenate([[0], np.cumsum(lengths)])
    rows = np.arange(indptr[-1])
    data = Sequences(indptr, rows, rows, np.full(len(rows), -1), np.full(len(rows), -1))

    def masked(cap: float | None) -> Examples:
        rng = np.random.default_rng(0)
        return random_masks(data, np.arange(2), rng, history_dropout=0.5, user_cap=cap)

    free, capped = masked(None), masked(20.0)
    np.testing.assert_array_equal(free.target_item, capped.target_item)
    sums = np.bincount(capped.target_row, capped.target_weight)
    assert sums[0] == pytest.approx(20, rel=1e-5)
    short = free.target_row == 1
    np.testing.assert_array_equal(capped.target_weight[short], free.target_weight[short])
    np.testing.assert_array_equal(masked(1000.0).target_weight, free.target_weight)


@pytest.mark.parametrize("cap", [0, -1, float("nan"), float("inf"), "many"])
def test_a_cap_is_a_number_from_one_on(cap: object) -> None:
    with pytest.raises(ValueError, match="user_cap"):
        TrainingConfig.model_validate({"user_cap": cap})
