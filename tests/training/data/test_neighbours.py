"""Sampling rows of a CSR matrix, and parts of the feature tables."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from kgrec.training.data.neighbours import GraphSampler, sample_rows
from tests.nn.samples import Sample, make_sample


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    return make_sample(tmp_path_factory.mktemp("sampling"))


def matrix(lengths: list[int], columns: int = 60) -> sp.csr_matrix:
    """Rows with that many entries, each value naming its column."""
    rng = np.random.default_rng(0)
    chosen = [np.sort(rng.choice(columns, size=n, replace=False)) for n in lengths]
    indices = np.concatenate([np.empty(0, dtype=np.int64), *chosen])
    indptr = np.concatenate([[0], np.cumsum(lengths)])
    return sp.csr_matrix((indices + 1.0, indices, indptr), shape=(len(lengths), columns))


@given(
    st.lists(st.integers(0, 50), min_size=1, max_size=12), st.integers(1, 20), st.integers(0, 99)
)
@settings(deadline=None, max_examples=60)
def test_short_rows_stay_and_long_ones_are_thinned(
    lengths: list[int], fanout: int, seed: int
) -> None:
    whole = matrix(lengths)
    rows = np.arange(len(lengths))[::-1]
    thin = sample_rows(whole, rows, fanout, np.random.default_rng(seed))
    for place, row in enumerate(rows):
        full, part = whole[row], thin[place]
        assert set(part.indices) <= set(full.indices)
        assert len(set(part.indices)) == part.nnz == min(lengths[row], fanout)
        scale = max(lengths[row] / fanout, 1.0)
        np.testing.assert_allclose(part.data, (part.indices + 1.0) * scale, rtol=1e-6)


def test_every_entry_of_a_long_row_is_as_likely() -> None:
    whole = matrix([50])
    rng = np.random.default_rng(1)
    draws = 4_000
    counts = np.zeros(60)
    total = np.zeros(60)
    for _ in range(draws):
        part = sample_rows(whole, np.array([0]), 8, rng)
        counts[part.indices] += 1
        total[part.indices] += part.data
    there = whole.indices
    np.testing.assert_allclose(counts[there] / draws, 8 / 50, atol=0.03)
    np.testing.assert_allclose(total[there].sum() / draws, whole.data.sum(), rtol=0.02)


def test_sampling_is_the_seeds_alone() -> None:
    whole = matrix([50, 40, 30])
    rows = np.array([2, 0, 0])
    one, same, other = (
        sample_rows(whole, rows, 5, np.random.default_rng(seed)) for seed in (3, 3, 4)
    )
    assert (one != same).nnz == 0
    assert (one != other).nnz > 0


@pytest.mark.parametrize("layers", [1, 2, 3])
def test_a_part_holds_what_reaches_its_items(sample: Sample, layers: int) -> None:
    """With room for every neighbour a part's rows of messages are those of the whole."""
    sampler = GraphSampler(sample.tables, layers, fanout=10_000)
    asked, users = np.array([1, 4, 7, 30]), np.array([2, 5])
    part = sampler.part(asked, users, np.array([1]), np.random.default_rng(0))
    n_items, whole = len(sample.tables.item_row), sample.tables.messages
    nodes = np.concatenate([part.items, part.used["knowledge"] + n_items])
    sent = part.tables.messages
    assert set(asked) <= set(part.items)
    for item in asked:
        expected = whole.matrix[item]
        row = sent.matrix[int(np.flatnonzero(nodes == item)[0])]
        result = {
            (int(nodes[sent.source[token]]), int(sent.relation[token])): value
            for token, value in zip(row.indices, row.data, strict=True)
        }
        assert result == {
            (int(whole.source[token]), int(whole.relation[token])): value
            for token, value in zip(expected.indices, expected.data, strict=True)
        }
    assert part.used["id"].tolist() == sorted(
        {int(row) for row in sample.tables.item_row[part.items] if row >= 0}
    )
    np.testing.assert_array_equal(part.tables.rows["text"], sample.tables.rows["text"][part.items])
    assert part.tables.user_tokens.shape[0] == len(users)


def test_a_part_reads_no_more_neighbours_than_allowed(sample: Sample) -> None:
    sampler = GraphSampler(sample.tables, 2, fanout=1)
    asked = np.arange(10)
    part = sampler.part(asked, np.array([0, 1]), np.array([0]), np.random.default_rng(0))
    assert np.diff(part.tables.messages.matrix.indptr).max() == 1
    assert part.tables.friends is not None
    assert np.diff(part.tables.friends.indptr).max() <= 1
