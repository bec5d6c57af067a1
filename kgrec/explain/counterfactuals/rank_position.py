"""Where an item stands in a user's list, now and with a changed history."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kgrec.explain.counterfactuals.history_edit import EditableHistory, scores_of
from kgrec.graph.snapshot import Ints
from kgrec.paths.index import PathIndex
from kgrec.scoring.engine import Engine
from kgrec.scoring.request import Request

_RIVALS = 5_000  # items beyond the k best that a search watches


@dataclass(frozen=True, eq=False)
class RankPosition:
    """One user's list with the place of an item in it.

    ``scores`` float64 ``[n_items]``; ``allowed`` bool ``[n_items]``: the items that may be in the
    list, which are the candidates of the request outside the history, and ``item`` itself.
    """

    engine: Engine
    index: PathIndex
    history: EditableHistory
    item: int
    k: int
    scores: np.ndarray
    allowed: np.ndarray

    @staticmethod
    def of(
        engine: Engine,
        index: PathIndex,
        history: EditableHistory,
        item: int,
        k: int,
        candidates: np.ndarray | None = None,
    ) -> RankPosition:
        """By a whole forward pass; ``candidates`` bool ``[n_items]``, None for all."""
        rows = np.arange(len(engine.snapshot.items))
        allowed = ~np.isin(rows, history.items)
        if candidates is not None:
            allowed &= candidates
        allowed[item] = True
        return RankPosition(engine, index, history, item, k, _all(engine, history.request), allowed)

    def name(self, row: int) -> str:
        """The title of an item row, else its id."""
        node = int(self.engine.messages.item_nodes(np.array([row]))[0])
        return self.index.space.display_name(node)

    @property
    def rank(self) -> int:
        """The item's rank, from 1; equal scores rank in the order of rows."""
        return self.rank_in(self.scores)

    @property
    def score(self) -> float:
        return float(self.scores[self.item])

    @property
    def seen(self) -> bool:
        """Whether the item is in the history, and so never recommended."""
        return bool(np.isin(self.item, self.history.items))

    def rank_in(self, scores: np.ndarray, besides: int = -1) -> int:
        """The item's rank by other scores, without item ``besides``."""
        rows = np.flatnonzero(self.allowed & (np.arange(len(scores)) != besides))
        others, own = scores[rows], scores[self.item]
        above = (others > own) | ((others == own) & (rows < self.item))
        return 1 + int(above.sum())

    def rivals(self) -> Ints:
        """int64: the best ``k`` and some more of the others, best first."""
        rows = np.flatnonzero(self.allowed)
        rows = rows[rows != self.item]
        order = np.argsort(-self.scores[rows], kind="stable")
        return np.asarray(rows[order[: self.k + _RIVALS]])

    def leads(self, request: Request, rivals: Ints) -> np.ndarray:
        """float64 ``[B, len(rivals)]``: the item's score less that of each rival."""
        found = scores_of(self.engine, request, np.append(rivals, self.item))
        return np.asarray(found[:, -1:] - found[:, :-1])

    def margins(self, request: Request, rivals: Ints) -> np.ndarray:
        """float64 ``[B]``: by how much the item's score is above that of the k-th best rival; below
        zero it is out of the k best, since k others are above it. +inf with fewer rivals."""
        if len(rivals) < self.k:
            return np.full(len(request), np.inf)
        return margins_of(self.leads(request, rivals), self.k)

    def after(self, request: Request) -> np.ndarray:
        """float64 ``[n_items]``: all scores for a request about one history."""
        return _all(self.engine, request)

    def best(self, scores: np.ndarray) -> Ints:
        """int64: the rows of the k best by some scores."""
        rows = np.flatnonzero(self.allowed)
        return np.asarray(rows[np.argsort(-scores[rows], kind="stable")[: self.k]])


def margins_of(leads: np.ndarray, k: int) -> np.ndarray:
    """float64 ``[...]``: by how much an item is above the k-th best of its rivals, from its leads
    over each of them ``[..., R]``, ``R`` at least ``k``."""
    return np.asarray(np.partition(leads, k - 1, axis=-1)[..., k - 1])


def _all(engine: Engine, request: Request) -> np.ndarray:
    return np.asarray(scores_of(engine, request, np.arange(len(engine.snapshot.items)))[0])
