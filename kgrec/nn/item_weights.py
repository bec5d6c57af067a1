"""Item–item weights: what an item of a history adds to another item's score directly."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import scipy.sparse as sp
import torch
from torch import Tensor

from kgrec.graph.snapshot import Floats, Ints
from kgrec.nn.histories import Histories, scale_weights
from kgrec.nn.sparse import SparsePattern

_SMALL = 4096  # items up to which a dense table is the faster


@dataclass(frozen=True, eq=False)
class ItemWeights:
    """score(u, i) += Σ over the history's events j of share(j) · ``matrix[j, i]``.

    ``matrix`` is a SciPy CSR float32 ``[n, n]``, few entries a column (Ning & Karypis, 2011).
    ``decay``, in events, says how an event's share falls with its age; inf: each counts one. A
    history of n events counts for n / (n + ``shrinkage``), here as in the model.
    """

    matrix: sp.csr_matrix
    decay: float
    shrinkage: float = 0.0

    def placed(self, rows: Ints) -> ItemWeights:
        """The same weights where item r has the row ``rows[r]`` here, -1 if it is unknown here."""
        known = np.flatnonzero(rows >= 0)
        if len(rows) == self.matrix.shape[0] and np.array_equal(rows, np.arange(len(rows))):
            return self
        cells = (np.ones(len(known), dtype=np.float32), (known, rows[known]))
        at = sp.csr_matrix(cells, shape=(len(rows), self.matrix.shape[0]))
        return replace(self, matrix=(at @ self.matrix @ at.T).tocsr())

    def times(self, strength: float) -> ItemWeights:
        """All weights multiplied."""
        return replace(self, matrix=self.matrix * np.float32(strength))

    def shares(self, indptr: Ints, age: np.ndarray) -> np.ndarray:
        """float32 ``[nnz]``: exp(-age / decay) times what the history counts for; events of one
        moment share what they would have one after the other."""
        counts = np.diff(indptr)
        worth = counts / np.maximum(counts + self.shrinkage, 1)
        if np.isinf(self.decay):
            return np.repeat(worth, counts).astype(np.float32)
        whole = worth * np.expm1(-counts / self.decay) / np.expm1(-1 / self.decay)
        shares = scale_weights(indptr, age, (self.decay,))[0]
        return np.asarray(shares * np.repeat(whole, counts), dtype=np.float32)

    def scores(self, histories: Histories, pattern: SparsePattern) -> Tensor:
        """What is added to the scores, float32 ``[B, n]`` on the pattern's device."""
        shares = self.shares(histories.indptr, histories.age)
        device = pattern.indices.device
        if device.type != "cpu" or self.matrix.shape[0] <= _SMALL:
            return pattern.matmul(torch.from_numpy(shares).to(device), self._table(device))
        shape = (len(histories), self.matrix.shape[0])
        history = sp.csr_matrix((shares, histories.item, histories.indptr), shape=shape)
        return torch.from_numpy((history @ self.matrix).toarray())

    def of_one(self, items: Ints, age: np.ndarray) -> np.ndarray:
        """The same for one history, float32 ``[n]``."""
        shares = self.shares(np.array([0, len(items)]), age)
        if self.matrix.shape[0] <= _SMALL:
            table = self._table(torch.device("cpu")).numpy()
            return np.asarray(shares.dot(table.take(items, axis=0)))
        starts, matrix = self.matrix.indptr[items], self.matrix
        counts = matrix.indptr[items + 1] - starts
        ends = np.cumsum(counts)
        cells = np.repeat(starts - ends + counts, counts) + np.arange(ends[-1] if len(ends) else 0)
        values = matrix.data[cells] * np.repeat(shares, counts)
        added = np.bincount(matrix.indices[cells], values, minlength=matrix.shape[1])
        return added.astype(np.float32)

    def contributions(self, histories: Histories, item: int) -> Floats:
        """float64 ``[nnz]``: what each event adds to the score of ``item``."""
        columns = self._columns
        part = slice(columns.indptr[item], columns.indptr[item + 1])
        column = np.zeros(columns.shape[0])
        column[columns.indices[part]] = columns.data[part]
        return np.asarray(self.shares(histories.indptr, histories.age) * column[histories.item])

    @cached_property
    def _columns(self) -> sp.csc_matrix:
        return self.matrix.tocsc()

    def _table(self, device: torch.device) -> Tensor:
        kept = self._tables.get(device)
        if kept is None:
            kept = self._tables[device] = torch.from_numpy(self.matrix.toarray()).to(device)
        return kept

    @cached_property
    def _tables(self) -> dict[torch.device, Tensor]:
        return {}

    def arrays(self) -> dict[str, np.ndarray]:
        """What ``of_arrays`` makes the weights from again."""
        return {
            "indptr": self.matrix.indptr.astype(np.int64),
            "indices": self.matrix.indices.astype(np.int64),
            "values": self.matrix.data.astype(np.float32),
            "shape": np.array([self.decay, self.shrinkage]),
        }

    @staticmethod
    def of_arrays(arrays: Mapping[str, np.ndarray]) -> ItemWeights:
        """From what ``arrays`` gave."""
        size = len(arrays["indptr"]) - 1
        cells = (arrays["values"], arrays["indices"], arrays["indptr"])
        return ItemWeights(sp.csr_matrix(cells, shape=(size, size)), *arrays["shape"].tolist())
