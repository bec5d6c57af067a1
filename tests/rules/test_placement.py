"""Pins, caps and floors, place by place, against every list that there is."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

from kgrec.arrays import offsets
from kgrec.ranking.exposure import position_discount
from kgrec.rules.limits import Cap, Floor, Pin
from kgrec.rules.placement import Placement

N = 7


def cap(most: int, of: int, *groups: str) -> Cap:
    """``groups``: the letters of each item."""
    values = [ord(letter) - ord("a") for group in groups for letter in group]
    return Cap(most, of, (offsets([len(group) for group in groups]), np.array(values, dtype=int)))


def place(placement: Placement, scores: np.ndarray, k: int, depth: int = N) -> list[int] | None:
    best = [int(row) for row in np.argsort(-scores, kind="stable") if scores[row] > -np.inf]
    return placement.place(best[:depth], k, scores.__getitem__, whole=depth >= len(best))


SCORES = np.array([7.0, 6.0, 5.0, 4.0, 3.0, 2.0, 1.0])


def test_pins_stand_at_their_ranks_and_others_keep_their_order() -> None:
    pins = Placement(pins=(Pin(1, np.array([6])), Pin(3, np.array([0]))))
    assert place(pins, SCORES, 5) == [6, 1, 0, 2, 3]
    assert place(pins, SCORES, 2) == [6, 1]  # the start of the longer list


def test_a_pin_of_several_items_has_the_best_that_is_left() -> None:
    scores = SCORES.copy()
    scores[4] = -np.inf
    pins = Placement(pins=(Pin(2, np.array([4, 5, 6])), Pin(3, np.array([5, 6]))))
    assert place(pins, scores, 4) == [0, 5, 6, 1]


def test_a_pin_that_may_not_be_in_the_list_leaves_its_place_to_others() -> None:
    scores = SCORES.copy()
    scores[6] = -np.inf
    assert place(Placement(pins=(Pin(1, np.array([6])),)), scores, 3) == [0, 1, 2]


def test_pins_move_up_where_too_few_items_are_left() -> None:
    scores = np.full(N, -np.inf)
    scores[[1, 5]] = SCORES[[1, 5]]
    assert place(Placement(pins=(Pin(4, np.array([5])),)), scores, 5) == [1, 5]


def test_a_cap_counts_each_part_and_ends_after_its_places() -> None:
    caps = Placement(caps=(cap(1, 3, "a", "ab", "a", "b", "", "", ""),))
    assert place(caps, SCORES, 5) == [0, 3, 4, 1, 2]


def test_a_cap_ends_also_where_the_next_place_has_a_pin() -> None:
    caps = (cap(1, 2, "a", "a", "", "", "", "", ""),)
    both = Placement(pins=(Pin(3, np.array([6])),), caps=caps)
    assert place(both, SCORES, 5) == [0, 2, 6, 1, 3]


def test_a_cap_reserves_room_for_a_pin_that_comes_later() -> None:
    caps = (cap(1, 3, "a", "", "", "", "", "", "a"),)
    both = Placement(pins=(Pin(3, np.array([6])),), caps=caps)
    assert place(both, SCORES, 4) == [1, 2, 6, 0]


def test_a_list_is_shorter_where_caps_allow_no_more() -> None:
    assert place(Placement(caps=(cap(2, 99, *("a",) * N),)), SCORES, 5) == [0, 1]


def test_a_floor_takes_the_last_places_that_it_needs() -> None:
    inside = np.isin(np.arange(N), [4, 5, 6])
    floor = Placement(floors=(Floor(2, 4, inside),))
    assert place(floor, SCORES, 6) == [0, 1, 4, 5, 2, 3]
    few = Placement(floors=(Floor(2, 4, np.isin(np.arange(N), [6])),))
    assert place(few, SCORES, 4) == [0, 1, 6, 2]


def test_too_few_items_are_no_answer() -> None:
    caps = Placement(caps=(cap(1, 9, "a", "a", "a", "b", "", "", ""),))
    assert place(caps, SCORES, 3, depth=3) is None
    assert place(caps, SCORES, 3) == [0, 3, 4]


@pytest.mark.parametrize("seed", range(60))
def test_no_list_that_obeys_one_cap_or_one_floor_has_a_higher_sum(seed: int) -> None:
    """Every list of four of seven items is tried."""
    rng = np.random.default_rng(seed)
    scores, k = rng.permutation(N).astype(float), 4
    letters = tuple(rng.choice(["", "a", "b"], N))
    most, of = int(rng.integers(1, 3)), int(rng.integers(2, 5))
    inside = rng.random(N) < 0.4
    if seed % 2:
        placement = Placement(caps=(cap(most, of, *letters),))
    else:
        placement = Placement(floors=(Floor(1, of, inside),))

    def obeys(rows: tuple[int, ...]) -> bool:
        first = rows[:of]
        if seed % 2:
            return all(sum(letters[row] == one for row in first) <= most for one in "ab")
        return bool(sum(inside[list(first)]) >= min(1, inside.sum()))

    discount = position_discount(k)
    lists = [rows for rows in permutations(range(N), k) if obeys(rows)]
    found = place(placement, scores, k)
    assert found is not None
    if len(found) < k:
        assert not lists
        return
    assert obeys(tuple(found))
    highest = max(float(scores[list(rows)] @ discount) for rows in lists)
    assert float(scores[found] @ discount) == pytest.approx(highest)
