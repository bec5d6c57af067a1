"""Linear peers of kgrec's own code: popularity, ItemKNN, EASE, EASE on recent history, and EASE on
each item's nearest items."""

from __future__ import annotations

from typing import Any, ClassVar, Final, Self

import numpy as np

from benchmarks.peers.base import Fitting, PeerData, Scores, Settings
from kgrec.graph.snapshot import Interactions, Ints
from kgrec.metrics.baselines import (
    EASE,
    Baseline,
    History,
    ItemKNN,
    Popularity,
    binary_history,
    recent_history,
)
from kgrec.training.local_ridge import local_ridge

EASE_TRIES: Final = (20.0, 60.0, 125.0, 250.0, 500.0, 1000.0, 2000.0, 4000.0)


class _Linear:
    """A baseline over history rows; one fit whatever the seed."""

    code: ClassVar[str] = "kgrec"
    timed: ClassVar[bool] = False
    seeded: ClassVar[bool] = False
    epochs: int | None = None

    def __init__(self, baseline: Baseline) -> None:
        self.baseline = baseline
        self._size = (0, 0)
        self._rows: History = None

    def fit(self, data: PeerData, how: Fitting) -> Self:
        self.baseline.fit(data.train, data.n_users, data.n_items)
        self._size = (data.n_users, data.n_items)
        return self

    def bind(self, history: Interactions) -> None:
        self._rows = binary_history(history, *self._size)

    def score(self, users: Ints) -> Scores:
        return self.baseline.score(self._rows[users])


class PopularityPeer(_Linear):
    """The same list for everybody."""

    name: ClassVar[str] = "popularity"
    tries: ClassVar[tuple[Settings, ...]] = ({},)

    def __init__(self) -> None:
        super().__init__(Popularity())


class ItemKNNPeer(_Linear):
    """Cosine neighbours of each history item."""

    name: ClassVar[str] = "item-knn"
    tries: ClassVar[tuple[Settings, ...]] = tuple(
        {"neighbours": neighbours, "shrink": shrink}
        for neighbours in (20, 50, 100, 400)
        for shrink in (10.0, 100.0)
    )

    def __init__(self, **settings: Any) -> None:
        super().__init__(ItemKNN(**settings))


class EasePeer(_Linear):
    """EASE (Steck 2019)."""

    name: ClassVar[str] = "ease"
    tries: ClassVar[tuple[Settings, ...]] = tuple({"regularisation": value} for value in EASE_TRIES)

    def __init__(self, **settings: Any) -> None:
        super().__init__(EASE(**settings))


class LocalRidgePeer:
    """EASE of each item on its nearest items alone, as a peer: fixed settings, no graph."""

    name: ClassVar[str] = "local-ridge"
    code: ClassVar[str] = "kgrec"
    timed: ClassVar[bool] = False
    seeded: ClassVar[bool] = False
    tries: ClassVar[tuple[Settings, ...]] = (
        {"neighbours": 100, "shrink": 10.0, "penalty": 100.0},
        {"neighbours": 100, "shrink": 10.0, "penalty": 50.0},
        {"neighbours": 100, "shrink": 10.0, "penalty": 200.0},
        {"neighbours": 50, "shrink": 10.0, "penalty": 100.0},
    )
    epochs: int | None = None

    def __init__(self, *, neighbours: int, shrink: float, penalty: float) -> None:
        self._neighbours, self._shrink, self._penalty = neighbours, shrink, penalty

    def fit(self, data: PeerData, how: Fitting) -> Self:
        self._size = (data.n_users, data.n_items)
        rows = binary_history(data.train, *self._size)
        self._weights = local_ridge(
            rows, [self._penalty], neighbours=self._neighbours, shrink=self._shrink
        )[0]
        return self

    def bind(self, history: Interactions) -> None:
        self._rows: History = binary_history(history, *self._size)

    def score(self, users: Ints) -> Scores:
        return np.asarray((self._rows[users] @ self._weights).toarray())


class RecentEasePeer(_Linear):
    """EASE asked with exp(-age / tau) in place of ones: recent events count more."""

    name: ClassVar[str] = "ease-recent"
    timed: ClassVar[bool] = True
    tries: ClassVar[tuple[Settings, ...]] = tuple(
        {"regularisation": value, "tau": tau}
        for value in (250.0, 1000.0)
        for tau in (2.0, 4.0, 12.0, 50.0)
    )

    def __init__(self, *, regularisation: float, tau: float) -> None:
        super().__init__(EASE(regularisation))
        self.tau = tau

    def bind(self, history: Interactions) -> None:
        self._rows = recent_history(history, *self._size, tau=self.tau)
