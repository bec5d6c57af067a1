"""What a peer reads and what it must answer: the same rows, the same histories as kgrec."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, Self

import numpy as np
import torch

from kgrec.graph.snapshot import Facts, GraphSnapshot, Interactions, Ints

Scores = np.ndarray | torch.Tensor
Settings = Mapping[str, Any]
Validate = Callable[[], float]


@dataclass(frozen=True, eq=False)
class PeerData:
    """What a peer is fitted on: rows are those of the snapshot that the data came from."""

    n_users: int
    n_items: int
    n_entities: int
    train: Interactions
    facts: tuple[Facts, ...]

    @staticmethod
    def of(snapshot: GraphSnapshot, train: Interactions) -> PeerData:
        return PeerData(
            len(snapshot.users),
            len(snapshot.items),
            len(snapshot.entities),
            train,
            snapshot.facts,
        )


@dataclass(frozen=True)
class Fitting:
    """How to fit. ``validate`` scores the peer as it is (NDCG@10 of the rows it is chosen by), for
    peers that train epoch by epoch; without it exactly ``epochs`` are trained (the peer's own
    number where None)."""

    seed: int = 0
    device: str = "cpu"
    validate: Validate | None = None
    epochs: int | None = None


class Peer(Protocol):
    """``fit`` once, ``bind`` what every user has had so far, then ``score`` any users.

    ``tries`` are the settings that are tried on validation rows, at most eight; a slow peer has
    one, its paper's. ``code`` says whose code computes it. ``epochs`` is how many epochs the
    fitted weights took, None for a peer without epochs. ``timed`` peers read the order of events;
    ``seeded`` ones draw at random.
    """

    name: ClassVar[str]
    code: ClassVar[str]
    tries: ClassVar[tuple[Settings, ...]]
    timed: ClassVar[bool]
    seeded: ClassVar[bool]
    epochs: int | None

    def fit(self, data: PeerData, how: Fitting) -> Self: ...

    def bind(self, history: Interactions) -> None:
        """The histories that scores are for, all users', sorted as Interactions are."""
        ...

    def score(self, users: Ints) -> Scores:
        """float32 ``[B, n_items]`` for int64 user rows ``[B]``."""
        ...
