"""Rows of item lists against plain sets."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from kgrec.ranking import pairs_to_csr, take_rows
from kgrec.ranking.csr import contains, row_numbers

PAIRS = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 9)), max_size=30)


@given(PAIRS, st.lists(st.integers(0, 4), max_size=8))
def test_rows_hold_each_users_distinct_items(pairs, rows):
    users = np.array([user for user, _ in pairs], dtype=np.int64)
    items = np.array([item for _, item in pairs], dtype=np.int64)
    csr = pairs_to_csr(users, items, 5)
    expected = [sorted({item for user, item in pairs if user == row}) for row in range(5)]
    assert [list(part) for part in np.split(csr[1], csr[0][1:-1])] == expected
    assert row_numbers(csr[0]).tolist() == [row for row in range(5) for _ in expected[row]]
    taken = take_rows(csr, np.array(rows, dtype=np.int64))
    assert len(taken[0]) == len(rows) + 1
    for place, row in enumerate(rows):
        assert taken[1][taken[0][place] : taken[0][place + 1]].tolist() == expected[row]


@given(PAIRS)
def test_contains_agrees_with_a_set(pairs):
    users = np.array([user for user, _ in pairs], dtype=np.int64)
    items = np.array([item for _, item in pairs], dtype=np.int64)
    wanted = np.tile(np.arange(-1, 12), (5, 1))
    found = contains(pairs_to_csr(users, items, 5), np.arange(5)[:, None], wanted)
    for row in range(5):
        for item, held in zip(wanted[row], found[row], strict=True):
            assert held == ((row, item) in set(pairs))
