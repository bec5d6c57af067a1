"""top_k against a plain sort, ties and batches included."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from graph_schema.errors import RequestError
from kgrec.arrays import pairs_to_csr, take_rows
from kgrec.ranking import top_k

DEVICES = ["cpu", "cuda"] if torch.cuda.is_available() else ["cpu"]


def plain_top(scores, k):
    order = np.lexsort((np.arange(len(scores)), -scores))
    return [int(row) for row in order if scores[row] > -np.inf][:k]


@given(st.integers(0, 2**32 - 1), st.integers(1, 5), st.integers(1, 25), st.integers(1, 30))
def test_agrees_with_a_plain_sort(seed, n_rows, n_items, k):
    rng = np.random.default_rng(seed)
    scores = rng.integers(0, 4, (n_rows, n_items)).astype(np.float32)
    seen = pairs_to_csr(rng.integers(0, n_rows, 8), rng.integers(0, n_items, 8), n_rows)
    allowed = np.flatnonzero(rng.random(n_items) < 0.7)
    rows, values = top_k(scores, k, seen=seen, candidates=allowed)
    for row in range(n_rows):
        expected = scores[row].copy()
        expected[seen[1][seen[0][row] : seen[0][row + 1]]] = -np.inf
        expected[np.setdiff1d(np.arange(n_items), allowed)] = -np.inf
        best = plain_top(expected, k)
        assert rows[row].tolist() == best + [-1] * (k - len(best))
        assert values[row].tolist() == expected[best].tolist() + [-np.inf] * (k - len(best))


@given(st.integers(0, 2**32 - 1), st.integers(1, 12), st.sampled_from([3, 10**9]))
def test_a_single_row_agrees_with_a_plain_sort(seed, k, levels):
    """With and without ties; some items seen, even twice; the given scores stay as they are."""
    rng = np.random.default_rng(seed)
    scores = rng.integers(0, levels, (1, 30)).astype(np.float32)
    seen = rng.integers(0, 30, 25)
    before = scores.copy()
    rows, values = top_k(scores, k, seen=(np.array([0, 25]), seen))
    assert (scores == before).all()
    expected = scores[0].copy()
    expected[seen] = -np.inf
    best = plain_top(expected, k)
    assert rows[0].tolist() == best + [-1] * (k - len(best))
    assert values[0].tolist() == expected[best].tolist() + [-np.inf] * (k - len(best))
    with pytest.raises(RequestError, match="NaN"):
        top_k(np.where(np.arange(30) == 7, np.nan, before).astype(np.float32), k)


@pytest.mark.parametrize("levels", [40, 10**9])
@pytest.mark.parametrize("shape", [(1, 40_000), (7, 2_999), (3, 5_461)])
def test_long_rows_agree_with_a_plain_sort(shape, levels):
    """Chosen in two steps; ties within and across blocks."""
    rng = np.random.default_rng(shape[1] + levels)
    scores = rng.integers(0, levels, shape).astype(np.float32)
    scores[0, 100:] = -np.inf
    for k in (1, 20, 150):
        rows, values = top_k(torch.from_numpy(scores), k)
        for row in range(shape[0]):
            best = plain_top(scores[row], k)
            assert rows[row].tolist() == best + [-1] * (k - len(best))
            assert values[row, : len(best)].tolist() == scores[row, best].tolist()


def test_overwriting_gives_the_same_answer():
    scores = np.random.default_rng(3).normal(size=(5, 50)).astype(np.float32)
    seen = pairs_to_csr(np.arange(5), np.arange(5) * 7, 5)
    plain = top_k(scores, 6, seen=seen)
    for own in (scores.copy(), torch.from_numpy(scores.copy())):
        rows, values = top_k(own, 6, seen=seen, overwrite=True)
        assert (np.asarray(rows) == plain[0]).all()
        assert (np.asarray(values) == plain[1]).all()


def test_does_not_depend_on_the_batch_or_change_the_input():
    scores = torch.from_numpy(np.random.default_rng(1).integers(0, 9, (40, 300))).float()
    before = scores.clone()
    seen = pairs_to_csr(np.arange(40), np.arange(40), 40)
    together, _ = top_k(scores, 10, seen=seen)
    for row in range(40):
        alone, _ = top_k(scores[row : row + 1], 10, seen=take_rows(seen, np.array([row])))
        assert torch.equal(alone[0], together[row])
    assert torch.equal(scores, before)


def test_masks_of_both_shapes_agree_with_rows():
    scores = np.random.default_rng(2).normal(size=(3, 20))
    mask = np.zeros(20, dtype=bool)
    mask[[3, 5, 11]] = True
    by_rows = top_k(scores, 4, candidates=np.array([3, 5, 11]))[0]
    assert (by_rows == top_k(scores, 4, candidates=mask)[0]).all()
    assert (by_rows == top_k(scores, 4, candidates=np.tile(mask, (3, 1)))[0]).all()
    assert (by_rows[:, 3] == -1).all()


@pytest.mark.parametrize(
    ("scores", "k", "options", "message"),
    [
        (np.zeros(3), 1, {}, "shape"),
        (np.zeros((1, 3)), 0, {}, "at least one"),
        (np.array([[0.0, np.nan]]), 1, {}, "NaN"),
        (np.zeros((1, 3)), 1, {"candidates": np.array([3])}, "outside 0..2"),
        (np.zeros((1, 3)), 1, {"candidates": np.array([True])}, "covers 1"),
        (np.zeros((2, 3)), 1, {"seen": pairs_to_csr(np.array([0]), np.array([1]), 1)}, "1 rows"),
    ],
)
def test_says_what_is_wrong(scores, k, options, message):
    with pytest.raises(RequestError, match=message):
        top_k(scores, k, **options)


def test_half_precision_scores_come_back_as_float32():
    rows, values = top_k(torch.tensor([[1.0, 3.0]], dtype=torch.bfloat16), 1)
    assert rows.item() == 1
    assert values.dtype == torch.float32


@pytest.mark.parametrize("device", DEVICES)
def test_devices_agree(device):
    scores = torch.randint(0, 50, (64, 5000), generator=torch.Generator().manual_seed(0)).float()
    seen = pairs_to_csr(np.arange(64), np.arange(64), 64)
    rows, values = top_k(scores.to(device), 20, seen=seen)
    assert rows.device.type == values.device.type == device
    for row in range(64):
        expected = scores[row].numpy().copy()
        expected[row] = -np.inf
        assert rows[row].tolist() == plain_top(expected, 20)


@pytest.mark.parametrize("k", [1, 2, 10])
def test_a_single_row_without_any_item_left_is_padded(k):
    rows, scores = top_k(np.full((1, 50), -np.inf, dtype=np.float32), k)
    assert rows.tolist() == [[-1] * k]
    assert (scores == -np.inf).all()
