"""Follows: the user → user facts of a snapshot as one graph."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy.sparse as sp

from graph_schema.names import USER
from kgrec.arrays import binary_matrix
from kgrec.graph.snapshot import GraphSnapshot, Ints

_MUTUAL = 0.5  # share of facts that go both ways, from which on they are friendships


@dataclass(frozen=True, eq=False)
class Follows:
    """Who follows whom.

    Attributes
    ----------
    out : float64 CSR ``[m, m]``
        One where a user → user fact leads from the row to the column.
    mutual : bool
        Whether a fact is a friendship, which holds both ways: half of them are there both ways.
    """

    out: sp.csr_matrix
    mutual: bool

    @staticmethod
    def of(snapshot: GraphSnapshot) -> Follows:
        """Those of a snapshot, over all relations between users."""
        head, tail = [np.empty(0, dtype=np.int64)], [np.empty(0, dtype=np.int64)]
        for facts in snapshot.facts:
            if (facts.head_label, facts.tail_label) == (USER, USER):
                head.append(facts.head)
                tail.append(facts.tail)
        one, other = np.concatenate(head), np.concatenate(tail)
        kept = one != other
        size = len(snapshot.users)
        out = binary_matrix(one[kept], other[kept], (size, size))
        both = float(out.multiply(out.T).sum())
        return Follows(out, both >= _MUTUAL * max(out.nnz, 1))

    @cached_property
    def joined(self) -> sp.csr_matrix:
        """float64 CSR ``[m, m]``: one where a fact joins two users, in either direction."""
        both = sp.csr_matrix(self.out + self.out.T)
        both.data[:] = 1.0
        return both

    @cached_property
    def degree(self) -> np.ndarray:
        """float64 ``[m]``: users joined to each."""
        return np.asarray(np.diff(self.joined.indptr), dtype=np.float64)

    def pairs(self) -> tuple[Ints, Ints]:
        """What can be held out: the facts, or one pair for each friendship; int64 ``[f]`` each."""
        cells = (sp.triu(self.joined) if self.mutual else self.out).tocoo()
        return cells.row.astype(np.int64), cells.col.astype(np.int64)

    def without(self, head: Ints, tail: Ints) -> Follows:
        """The graph without these facts, or friendships."""
        gone = binary_matrix(head, tail, self.out.shape)
        if self.mutual:
            gone = gone.maximum(gone.T)
        left = sp.csr_matrix(self.out - self.out.multiply(gone))
        left.eliminate_zeros()
        return Follows(left, self.mutual)

    def followed(self, user: int) -> Ints:
        """int64: rows of the users that one follows, or is a friend of, ascending."""
        graph = self.joined if self.mutual else self.out
        found = graph.indices[graph.indptr[user] : graph.indptr[user + 1]]
        return np.asarray(np.sort(found), dtype=np.int64)
