"""Exact caps and floors: the best list of all, beside scipy's whole-number programme."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.optimize import Bounds, LinearConstraint, milp

from kgrec.arrays import offsets
from kgrec.ranking.exposure import position_discount
from kgrec.rules.limits import Cap, Floor, Pin
from kgrec.rules.placement import Placement
from kgrec.rules.ruled_lists import _placed

N, K = 40, 6


def made_placement(rng: np.random.Generator, kinds: int) -> Placement:
    parts = [rng.choice(kinds, int(size), replace=False) for size in rng.integers(0, 4, N)]
    groups = np.concatenate([*parts, np.empty(0, dtype=np.int64)]).astype(np.int64)
    cap = Cap(2, K, (offsets([len(part) for part in parts]), groups))
    floors = (Floor(1, K, rng.random(N) < 0.15),) if rng.random() < 0.5 else ()
    pins = (Pin(2, np.array([int(rng.integers(N))])),) if rng.random() < 0.3 else ()
    return Placement(pins, (cap,), floors, exact=True)


def optimum(scores: np.ndarray, placement: Placement) -> float:
    """The highest sum that scipy finds; -inf where no list obeys all rules."""
    indptr, group = placement.caps[0].groups
    member = np.zeros((int(group.max(initial=0)) + 1, N))
    member[group, np.repeat(np.arange(N), np.diff(indptr))] = 1
    each, places = sp.kron(sp.eye(N), np.ones((1, K))), sp.kron(np.ones((1, N)), sp.eye(K))
    caps = sp.kron(member, np.ones((1, K)))
    limits = [
        LinearConstraint(each, 0, 1),
        LinearConstraint(places, 1, 1),
        LinearConstraint(caps, 0, 2),
    ]
    for floor in placement.floors:
        inside = np.kron(floor.inside.astype(float), np.ones(K))[None]
        limits.append(LinearConstraint(inside, floor.least, np.inf))
    lower = np.zeros((N, K))
    for pin in placement.pins:
        lower[pin.items[0], pin.rank - 1] = 1
    costs = -(scores[:, None] * position_discount(K)).ravel()
    found = milp(costs, constraints=limits, integrality=1, bounds=Bounds(lower.ravel(), 1))
    return -np.inf if found.x is None else -float(found.fun)


@pytest.mark.parametrize("seed", range(20))
def test_it_is_the_list_of_the_whole_number_programme(seed: int) -> None:
    rng = np.random.default_rng(seed)
    placement = made_placement(rng, kinds=6)
    scores = rng.normal(size=N).astype(np.float32)
    listed = _placed(scores.copy(), placement, K)
    best = optimum(scores.astype(float), placement)
    if best > -np.inf:
        assert len(set(listed)) == K
        assert float(scores[listed] @ position_discount(K)) == pytest.approx(best, abs=1e-5)
    order = np.argsort(-scores, kind="stable").tolist()
    assert placement.place(order, K, scores.__getitem__, whole=True) == listed
    assert _placed(scores.copy(), placement, 3) == listed[:3]  # planned for the cap's places
    longer = _placed(scores.copy(), placement, K + 3)
    assert longer[: len(listed)] == listed
    assert len(set(longer)) == len(longer)


def test_a_list_place_by_place_may_have_a_lower_sum() -> None:
    groups = (offsets([2, 1, 1, 0]), np.array([0, 1, 0, 1]))
    scores = np.array([1.0, 0.99, 0.98, 0.1], dtype=np.float32)
    cap = Cap(1, 2, groups)
    assert _placed(scores.copy(), Placement(caps=(cap,)), 2) == [0, 3]
    assert _placed(scores.copy(), Placement(caps=(cap,), exact=True), 2) == [1, 2]
