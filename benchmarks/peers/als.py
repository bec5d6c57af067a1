"""implicit's ALS (Hu, Koren and Volinsky 2008): users are solved for anew from any history."""

from __future__ import annotations

import os
from itertools import product
from typing import Any, ClassVar, Self

import numpy as np

from benchmarks.peers.base import Fitting, PeerData, Scores, Settings
from kgrec.graph.snapshot import Interactions, Ints
from kgrec.metrics.baselines import History, binary_history


class AlsPeer:
    """``history now`` solves each user's factors from the new history, items staying as fitted."""

    name: ClassVar[str] = "als"
    code: ClassVar[str] = "implicit"
    timed: ClassVar[bool] = False
    seeded: ClassVar[bool] = True
    tries: ClassVar[tuple[Settings, ...]] = tuple(
        {"factors": factors, "regularization": regularization, "alpha": alpha}
        for factors, (regularization, alpha) in product(
            (64, 128), ((10.0, 1.0), (30.0, 4.0), (100.0, 4.0), (100.0, 10.0))
        )
    )
    epochs: int | None = None

    def __init__(self, **settings: Any) -> None:
        self.settings = settings

    def fit(self, data: PeerData, how: Fitting) -> Self:
        from implicit.cpu.als import AlternatingLeastSquares

        self._size = (data.n_users, data.n_items)
        threads = int(os.environ.get("OMP_NUM_THREADS", "0"))
        self._model = AlternatingLeastSquares(
            **self.settings, random_state=how.seed, num_threads=threads
        )
        self._model.fit(binary_history(data.train, *self._size), show_progress=False)
        return self

    def bind(self, history: Interactions) -> None:
        self._users = self._solved(binary_history(history, *self._size))

    def score(self, users: Ints) -> Scores:
        return np.asarray(self._users[users] @ self._model.item_factors.T, dtype=np.float32)

    def score_rows(self, rows: History) -> Scores:
        """Of users with histories ``rows``, a SciPy CSR of ones ``[B, n_items]``."""
        return np.asarray(self._solved(rows) @ self._model.item_factors.T, dtype=np.float32)

    def _solved(self, rows: History) -> np.ndarray:
        return np.asarray(self._model.recalculate_user(np.arange(rows.shape[0]), rows))
