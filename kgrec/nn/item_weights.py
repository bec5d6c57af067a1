"""Item–item weights: direct contributions of history items to other items' scores."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property

import numpy as np
import scipy.sparse as sp
import torch
from torch import Tensor

from kgrec.arrays import ranges
from kgrec.graph.snapshot import Floats, Ints, Strings, rows_in
from kgrec.nn.histories import Histories, history_counts, scale_weights
from kgrec.sparse import SparsePattern

_CPU, _FIRST = torch.device("cpu"), torch.zeros(1, dtype=torch.int64)
_SMALL = 4096  # items up to which a dense table is faster


@dataclass(frozen=True, eq=False)
class ItemWeights:
    """score(u, i) += Σ over the history's events j of share(j) · ``matrix[j, i]``.

    ``matrix`` is a SciPy CSR float32 ``[n, n]``, few entries per column (Ning & Karypis, 2011), or
    ``[2 n, n]``: the lower half holds the weights of items as negative events. ``decay``, in
    events, is the time scale on which an event's share falls with its age; inf: each counts one. A
    share is also multiplied by the event's weight. The sum is multiplied by n / (n +
    ``shrinkage``) for a history of n events (by their weights), here as in the model. In scenario k
    ``own[k]`` replaces the matrix, where there is one. ``later`` are ids of items beyond the rows
    that a model knows, the last rows here: they came after training. ``further``
    holds the decay and a factor of the shares where scores are for the further future; None: as for
    the next event.
    """

    matrix: sp.csr_matrix
    decay: float
    shrinkage: float = 0.0
    own: tuple[sp.csr_matrix, ...] = ()
    later: tuple[str, ...] = ()
    further: tuple[float, float] | None = None

    def placed(self, rows: Ints) -> ItemWeights:
        """The same weights with items renumbered: item r has row ``rows[r]`` here, -1 if it has
        none. None is a later one any more."""
        known = np.flatnonzero(rows >= 0)
        size = self.size
        if len(rows) == size and np.array_equal(rows, np.arange(len(rows))):
            return replace(self, later=()) if self.later else self
        cells = (np.ones(len(known), dtype=np.float32), (known, rows[known]))
        at = sp.csr_matrix(cells, shape=(len(rows), size))

        def placed(matrix: sp.csr_matrix) -> sp.csr_matrix:
            halves = [matrix[at_row : at_row + size] for at_row in range(0, matrix.shape[0], size)]
            found = [(at @ half @ at.T).tocsr() for half in halves]
            return found[0] if len(found) == 1 else sp.vstack(found, format="csr")

        return replace(self._each(placed), later=())

    def over(self, rows: Ints, ids: Strings) -> ItemWeights:
        """The weights over the items ``ids``, of which r has row ``rows[r]`` of the model, -1 for
        one that it does not know."""
        if self.later:
            found = rows_in(np.array(self.later, dtype=object), ids)
            first = self.size - len(self.later)
            rows = np.where((rows < 0) & (found >= 0), first + found, rows)
        return self.placed(rows)

    @property
    def size(self) -> int:
        """n, the number of items."""
        return int(self.matrix.shape[1])

    @property
    def signed(self) -> bool:
        """Whether there are weights of negative events."""
        return bool(self.matrix.shape[0] > self.size)

    def times(self, strength: float) -> ItemWeights:
        """The weights, all multiplied by ``strength``."""
        return self._each(lambda matrix: matrix * np.float32(strength))

    def into(self, factors: Floats) -> ItemWeights:
        """The weights with those into item i multiplied by ``factors[i]`` (``[n]``)."""
        scale = sp.diags(np.asarray(factors, dtype=np.float32))
        return self._each(lambda matrix: (matrix @ scale).tocsr())

    def _each(self, change: Callable[[sp.csr_matrix], sp.csr_matrix]) -> ItemWeights:
        own = tuple(change(matrix) for matrix in self.own)
        return replace(self, matrix=change(self.matrix), own=own)

    def with_own(self, own: Sequence[sp.csr_matrix | None], strength: float) -> ItemWeights:
        """The weights with a matrix per scenario (``[n, n]``), times ``strength``; None: the shared
        one. Weights of negative events are shared."""
        factor, negative = np.float32(strength), self.matrix[self.size :]

        def whole(one: sp.csr_matrix) -> sp.csr_matrix:
            scaled = one * factor
            return sp.vstack([scaled, negative], format="csr") if self.signed else scaled

        return replace(self, own=tuple(self.matrix if one is None else whole(one) for one in own))

    def within(self, scenario: int) -> sp.csr_matrix:
        """The weights in a scenario (-1: in none)."""
        return self.own[scenario] if 0 <= scenario < len(self.own) else self.matrix

    def shares(
        self,
        indptr: Ints,
        age: np.ndarray,
        weight: np.ndarray | None = None,
        later: np.ndarray | None = None,
    ) -> np.ndarray:
        """float32 ``[nnz]``: exp(-age / decay) times the shrinkage of the history, times the
        absolute ``weight`` (float32 ``[nnz]``) where given; events of one timestamp share equally
        what they would have one after the other. Zero for negative events without weights here.
        ``later`` (bool ``[B]``): which scores are for the further future."""
        whole = history_counts(indptr, weight)
        shrunk = whole / np.maximum(whole + self.shrinkage, 1)
        shares = _decayed(indptr, age, shrunk, self.decay)
        if self.further is not None and later is not None and later.any():
            decay, factor = self.further
            others = _decayed(indptr, age, shrunk, decay) * np.float32(factor)
            shares = np.where(np.repeat(later, np.diff(indptr)), others, shares)
        if weight is None:
            return shares
        said = np.abs(weight) if self.signed else np.maximum(weight, 0)
        return np.asarray(shares * said, dtype=np.float32)

    def rows(self, items: Ints, weight: np.ndarray | None) -> Ints:
        """int64 ``[nnz]``: the rows of the matrix of events with these items and weights."""
        if weight is None or not self.signed:
            return items
        return np.asarray(items + self.size * (weight < 0))

    def scores(self, histories: Histories, pattern: SparsePattern) -> Tensor:
        """The scores to add, float32 ``[B, n]`` on the pattern's device."""
        shares = self.shares(histories.indptr, histories.age, histories.weight, histories.later)
        if self.own:
            return self._scores_within(histories, shares).to(pattern.indices.device)
        device = pattern.indices.device
        rows = self.rows(histories.item, histories.weight)
        if self._reads_table(device):
            if histories.weight is not None and not self.signed:  # rows of likes alone
                pattern = SparsePattern.build(histories.indptr, rows, self.size, device)
            return pattern.matmul(torch.from_numpy(shares).to(device), self._table(device))
        shape = (len(histories), self.matrix.shape[0])
        history = sp.csr_matrix((shares, rows, histories.indptr), shape=shape)
        return torch.from_numpy((history @ self.matrix).toarray())

    def _scores_within(self, histories: Histories, shares: np.ndarray) -> Tensor:
        scores = np.empty((len(histories), self.size), dtype=np.float32)
        shape = (len(histories), self.matrix.shape[0])
        rows_of = self.rows(histories.item, histories.weight)
        history = sp.csr_matrix((shares, rows_of, histories.indptr), shape=shape)
        for code in np.unique(histories.scenario):
            rows = np.flatnonzero(histories.scenario == code)
            scores[rows] = (history[rows] @ self.within(int(code))).toarray()
        return torch.from_numpy(scores)

    def of_one(self, items: Ints, shares: np.ndarray, scenario: int = -1) -> np.ndarray:
        """The scores to add for one history with event shares ``shares``, float32 ``[n]``;
        ``items`` are its ``rows``."""
        if not self.own and self.size <= _SMALL:
            rows, weights = torch.from_numpy(items), torch.from_numpy(shares)
            # Without the checks of functional.embedding_bag, which take as long as the sum.
            found = torch.embedding_bag(self._table(_CPU), rows, _FIRST, per_sample_weights=weights)
            return np.asarray(found[0][0])
        columns, values = self.entries(items, shares, scenario)
        added = np.bincount(columns, values, minlength=self.size)
        return added.astype(np.float32)

    def entries(
        self, items: Ints, shares: np.ndarray, scenario: int = -1
    ) -> tuple[np.ndarray, np.ndarray]:
        """The items that the weights of ``items`` (its ``rows``) add to, int ``[e]`` with repeats,
        and what they add, float32 ``[e]``, for one history with event shares ``shares``."""
        matrix = self.within(scenario)
        starts = matrix.indptr[items]
        counts = matrix.indptr[items + 1] - starts
        cells = ranges(starts, counts)
        return matrix.indices[cells], matrix.data[cells] * np.repeat(shares, counts)

    def contributions(self, histories: Histories, item: int) -> Floats:
        """float64 ``[nnz]``: the contribution of each event of one history to the score of
        ``item``."""
        columns = self._columns(int(histories.scenario[0]))
        part = slice(columns.indptr[item], columns.indptr[item + 1])
        column = np.zeros(columns.shape[0])
        column[columns.indices[part]] = columns.data[part]
        shares = self.shares(histories.indptr, histories.age, histories.weight, histories.later)
        return np.asarray(shares * column[self.rows(histories.item, histories.weight)])

    @cached_property
    def _columns(self) -> Callable[[int], sp.csc_matrix]:
        return cache(lambda scenario: self.within(scenario).tocsc())

    def warm_up(self, device: torch.device) -> None:
        """Compute now what the first scores on this device need."""
        if not self.own and self._reads_table(device):
            self._table(device)

    def _reads_table(self, device: torch.device) -> bool:
        """Whether scores are computed from the dense matrix."""
        return device.type != "cpu" or self.size <= _SMALL

    def _table(self, device: torch.device) -> Tensor:
        kept = self._tables.get(device)
        if kept is None:
            kept = self._tables[device] = torch.from_numpy(self._dense).to(device)
        return kept

    @cached_property
    def _dense(self) -> np.ndarray:
        return np.asarray(self.matrix.toarray())

    @cached_property
    def _tables(self) -> dict[torch.device, Tensor]:
        return {}

    def arrays(self) -> dict[str, np.ndarray]:
        """The arrays that ``of_arrays`` reads."""
        found = {"shape": np.array([self.decay, self.shrinkage, len(self.own)])}
        if self.signed:
            found["items"] = np.array([self.size])
        if self.later:
            found["later"] = np.frombuffer(json.dumps(self.later).encode(), dtype=np.uint8)
        if self.further is not None:
            found["further"] = np.array(self.further)
        for name, matrix in zip(_names(len(self.own)), (self.matrix, *self.own), strict=True):
            found[f"{name}indptr"] = matrix.indptr.astype(np.int64)
            found[f"{name}indices"] = matrix.indices.astype(np.int64)
            found[f"{name}values"] = matrix.data.astype(np.float32)
        return found

    @staticmethod
    def of_arrays(arrays: Mapping[str, np.ndarray]) -> ItemWeights:
        """The weights that ``arrays`` wrote."""
        shape = (
            len(arrays["indptr"]) - 1,
            int(arrays.get("items", [len(arrays["indptr"]) - 1])[0]),
        )
        decay, shrinkage, *own = arrays["shape"].tolist()
        matrix, *others = (
            sp.csr_matrix(
                tuple(arrays[f"{name}{part}"] for part in ("values", "indices", "indptr")),
                shape=shape,
            )
            for name in _names(int(own[0]) if own else 0)
        )
        later = json.loads(arrays["later"].tobytes()) if "later" in arrays else ()
        further = tuple(arrays["further"].tolist()) if "further" in arrays else None
        return ItemWeights(matrix, decay, shrinkage, tuple(others), tuple(later), further)


def _decayed(indptr: Ints, age: np.ndarray, shrunk: np.ndarray, decay: float) -> np.ndarray:
    """float32 ``[nnz]``: each event's share of a history that counts ``shrunk`` (``[B]``)."""
    counts = np.diff(indptr)
    if np.isinf(decay):
        return np.repeat(shrunk, counts).astype(np.float32)
    total = shrunk * np.expm1(-counts / decay) / np.expm1(-1 / decay)
    shares = scale_weights(indptr, age, (decay,))[0]
    return np.asarray(shares * np.repeat(total, counts), dtype=np.float32)


def _names(n_own: int) -> list[str]:
    """Prefixes of the arrays' names: none for the shared weights, then a number per scenario."""
    return ["", *(f"{code}." for code in range(n_own))]
