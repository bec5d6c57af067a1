"""Lists that are filled many at once are those that are filled one by one."""

from __future__ import annotations

import numpy as np
import pytest

from kgrec.arrays import offsets
from kgrec.rules.batch_filling import fill_lists
from kgrec.rules.limits import Cap, Floor, Pin
from kgrec.rules.placement import Placement

N, LISTS = 60, 40


def made_placement(rng: np.random.Generator) -> Placement:
    caps = []
    for _ in range(int(rng.integers(0, 3))):
        kinds = int(rng.integers(1, 30))
        parts = [
            rng.choice(kinds, min(int(n), kinds), replace=False) for n in rng.integers(0, 4, N)
        ]
        groups = np.concatenate([*parts, np.empty(0, dtype=np.int64)]).astype(np.int64)
        csr = (offsets([len(part) for part in parts]), groups)
        caps.append(Cap(int(rng.integers(0, 4)), int(rng.choice([10, 2**31 - 1])), csr))
    floors = [Floor(1, int(rng.integers(4, 12)), rng.random(N) < 0.3) for _ in range(2)]
    ranks = sorted(set(rng.integers(1, 14, int(rng.integers(0, 4))).tolist()))
    pins = [Pin(rank, np.sort(rng.choice(N, int(rng.integers(1, 3)), False))) for rank in ranks]
    return Placement(tuple(pins), tuple(caps), tuple(floors[: int(rng.integers(0, 3))]))


@pytest.mark.parametrize("seed", range(25))
def test_many_lists_are_those_of_one_by_one(seed: int) -> None:
    rng = np.random.default_rng(seed)
    placement, k = made_placement(rng), int(rng.integers(1, 13))
    scores = rng.random((LISTS, N)).astype(np.float32)
    scores[rng.random((LISTS, N)) < 0.1] = -np.inf
    rows = np.flatnonzero(rng.random(LISTS) < 0.7)
    order = np.argsort(-scores[rows], axis=1, kind="stable")
    best = np.where(np.take_along_axis(scores[rows], order, axis=1) > -np.inf, order, -1)[:, :40]
    lists, done = fill_lists(scores, rows, best, placement, placement.words(N), k)
    for row, first, found, filled in zip(rows, best, lists, done, strict=True):
        if filled:
            known = first[first >= 0].tolist()
            alone = placement.place(known, k, scores[row].__getitem__, whole=len(known) < 40)
            assert alone == found.tolist()


def test_most_lists_are_filled_at_once_where_caps_are_all_there_is() -> None:
    rng = np.random.default_rng(1)
    groups = (np.arange(N + 1), rng.integers(0, 8, N))
    scores = rng.random((LISTS, N)).astype(np.float32)
    best = np.argsort(-scores, axis=1)[:, :40]
    placement = Placement(caps=(Cap(2, 10, groups),))
    done = fill_lists(scores, np.arange(LISTS), best, placement, placement.words(N), 10)[1]
    assert done.mean() > 0.9
