"""TermCounts: how often each term is in each text, over a sorted vocabulary that can grow."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
from scipy import sparse


@dataclass(frozen=True, eq=False)
class TermCounts:
    """How often each term is in each text.

    Attributes
    ----------
    vocabulary : dict of str to int
        The column of each term, which ascend with the terms.
    fields : tuple of CSR int32 ``[texts, terms]``
        The counts, by field; a row has its terms in the order in which they come first.
    """

    vocabulary: dict[str, int]
    fields: tuple[Any, ...]

    @staticmethod
    def of(fields: Sequence[Sequence[Sequence[str]]]) -> TermCounts:
        """Count the terms of texts, field by field."""
        known = sorted({term for field in fields for terms in field for term in terms})
        vocabulary = {term: column for column, term in enumerate(known)}
        return TermCounts(vocabulary, tuple(_counted(field, vocabulary) for field in fields))

    def grown(self, rows: np.ndarray, fresh: TermCounts) -> tuple[TermCounts, np.ndarray]:
        """Return the counts of later texts, as if they were counted anew.

        Parameters
        ----------
        rows : int64 ``[n]``
            The row of each text here; -1 for the next one of ``fresh``.
        fresh : TermCounts
            Of the other texts, with the same fields.

        Returns
        -------
        TermCounts
        int64 ``[terms]``
            The new column of each term here, -1 for a term that is in no text any more.
        """
        kept = [field[rows[rows >= 0]] for field in self.fields]
        used = np.zeros(len(self.vocabulary), dtype=bool)
        for field in kept:
            used[field.indices] = True
        vocabulary, moved = self._vocabulary_with(fresh.vocabulary, used)
        of_fresh = np.array([vocabulary[term] for term in fresh.vocabulary], dtype=np.int64)
        order, width = _places(rows), len(vocabulary)
        fields = tuple(
            _stacked(_in_columns(old, moved, width), _in_columns(new, of_fresh, width))[order]
            for old, new in zip(kept, fresh.fields, strict=True)
        )
        return TermCounts(vocabulary, fields), moved

    def _vocabulary_with(
        self, there: Mapping[str, int], used: np.ndarray
    ) -> tuple[dict[str, int], np.ndarray]:
        """The vocabulary of the terms that are ``used`` (bool ``[terms]``) and of those of
        ``there``, and the column in it of each term here, -1 for one that it does not have."""
        if used.all() and self.vocabulary.keys() >= there.keys():
            return self.vocabulary, np.arange(len(used))
        terms = [term for term, one in zip(self.vocabulary, used.tolist(), strict=True) if one]
        added = sorted(t for t in there if t not in self.vocabulary or not used[self.vocabulary[t]])
        places = np.array([bisect_left(terms, term) for term in added], dtype=np.int64)
        moved = np.full(len(used), -1, dtype=np.int64)
        moved[used] = np.arange(len(terms)) + np.searchsorted(
            places, np.arange(len(terms)), "right"
        )
        known = sorted([*terms, *added])
        return {term: column for column, term in enumerate(known)}, moved


def _counted(texts: Sequence[Sequence[str]], vocabulary: dict[str, int]) -> Any:
    counted = [Counter(terms) for terms in texts]
    indptr = np.cumsum([0, *map(len, counted)])
    columns = np.fromiter((vocabulary[t] for c in counted for t in c), dtype=np.int32)
    counts = np.fromiter(chain.from_iterable(c.values() for c in counted), dtype=np.int32)
    return sparse.csr_matrix((counts, columns, indptr), shape=(len(texts), len(vocabulary)))


def _in_columns(counts: Any, places: np.ndarray, width: int) -> Any:
    columns = places[counts.indices].astype(np.int32) if len(counts.indices) else counts.indices
    return sparse.csr_matrix((counts.data, columns, counts.indptr), shape=(counts.shape[0], width))


def _stacked(one: Any, other: Any) -> Any:
    return sparse.vstack([one, other], format="csr")


def _places(rows: np.ndarray) -> np.ndarray:
    """int64: where each text is among those that were there before, then the fresh ones."""
    fresh = rows < 0
    before = int((~fresh).sum())
    return np.where(fresh, before + np.cumsum(fresh) - 1, np.cumsum(~fresh) - 1)
