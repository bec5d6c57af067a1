"""Peers as a service would ask them: from lists of item ids to arrays of item ids and scores."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, chain
from typing import Any

import numpy as np
from scipy import sparse

from kgrec.graph.snapshot import Interactions, Strings
from kgrec.metrics.baselines import EASE, binary_history
from kgrec.ranking import top_k

Answers = tuple[np.ndarray, np.ndarray]


class _Rows:
    """Item rows by id, and histories as sparse rows."""

    def __init__(self, ids: Strings) -> None:
        self.ids = ids
        self._row = {item: row for row, item in enumerate(ids)}

    def matrix(self, histories: Sequence[Sequence[str]]) -> Any:
        """scipy CSR ``[B, n_items]`` of ones."""
        indptr = np.array([0, *accumulate(map(len, histories))])
        flat = map(self._row.__getitem__, chain.from_iterable(histories))
        items = np.fromiter(flat, np.int64, indptr[-1])
        ones = np.ones(len(items), dtype=np.float32)
        return sparse.csr_matrix((ones, items, indptr), shape=(len(histories), len(self.ids)))


class AlsAnswers:
    """implicit's ALS, 64 factors: solves for the users of the histories, then ranks; its own code
    from the sparse rows on."""

    def __init__(
        self, interactions: Interactions, shape: tuple[int, int], ids: Strings, k: int
    ) -> None:
        from implicit.cpu.als import AlternatingLeastSquares

        self._rows, self._k = _Rows(ids), k
        self._model = AlternatingLeastSquares(factors=64, num_threads=1, random_state=0)
        self._model.fit(binary_history(interactions, *shape), show_progress=False)

    def of_histories(self, histories: Sequence[Sequence[str]]) -> Answers:
        rows, scores = self._model.recommend(
            np.arange(len(histories)),
            self._rows.matrix(histories),
            N=self._k,
            recalculate_user=True,
        )
        return self._rows.ids[rows], scores


class EaseAnswers:
    """EASE: the histories' sparse rows times its dense matrix, ranked by kgrec's own top-k."""

    def __init__(
        self, interactions: Interactions, shape: tuple[int, int], ids: Strings, k: int
    ) -> None:
        self._rows, self._k = _Rows(ids), k
        self._model = EASE().fit(interactions, *shape)

    def of_histories(self, histories: Sequence[Sequence[str]]) -> Answers:
        matrix = self._rows.matrix(histories)
        seen = (matrix.indptr, matrix.indices)
        rows, scores = top_k(self._model.score(matrix), self._k, seen=seen, overwrite=True)
        return self._rows.ids[rows], scores
