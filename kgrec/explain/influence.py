"""Influence: the contribution of an entity or a history item to a score, over all paths."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from kgrec.explain.attribution.pieces import Pieces
from kgrec.graph.snapshot import Ints
from kgrec.paths.index import PathIndex


@dataclass(frozen=True)
class Influence:
    """A node's contribution to a score, over all paths through it, shown or not.

    Attributes
    ----------
    label, id, name : str
        The node; name is "" where it has none.
    role : str
        Words for its relation to the candidate; of a history item "in spite of" where its newest
        event is negative and it raised the score, else "".
    items : int
        How many history items its paths start from.
    contribution : float
        In units of the score.
    share : float
        contribution / |score − baseline|.
    """

    label: str
    id: str
    name: str
    role: str
    items: int
    contribution: float
    share: float

    def to_dict(self) -> dict[str, Any]:
        """Return all values as JSON-safe types."""
        return asdict(self)

    def __str__(self) -> str:
        name = self.name or f"{self.label.lower()} {self.id}"
        details = [self.role] if self.role else []
        details += [f"{self.items} items"] if self.items > 1 else []
        return f"{name} ({', '.join(details)})" if details else name


class Influences:
    """Sums the pieces of one score by node; ``word`` returns the words for an edge code, and
    ``negative`` has the words for history items (nodes) whose newest event is negative."""

    def __init__(
        self,
        index: PathIndex,
        pieces: Pieces,
        gain: float,
        word: Callable[[int], str],
        negative: Mapping[int, str],
    ) -> None:
        self.index, self.pieces, self.gain, self.word = index, pieces, gain, word
        self.negative = negative

    def links(self, limit: int) -> tuple[Influence, ...]:
        """The nodes between history and candidate with the largest contributions."""
        return self._top(self.pieces.link, limit, between=True)

    def history(self, limit: int) -> tuple[Influence, ...]:
        """The history items with the largest contributions."""
        return self._top(self.pieces.item, limit, between=False)

    def _top(self, nodes: Ints, limit: int, *, between: bool) -> tuple[Influence, ...]:
        unique, place = np.unique(nodes, return_inverse=True)
        total = np.bincount(place, weights=self.pieces.contribution, minlength=len(unique))
        total[unique < 0] = 0.0  # no node
        order = np.argsort(-np.abs(total), kind="stable")[:limit].tolist()
        found = [i for i in order if unique[i] >= 0]
        rows = [np.flatnonzero(place == i) for i in found]
        return tuple(
            self._influence(int(unique[i]), of, float(total[i]), between)
            for i, of in zip(found, rows, strict=True)
        )

    def _influence(self, node: int, rows: Ints, amount: float, between: bool) -> Influence:
        """The influence of a node, from the pieces of the paths through it."""
        label, _ = self.index.space.label_row(node)
        return Influence(
            label=label,
            id=self.index.space.id(node),
            name=self.index.space.name(node),
            role=self._role(rows) if between else self._stance(node, amount),
            items=len(set(self.pieces.item[rows].tolist())),
            contribution=amount,
            share=amount / abs(self.gain) if self.gain else 0.0,
        )

    def _stance(self, node: int, amount: float) -> str:
        """Words for a history item that raised the score though its newest event is negative."""
        return self.negative.get(node, "") if amount > 0 else ""

    def _role(self, rows: Ints) -> str:
        """Words for the relation to the candidate in the piece with the largest contribution."""
        best = rows[int(np.argmax(np.abs(self.pieces.contribution[rows])))]
        return self.word(int(self.pieces.far[best]))
