"""Operations on arrays against plain loops and sets."""

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

from kgrec.arrays import (
    binary_matrix,
    contains,
    distinct,
    offsets,
    pairs_to_csr,
    ranges,
    row_numbers,
    take_rows,
    unit_rows,
    unit_sparse_rows,
)

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


@given(st.lists(st.integers(-5, 5)), st.sampled_from([np.int32, np.int64]))
def test_distinct_is_numpys_unique(values, kind):
    array = np.array(values, dtype=kind)
    found = distinct(array)
    assert found.tolist() == np.unique(array).tolist()
    assert found.dtype == kind


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 4))))
def test_ranges_are_those_of_a_loop(parts):
    starts = np.array([start for start, _ in parts], dtype=np.int64)
    counts = np.array([count for _, count in parts], dtype=np.int64)
    found = ranges(starts, counts)
    assert found.dtype == np.int64
    assert found.tolist() == [start + place for start, count in parts for place in range(count)]
    assert offsets(counts).tolist() == [sum(counts[:row]) for row in range(len(parts) + 1)]
    assert offsets(counts).dtype == np.int64


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_unit_rows_have_length_one_or_none(kind):
    vectors = np.array([[3, 4], [0, 0], [-2, 0]], dtype=kind)
    assert unit_rows(vectors).dtype == kind
    expected = np.array([[0.6, 0.8], [0, 0], [-1, 0]])
    np.testing.assert_allclose(unit_rows(vectors), expected, rtol=1e-6)
    np.testing.assert_allclose(
        unit_sparse_rows(sp.csr_matrix(vectors)).toarray(), expected, rtol=1e-6
    )


def test_a_binary_matrix_counts_no_pair_twice():
    found = binary_matrix(np.array([1, 0, 1]), np.array([2, 0, 2]), (2, 3), np.float32)
    assert found.dtype == np.float32
    assert found.toarray().tolist() == [[1, 0, 0], [0, 0, 1]]
