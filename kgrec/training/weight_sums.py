"""WeightSums: what item–item weights are computed from, kept so that new rows are added to it.

The items' Gram matrix is a sum over rows XᵀX; so a row that changes from x to y changes it by
yyᵀ - xxᵀ, and only rows that changed are read. With many items there is no Gram matrix
(``local_ridge``): there the items are found whose neighbourhood changed, and these alone are
regressed again; the weights of all others are what they were, to the bit.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
import scipy.sparse as sp
import torch

from kgrec.graph.snapshot import Ints, Strings, rows_in
from kgrec.training.item_weights import (
    RegressionRows,
    has_gram,
    local_weights,
    nearest_items,
    weights_of_sums,
)

PENALTY_DRIFT = 0.05  # with many items the ridge stays while it is within this share of a new one
_Products = Mapping[str, np.ndarray]
# The products that are summed over users: of which rows with which.
_PAIRS = {
    "gram": ("likes", "likes"),
    "products": ("likes", "targets"),
    "own": ("negative", "negative"),
    "across": ("negative", "likes"),
    "wanted": ("negative", "targets"),
}
_SYMMETRIC = ("gram", "own")
_WITH_OTHERS = ("gram", "products")  # these count nodes and words, too


@dataclass(frozen=True, eq=False)
class WeightSums:
    """Sums over the rows of a regression.

    Attributes
    ----------
    penalty : float
        λ of the weights.
    products : mapping of str to float64 ``[n, n]``
        The Gram matrix, and the products with targets and of negative events where there are any;
        empty where each item is regressed on its nearest alone, and before they were asked for.
    """

    penalty: float
    products: _Products = field(default_factory=dict)

    def arrays(self) -> dict[str, np.ndarray]:
        """The arrays that ``of_arrays`` reads: products as float32, of symmetric ones a half."""
        found = {"penalty": np.array([self.penalty])}
        for name, one in self.products.items():
            half = one[np.tril_indices(len(one))] if name in _SYMMETRIC else one
            found[name] = half.astype(np.float32)
        return found

    @staticmethod
    def of_arrays(arrays: Mapping[str, np.ndarray]) -> WeightSums:
        """The sums that ``arrays`` wrote."""
        products = {}
        for name in [name for name in arrays if name != "penalty"]:
            values = arrays[name].astype(np.float64)
            if name in _SYMMETRIC:
                size = round((np.sqrt(8 * len(values) + 1) - 1) / 2)
                whole, cells = np.zeros((size, size)), np.tril_indices(size)
                whole[cells] = values
                values = whole + np.tril(whole, -1).T
            products[name] = values
        return WeightSums(float(arrays["penalty"][0]), products)


@dataclass(frozen=True, eq=False)
class CountedRows:
    """The rows of a regression, with the ids by which they are found in another graph.

    Attributes
    ----------
    rows : RegressionRows
    users, items : object arrays of str
        Ids of the rows of users, and of the items.
    """

    rows: RegressionRows
    users: Strings
    items: Strings


def added_weights(
    before: tuple[CountedRows, WeightSums, sp.csr_matrix] | None,
    now: CountedRows,
    ridge: float,
    strength: float,
    device: torch.device,
) -> tuple[sp.csr_matrix, WeightSums]:
    """The weights of the rows of ``now``, as ``fit_item_weights`` gives them, times ``strength``,
    and their sums.

    Parameters
    ----------
    before : tuple of CountedRows, WeightSums, CSR float32, or None
        Earlier rows, their sums and their weights over their items; None computes all anew.
    now : CountedRows
    ridge, strength : float
        As in ``fit_item_weights``; the factor of all weights, also of those before.
    device : torch.device

    Returns
    -------
    tuple of CSR float32 ``[n, n]`` (or ``[2 n, n]``) and WeightSums
        Up to 6,000 items with λ of these rows. Above, λ stays that of ``before`` while the new one
        is within 5 % of it, as any other would change the weights of all items.
    """
    penalty = ridge * now.rows.mean_events
    if before is not None and not _goes_on(before[0], now):
        before = None
    factor = np.float32(strength)
    if has_gram(len(now.items)):
        known = {} if before is None else before[1].products
        if before is None or not known or _is_dearer(before[0], now):
            sums = _all_products(now.rows)
        else:
            sums = _added_products(known, before[0], now)
        tensors = {
            name: torch.from_numpy(one.astype(np.float32)).to(device) for name, one in sums.items()
        }
        return weights_of_sums(tensors, penalty) * factor, WeightSums(penalty, sums)
    if before is None or abs(penalty / before[1].penalty - 1) > PENALTY_DRIFT:
        return local_weights(now.rows, penalty) * factor, WeightSums(penalty)
    rows, sums_before, weights = before
    return _added_local(rows, now, sums_before.penalty, weights, factor), sums_before


def _goes_on(before: CountedRows, now: CountedRows) -> bool:
    """Whether the weights of ``now`` are computed as those before were, and no item left."""
    sizes = len(before.items), len(now.items)
    alike = has_gram(sizes[0]) == has_gram(sizes[1]) and (
        has_gram(sizes[0]) or nearest_items(sizes[0]) == nearest_items(sizes[1])
    )
    return alike and bool((rows_in(now.items, before.items) >= 0).all())


def _all_products(rows: RegressionRows) -> _Products:
    """The products of all rows."""
    found = {}
    for name, (left, right) in _PAIRS.items():
        one, other = getattr(rows, left), getattr(rows, right)
        if one is None or other is None:
            continue
        found[name] = _product(one, other).toarray()
        if name in _WITH_OTHERS:
            for part in rows.others:
                found[name] += _product(part.matrix, part.matrix).toarray()
    return found


def _added_products(known: _Products, before: CountedRows, now: CountedRows) -> _Products:
    """The products of the rows ``now``, from those of the rows before."""
    changes = {
        name: _Change.of_users(getattr(before.rows, name), before, now, name)
        for name in ("likes", "targets", "negative")
    }
    others = list(_changed_others(before, now))
    place, found = rows_in(now.items, before.items), {}
    for name, (left, right) in _PAIRS.items():
        one, other = changes[left], changes[right]
        if one is None or other is None:
            continue
        total = np.zeros((len(now.items),) * 2)
        if name in known:
            total[np.ix_(place, place)] = known[name]
        for part in [(one, other), *((each, each) for each in others if name in _WITH_OTHERS)]:
            added = _difference(*part).tocoo()
            total[added.row, added.col] += added.data
        found[name] = total
    return found


@dataclass(frozen=True, eq=False)
class _Change:
    """Rows ``now`` and how much they grew, CSR float64 ``[r, n]``."""

    now: sp.csr_matrix
    grown: sp.csr_matrix

    @staticmethod
    def of(before: sp.csr_matrix, now: sp.csr_matrix) -> _Change:
        """Of rows over the same names and items."""
        now = now.astype(np.float64)
        grown = (now - before.astype(np.float64)).tocsr()
        grown.eliminate_zeros()
        return _Change(now, grown)

    @staticmethod
    def of_users(
        old: sp.csr_matrix | None, before: CountedRows, now: CountedRows, name: str
    ) -> _Change | None:
        new = getattr(now.rows, name)
        if new is None:
            return None
        if old is None:
            return _Change.of(sp.csr_matrix(new.shape), new)
        return _Change.of(_aligned(old, (before.users, before.items), (now.users, now.items)), new)


def _changed_others(before: CountedRows, now: CountedRows) -> Iterator[_Change]:
    """The changes of nodes and words, by kind."""
    kinds = {part.kind: part for part in before.rows.others}
    for part in now.rows.others:
        old = kinds.pop(part.kind, None)
        if old is None:
            yield _Change.of(sp.csr_matrix(part.matrix.shape), part.matrix)
            continue
        names = np.concatenate([part.names, old.names[rows_in(part.names, old.names) < 0]])
        target = names, now.items
        yield _Change.of(
            _aligned(old.matrix, (old.names, before.items), target),
            _aligned(part.matrix, (part.names, now.items), target),
        )
    for old in kinds.values():
        aligned = _aligned(old.matrix, (old.names, before.items), (old.names, now.items))
        yield _Change.of(aligned, sp.csr_matrix(aligned.shape))


def _aligned(
    matrix: sp.csr_matrix, own: tuple[Strings, Strings], wanted: tuple[Strings, Strings]
) -> sp.csr_matrix:
    """The rows and columns with the names ``wanted`` of a matrix with the names ``own``; rows that
    it lacks are empty."""
    place = rows_in(wanted[1], own[1])
    moved = sp.csr_matrix(
        (matrix.data, place[matrix.indices], matrix.indptr),
        shape=(matrix.shape[0], len(wanted[1])),
    )
    row = rows_in(own[0], wanted[0])
    known = np.flatnonzero(row >= 0)
    cells = (np.ones(len(known), dtype=matrix.dtype), (known, row[known]))
    return (sp.csr_matrix(cells, shape=(len(row), matrix.shape[0])) @ moved).tocsr()


def _product(one: sp.csr_matrix, other: sp.csr_matrix) -> sp.csr_matrix:
    """XᵀY, float64."""
    return (one.T.astype(np.float64).tocsr() @ other.astype(np.float64)).tocsr()


def _difference(one: _Change, other: _Change) -> sp.csr_matrix:
    """XᵀY - (X - dX)ᵀ(Y - dY), through the rows that grew: (X - dX / 2)ᵀ dY + dXᵀ (Y - dY / 2)."""
    rows = np.flatnonzero(np.diff(one.grown.indptr) + np.diff(other.grown.indptr))
    half = _product(one.now[rows] - one.grown[rows] / 2, other.grown[rows])
    if one is other:
        return (half + half.T).tocsr()
    return (half + _product(one.grown[rows], other.now[rows] - other.grown[rows] / 2)).tocsr()


def _is_dearer(before: CountedRows, now: CountedRows) -> bool:
    """Whether adding the users' changes takes more products than all rows do."""
    change = _Change.of_users(before.rows.likes, before, now, "likes")
    assert change is not None
    lengths, grown = (np.diff(one.indptr).astype(float) for one in (change.now, change.grown))
    return bool((2 * lengths * grown).sum() > (lengths**2).sum())


