"""Which entities and which history items carried a score, summed over all paths, shown or not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from kgrec.explain.attribution.attribute import Pieces
from kgrec.graph.snapshot import Ints
from kgrec.paths.index import PathIndex


@dataclass(frozen=True)
class Influence:
    """A node's part in a score: ``contribution`` is the sum over every path through it.

    ``role`` is how it is linked to the candidate ("" for a history item), ``items`` through how
    many history items it works, ``share`` contribution / |score − baseline|.
    """

    label: str
    id: str
    name: str
    role: str
    items: int
    contribution: float
    share: float

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    def __str__(self) -> str:
        shown = self.name or f"{self.label.lower()} {self.id}"
        about = [self.role] if self.role else []
        about += [f"{self.items} items"] if self.items > 1 else []
        return f"{shown} ({', '.join(about)})" if about else shown


class Influences:
    """Sums the pieces of one score by node; ``word`` gives the words for an edge code."""

    def __init__(
        self, index: PathIndex, pieces: Pieces, gain: float, word: Callable[[int], str]
    ) -> None:
        self.index, self.pieces, self.gain, self.word = index, pieces, gain, word

    def links(self, limit: int) -> tuple[Influence, ...]:
        """The nodes between history and candidate that moved the score most."""
        return self._top(self.pieces.link, limit, linking=True)

    def history(self, limit: int) -> tuple[Influence, ...]:
        """The history items that moved the score most."""
        return self._top(self.pieces.item, limit, linking=False)

    def _top(self, nodes: Ints, limit: int, *, linking: bool) -> tuple[Influence, ...]:
        unique, place = np.unique(nodes, return_inverse=True)
        total = np.bincount(place, weights=self.pieces.contribution, minlength=len(unique))
        total[unique < 0] = 0.0  # no node
        order = np.argsort(-np.abs(total), kind="stable")[:limit].tolist()
        found = [i for i in order if unique[i] >= 0]
        rows = [np.flatnonzero(place == i) for i in found]
        return tuple(
            self._influence(int(unique[i]), of, float(total[i]), linking)
            for i, of in zip(found, rows, strict=True)
        )

    def _influence(self, node: int, rows: Ints, amount: float, linking: bool) -> Influence:
        """Of a node and the pieces that run through it."""
        label, _ = self.index.space.label_row(node)
        return Influence(
            label=label,
            id=self.index.space.id(node),
            name=self.index.space.name(node),
            role=self._role(rows) if linking else "",
            items=len(set(self.pieces.item[rows].tolist())),
            contribution=amount,
            share=amount / abs(self.gain) if self.gain else 0.0,
        )

    def _role(self, rows: Ints) -> str:
        """The words for the relation to the candidate that carried most of some pieces."""
        best = rows[int(np.argmax(np.abs(self.pieces.contribution[rows])))]
        return self.word(int(self.pieces.far[best]))
