"""The benchmark of erasing: its people, and its attack finds who was trained with."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import scipy.sparse as sp

from benchmarks import erasure
from benchmarks.speed.generate import generate
from kgrec.nn import ItemWeights


def test_people_leave_under_ids_of_their_own() -> None:
    catalog = generate(2_000)
    found = erasure.people(catalog, 5, 0)
    whole, rest = (set(one.users["user_id"]) for one in (found.planted.whole, found.planted.rest))
    assert whole - rest == set(found.planted.people)
    assert found.stays in rest
    assert len(rest) == len(catalog.users) - 10
    assert len(found.planted.whole.reviews) == len(found.erased) == len(found.outside) == 5
    assert all(len(history) for history in (*found.erased, *found.outside))


def test_the_attack_finds_members_in_weights_that_hold_them() -> None:
    """Weights that are large among the items of members, and nowhere else."""
    rng = np.random.default_rng(0)
    names = [f"i{n}" for n in range(60)]
    sides = [[rng.choice(60, 6, replace=False) for _ in range(20)] for _ in range(2)]
    inside, nothing = np.zeros((60, 60), dtype=np.float32), np.ones((60, 60), dtype=np.float32)
    for history in sides[0][:5]:
        inside[np.ix_(history, history)] += 1
    vocabulary = SimpleNamespace(items=np.array(names, dtype=object))
    ids = [[np.array(names, dtype=object)[rows] for rows in side] for side in sides]
    found: Any = SimpleNamespace(erased=ids[0][:5], outside=ids[1])
    parts = {"with them": inside, "erased": nothing, "never saw them": nothing}
    engines: Any = {
        name: SimpleNamespace(
            vocabulary=vocabulary, weights=ItemWeights(sp.csr_matrix(values), np.inf)
        )
        for name, values in parts.items()
    }
    figures = erasure._attacks(engines, found)
    assert figures["with them"] > 0.9
    assert figures["erased"] == figures["never saw them"] == 0.5
    assert figures["with them, beside the other model"] > 0.9
    assert figures["erased, beside the other model"] == 0.5
    assert figures["erased less never"] == {"mean": 0.0, "low": 0.0, "high": 0.0}
