"""Item–item weights: what they add to a score, however it is asked for."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp

from kgrec.nn import Histories, ItemWeights, both_ages
from kgrec.nn import item_weights as module
from kgrec.sparse import SparsePattern

ITEMS = 12
DECAYS = [math.inf, 4.0]


def weights(decay: float) -> ItemWeights:
    matrix = sp.random(ITEMS, ITEMS, density=0.4, random_state=3, dtype=np.float32, format="csr")
    return ItemWeights(matrix, decay, 2.0)


def histories() -> Histories:
    """Of 3, 0, 4 and 1 events; the first two of the third row share a moment."""
    indptr = np.array([0, 3, 3, 7, 8])
    times = np.array([1, 2, 3, 5, 5, 6, 7, 1])
    none = np.full(4, -1)
    return Histories(
        indptr=indptr,
        item=np.array([0, 5, 7, 3, 3, 11, 2, 9]),
        age=both_ages(indptr, times)[0],
        visit=np.zeros(8, dtype=np.float32),
        text=np.full(8, -1),
        user=none,
        scenario=none,
        later=np.zeros(4, dtype=bool),
    )


def pattern() -> SparsePattern:
    return SparsePattern.build(histories().indptr, histories().item, ITEMS)


def by_hand(found: ItemWeights) -> np.ndarray:
    """A sum over events; one that shares its moment gets the mean of that moment's ages."""
    result, dense = histories(), found.matrix.toarray()
    expected = np.zeros((len(result), ITEMS))
    for row in range(len(result)):
        events = range(result.indptr[row], result.indptr[row + 1])
        plain = [math.exp(-age / found.decay) for age in range(len(events))]
        shares = [math.exp(-result.age[event] / found.decay) for event in events]
        weight = len(events) / (len(events) + found.shrinkage)
        for event, share in zip(events, shares, strict=True):
            expected[row] += weight * share * sum(plain) / sum(shares) * dense[result.item[event]]
    return expected


@pytest.mark.parametrize("decay", DECAYS)
@pytest.mark.parametrize("small", [0, 4096])
def test_scores_are_what_the_formula_says(
    decay: float, small: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_SMALL", small)
    found, result = weights(decay), histories()
    expected = by_hand(found)
    np.testing.assert_allclose(found.scores(result, pattern()), expected, rtol=1e-5, atol=1e-6)
    for row in range(len(result)):
        one = result.part(row, row + 1)
        alone = found.of_one(one.item, found.shares(one.indptr, one.age))
        np.testing.assert_allclose(alone, expected[row], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("decay", DECAYS)
def test_contributions_add_up_to_the_scores(decay: float) -> None:
    found, result = weights(decay), histories()
    scores = found.scores(result, pattern()).numpy()
    for item in range(ITEMS):
        amount = found.contributions(result, item)
        rows = np.repeat(np.arange(len(result)), np.diff(result.indptr))
        sums = np.bincount(rows, weights=amount, minlength=len(result))
        np.testing.assert_allclose(sums, scores[:, item], rtol=1e-5, atol=1e-6)


def test_weights_follow_their_items() -> None:
    found = weights(4.0)
    rows = np.array([7, -1, 0, 3, -1])  # two items are unknown to the weights
    dense, here = found.matrix.toarray(), found.placed(rows).matrix.toarray()
    for i, a in enumerate(rows):
        for j, b in enumerate(rows):
            assert here[i, j] == (dense[a, b] if min(a, b) >= 0 else 0.0)
    assert found.placed(np.arange(ITEMS)) is found


@pytest.mark.parametrize("decay", DECAYS)
def test_arrays_make_the_same_weights(decay: float) -> None:
    found = weights(decay)
    again = ItemWeights.of_arrays(found.arrays())
    assert (again.matrix != found.matrix).nnz == 0
    assert (again.decay, again.shrinkage) == (decay, 2.0)


def within(decay: float) -> tuple[ItemWeights, Histories]:
    """With weights of its own for scenario 0, the shared ones for 1; histories in 0, in none, in 1
    and in 2, which came later."""
    own = sp.random(ITEMS, ITEMS, density=0.5, random_state=8, dtype=np.float32, format="csr")
    found = weights(decay).with_own([own, None], 3.0)
    np.testing.assert_allclose(found.within(0).toarray(), 3 * own.toarray())
    return found, replace(histories(), scenario=np.array([0, -1, 1, 2]))


@pytest.mark.parametrize("decay", DECAYS)
@pytest.mark.parametrize("small", [0, 4096])
def test_a_scenario_has_weights_of_its_own(
    decay: float, small: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_SMALL", small)
    found, result = within(decay)
    expected = by_hand(weights(decay))
    expected[0] = by_hand(ItemWeights(found.within(0), decay, 2.0))[0]
    np.testing.assert_allclose(found.scores(result, pattern()), expected, rtol=1e-5, atol=1e-6)
    assert np.abs(expected[0] - by_hand(weights(decay))[0]).max() > 0.1
    for row in range(len(result)):
        one = result.part(row, row + 1)
        alone = found.of_one(one.item, found.shares(one.indptr, one.age), int(one.scenario[0]))
        np.testing.assert_allclose(alone, expected[row], rtol=1e-5, atol=1e-6)
        for item in (0, 4):
            amount = found.contributions(one, item).sum()
            assert amount == pytest.approx(expected[row, item], abs=1e-5)


def test_own_weights_follow_and_are_kept_too() -> None:
    found, _ = within(4.0)
    rows = np.array([7, -1, 0, 3, -1])
    moved, dense = found.placed(rows).within(0).toarray(), found.within(0).toarray()
    assert moved[0, 2] == dense[7, 0]
    assert moved[3, 0] == dense[3, 7]
    doubled = found.times(2.0)
    np.testing.assert_allclose(doubled.within(0).toarray(), 2 * dense, rtol=1e-6)
    again = ItemWeights.of_arrays(found.arrays())
    for code in (-1, 0, 1, 2):
        assert (again.within(code) != found.within(code)).nnz == 0


def test_the_further_future_has_a_decay_and_a_factor_of_its_own() -> None:
    asked = replace(histories(), later=np.array([True, False, True, False]))
    found = replace(weights(4.0), further=(math.inf, 0.5))
    result = found.scores(asked, pattern()).numpy()
    later = 0.5 * by_hand(weights(math.inf))
    expected = np.where(asked.later[:, None], later, by_hand(weights(4.0)))
    np.testing.assert_allclose(result, expected, rtol=1e-5, atol=1e-6)
    item = int(np.abs(result[2]).argmax())
    events = found.contributions(asked.part(2, 3), item)
    assert events.sum() == pytest.approx(result[2, item], rel=1e-5)
    read = ItemWeights.of_arrays(found.arrays())
    assert read.further == found.further
    assert ItemWeights.of_arrays(weights(4.0).arrays()).further is None
