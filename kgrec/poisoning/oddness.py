"""How odd users are under a model: histories that it hardly predicts, and copies of others."""

from __future__ import annotations

from typing import Final

import numpy as np
import scipy.sparse as sp
from scipy.special import ndtri
from scipy.stats import rankdata

from kgrec.graph.snapshot import Floats, Ints
from kgrec.poisoning.pairs import Pairs

_CELLS: Final = 2**22  # numbers in memory at once
_OVERLAP: Final = 0.5  # a deviation of the overlap, whose tail is long, beside one of the fit
_FLOOR: Final = 0.2  # of the mean deviation: the least that a length may have


def oddness(pairs: Pairs, weights: sp.csr_matrix, users: Ints) -> Floats:
    """How odd each of ``users`` (int64 ``[m]``) is, as a normal score among them, float64 ``[m]``.

    The larger of two deviations counts, both from what users with as many items have: by how much
    less the item–item ``weights`` (CSR ``[n, n]``) predict each item of the history from the
    others, and by how much more of the history one other user has, as the cosine of the two.
    """
    lengths = pairs.lengths[users]
    misfit = -beyond_length(fit(pairs, weights, users), lengths)
    overlap = beyond_length(greatest_overlap(pairs, users), lengths)
    odd = np.maximum(misfit, _OVERLAP * overlap)
    return np.asarray(ndtri((rankdata(odd) - 0.5) / max(len(odd), 1)))


def fit(pairs: Pairs, weights: sp.csr_matrix, users: Ints) -> Floats:
    """float64 ``[m]``: how well the weights predict each user's items from their other ones.

    The mean over the items of the user's score, in standard deviations of the scores that the item
    has for all ``users``. The weights have no diagonal, so that an item does not predict itself.
    """
    total, squares = np.zeros(pairs.n_items), np.zeros(pairs.n_items)
    own, item = [], []
    for block in _blocks(users, pairs.n_items):
        history = pairs.matrix[block]
        scores = (history @ weights).tocsr()
        values = scores.data.astype(np.float64)
        total += np.bincount(scores.indices, values, minlength=pairs.n_items)
        squares += np.bincount(scores.indices, values**2, minlength=pairs.n_items)
        cells = history.tocoo()
        own.append(np.asarray(scores[cells.row, cells.col], dtype=np.float64).ravel())
        item.append(cells.col)
    if not own:
        return np.zeros(0)
    mean = total / len(users)
    spread = np.sqrt(np.maximum(squares / len(users) - mean**2, 0))
    at = np.concatenate(item)
    with np.errstate(divide="ignore", invalid="ignore"):
        relative = np.nan_to_num((np.concatenate(own) - mean[at]) / spread[at], posinf=0, neginf=0)
    lengths = pairs.lengths[users]
    row = np.repeat(np.arange(len(users)), lengths)
    sums = np.bincount(row, relative, minlength=len(users))
    return np.asarray(sums / np.maximum(lengths, 1))


def greatest_overlap(pairs: Pairs, users: Ints) -> Floats:
    """float64 ``[m]``: the greatest cosine of each user's set of items with that of another user.

    Takes time in the sum, over their items, of the users who chose the item.
    """
    across = pairs.matrix.T.tocsr()
    found = []
    for block in _blocks(users, pairs.n_users):
        shared = (pairs.matrix[block] @ across).tocsr()
        row = np.repeat(np.arange(len(block)), np.diff(shared.indptr))
        length = pairs.lengths[block[row]] * pairs.lengths[shared.indices]
        cosine = np.where(shared.indices == block[row], 0.0, shared.data / np.sqrt(length))
        most = np.zeros(len(block))
        np.maximum.at(most, row, cosine)
        found.append(most)
    return np.concatenate(found) if found else np.zeros(0)


def _blocks(users: Ints, width: int) -> list[Ints]:
    """``users`` in parts so small that a row of ``width`` numbers for each fits into memory."""
    size = max(1, _CELLS // max(width, 1))
    return [users[start : start + size] for start in range(0, len(users), size)]


def beyond_length(values: Floats, lengths: Ints) -> Floats:
    """The deviation of ``values`` (float64 ``[m]``) from what users of that length have.

    Both the expected value and the expected size of a deviation are fitted by least squares to the
    logarithm of the length, as a polynomial of degree two and one: a few hundred users of one
    length do not define by themselves what is usual there.
    """
    log = np.log(np.maximum(lengths, 1).astype(np.float64))
    rest = values - _polynomial(log, values, 2)
    size = np.abs(rest)
    usual = np.maximum(_polynomial(log, size, 1), _FLOOR * size.mean() if len(size) else 0)
    return np.asarray(np.divide(rest, usual, out=np.zeros_like(rest), where=usual > 0))


def _polynomial(at: Floats, values: Floats, degree: int) -> Floats:
    """The values of the least-squares polynomial at ``at``, from plain sums: the number of threads
    of a matrix library changes no digit."""
    powers = [at**power for power in range(degree + 1)]
    gram = np.array([[float(np.sum(one * two)) for two in powers] for one in powers])
    right = np.array([float(np.sum(one * values)) for one in powers])
    factors = np.linalg.pinv(gram, hermitian=True) @ right
    return np.asarray(sum(factor * power for factor, power in zip(factors, powers, strict=True)))