def _added_local(
    before: CountedRows,
    now: CountedRows,
    penalty: float,
    weights: sp.csr_matrix,
    factor: np.float32,
) -> sp.csr_matrix:
    """``weights`` over the items before, with the columns that the change reaches made anew."""
    target = now.items, now.items
    kept = _aligned(weights, (before.items, before.items), target)
    only = _reached(before, now, kept)
    fresh = local_weights(now.rows, penalty, only) * factor
    stays = np.ones(len(now.items), dtype=np.float32)
    stays[only] = 0
    return (kept @ sp.diags(stays) + fresh).tocsr()


def _reached(before: CountedRows, now: CountedRows, kept: sp.csr_matrix) -> Ints:
    """int64: the items whose nearest items, or products with or among these, may have changed.

    An entry of the Gram matrix changes only where one of its two items gained something in a row.
    So an item is reached if a row that holds it changed, or one of its nearest items gained. A
    longer column is less similar to all others, so that it comes near no further item; where
    something became smaller, as under a cap, every item that shares a row with it is reached.
    """
    changes = [
        change
        for name in ("likes", "targets")
        if (change := _Change.of_users(getattr(before.rows, name), before, now, name)) is not None
    ]
    changes += _changed_others(before, now)
    size = len(now.items)
    reached, gained = np.zeros(size, dtype=bool), np.zeros(size, dtype=bool)
    for change in changes:
        rows = np.diff(change.grown.indptr) > 0
        old = (change.now - change.grown).tocsr()
        for matrix in (change.now[rows], old[rows]):
            reached[matrix.indices] = True
        gained[change.grown.indices] = True
    if any((change.grown.data < 0).any() for change in changes):
        for change in changes:
            for matrix in (change.now, (change.now - change.grown).tocsr()):
                shares = (matrix @ gained.astype(np.float64)) != 0
                reached[matrix[shares].indices] = True
    near = kept.tocsc()
    entries = np.repeat(np.arange(size), np.diff(near.indptr))
    reached[entries[gained[near.indices]]] = True
    return np.flatnonzero(reached | gained)
