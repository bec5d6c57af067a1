"""Lists with a share of exposure: against every possible pair of lists, and against top_k."""

from itertools import permutations, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graph_schema.errors import RequestError
from kgrec.arrays import pairs_to_csr
from kgrec.ranking import top_k
from kgrec.ranking.exposure import (
    Choices,
    boosted_lists,
    lists_with_share,
    position_discount,
)

GROUP = np.array([False, True, False, True, False])
SCORES = np.random.default_rng(3).normal(size=(2, 5)).astype(np.float32)
SEEDS = st.integers(0, 2**32 - 1)


def test_worth_of_places():
    assert position_discount(3) == pytest.approx([1.0, 1 / np.log2(3), 0.5])


@given(SEEDS, st.floats(-3, 3), st.integers(1, 12))
def test_no_other_item_can_come_into_a_list(seed, boost, k):
    rng = np.random.default_rng(seed)
    scores = rng.integers(-2, 3, (3, 12)).astype(np.float32)
    group = rng.random(12) < 0.4
    seen = pairs_to_csr(rng.integers(0, 3, 6), rng.integers(0, 12, 6), 3)
    allowed = rng.random(12) < 0.8
    few = Choices.of(scores, k, group, seen=seen, candidates=allowed)
    found = boosted_lists(few, k, boost)
    raised = scores.astype(np.float64) + boost * group
    for user in range(3):
        mine = set(seen[1][seen[0][user] : seen[0][user + 1]].tolist())
        free = [item for item in np.flatnonzero(allowed).tolist() if item not in mine]
        best = sorted(free, key=lambda item: (-raised[user, item], item))[:k]
        assert found.rows[user, : len(best)].tolist() == best
        assert (found.rows[user, len(best) :] == -1).all()
        assert found.scores[user, : len(best)].tolist() == scores[user, best].tolist()


def test_without_a_boost_the_lists_are_those_of_top_k():
    rows, scores = top_k(SCORES, 3)
    found = boosted_lists(Choices.of(SCORES, 3, GROUP), 3)
    assert found.rows.tolist() == rows.tolist()
    assert found.scores.tolist() == scores.astype(np.float64).tolist()


@pytest.mark.parametrize("share", [0.1, 0.3, 0.5, 0.7, 0.9])
def test_no_lists_with_that_share_have_a_higher_score(share):
    k = 2
    found = lists_with_share(Choices.of(SCORES, k, GROUP), k, share)
    plain = boosted_lists(Choices.of(SCORES, k, GROUP), k)
    d = position_discount(k)
    rises = share > plain.share
    assert found.share >= share - 1e-9 if rises else found.share <= share + 1e-9
    best = -np.inf
    for pair in product(permutations(range(5), k), repeat=2):
        exposure = sum((d * GROUP[list(rows)]).sum() for rows in pair) / (2 * d.sum())
        meets = exposure >= found.share - 1e-9 if rises else exposure <= found.share + 1e-9
        total = sum((d * SCORES[u, list(rows)]).sum() for u, rows in enumerate(pair))
        best = max(best, total / (2 * d.sum())) if meets else best
    assert found.place_score == pytest.approx(best, abs=1e-6)


@given(SEEDS, st.floats(0, 1))
def test_it_is_the_first_step_that_reaches_the_share(seed, share):
    rng = np.random.default_rng(seed)
    choices = Choices.of(rng.normal(size=(6, 20)), 5, np.arange(20) < 7)
    plain, found = boosted_lists(choices, 5), lists_with_share(choices, 5, share)
    if share > plain.share:
        assert found.share >= share - 1e-9
        assert boosted_lists(choices, 5, found.boost - 1e-6).share <= share + 1e-9
    else:
        assert found.share <= share + 1e-9
        assert boosted_lists(choices, 5, found.boost + 1e-6).share >= share - 1e-9
    again = boosted_lists(choices, 5, found.boost)
    assert again.rows.tolist() == found.rows.tolist()
    assert found.place_score <= plain.place_score + 1e-12


def test_a_larger_share_costs_more():
    choices = Choices.of(np.random.default_rng(0).normal(size=(40, 60)), 10, np.arange(60) < 20)
    scores = [lists_with_share(choices, 10, share).place_score for share in (0.4, 0.6, 0.8, 1.0)]
    assert scores == sorted(scores, reverse=True)
    assert scores[0] > scores[-1]


def test_the_share_there_is_needs_no_boost():
    choices = Choices.of(SCORES, 2, GROUP)
    plain = boosted_lists(choices, 2)
    assert lists_with_share(choices, 2, plain.share).boost == 0.0


def test_batches_join():
    whole = Choices.of(SCORES, 2, GROUP)
    parts = Choices.joined([Choices.of(SCORES[i : i + 1], 2, GROUP) for i in range(2)])
    assert parts.rows.tolist() == whole.rows.tolist()
    assert parts.inside.tolist() == whole.inside.tolist()


def test_a_share_that_no_lists_reach_is_refused_with_the_range():
    group = np.array([True, False, False, False, False])
    with pytest.raises(RequestError, match=r"between 0\.0000 and 0\.6131"):
        lists_with_share(Choices.of(SCORES, 2, group), 2, 0.9)
    two_left = np.array([True, True, False, False, False])
    with pytest.raises(RequestError, match=r"between 0\.3869 and"):
        lists_with_share(Choices.of(SCORES, 2, group, candidates=two_left), 2, 0.1)


@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan"), "half", None])
def test_what_is_no_share_is_refused(share):
    with pytest.raises(RequestError, match="from 0 to 1"):
        lists_with_share(Choices.of(SCORES, 2, GROUP), 2, share)


@pytest.mark.parametrize("boost", [float("inf"), float("nan")])
def test_a_boost_must_be_finite(boost):
    with pytest.raises(RequestError, match="finite"):
        boosted_lists(Choices.of(SCORES, 2, GROUP), 2, boost)


def test_nobody_and_nothing():
    none = Choices.of(np.empty((0, 5), dtype=np.float32), 2, GROUP)
    assert boosted_lists(none, 2).share == 0.0
    nothing = Choices.of(SCORES, 2, GROUP, candidates=np.zeros(5, dtype=bool))
    assert (boosted_lists(nothing, 2).rows == -1).all()
    assert boosted_lists(nothing, 2).place_score == 0.0
