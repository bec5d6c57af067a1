"""Owners of rows: every row has one, evenly, whatever the order of rows means."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kgrec.distributed.shards import Owners


@given(st.integers(0, 500), st.integers(1, 9))
def test_each_row_has_one_owner_and_one_place(rows: int, parts: int) -> None:
    owners = Owners(rows, parts)
    every = np.arange(rows)
    assert sorted(owners.places(every).tolist()) == every.tolist()
    owned = [owners.owned(part) for part in range(parts)]
    assert sorted(np.concatenate(owned).tolist()) == every.tolist()
    for part, mine in enumerate(owned):
        assert (owners.of(mine) == part).all()
        assert owners.places(mine).tolist() == list(
            range(owners.start(part), owners.start(part + 1))
        )


@given(st.integers(1, 500), st.integers(1, 4), st.integers(1, 4))
def test_places_do_not_depend_on_the_number_of_parts(rows: int, one: int, other: int) -> None:
    every = np.arange(rows)
    assert (Owners(rows, one).places(every) == Owners(rows, other).places(every)).all()


@pytest.mark.parametrize("parts", [2, 3, 4, 8])
def test_popular_rows_are_spread_where_popularity_falls_with_the_row(parts: int) -> None:
    owners = Owners(10_000, parts)
    popularity = 1 / (np.arange(10_000) + 10.0)
    load = np.bincount(owners.of(np.arange(10_000)), popularity, parts)
    assert load.max() / load.mean() < 1.15
