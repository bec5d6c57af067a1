"""RankPosition: the rank of an item in a user's list, for the history and for changed ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kgrec.explain.counterfactuals.history_edit import EditableHistory, scores_of
from kgrec.graph.snapshot import Ints
from kgrec.paths.index import PathIndex
from kgrec.scoring.engine import Engine
from kgrec.scoring.request import Request

_RIVALS = 5_000  # rivals beyond the k best that a search considers


@dataclass(frozen=True, eq=False)
class RankPosition:
    """One user's list, and the position of an item in it.

    ``scores`` float64 ``[n_items]``; ``allowed`` bool ``[n_items]``: items that may be in the list,
    which are the candidates of the request outside the history, and ``item`` itself. Rivals are the
    other allowed items; a lead is the item's score minus a rival's, and the margin the lead over
    the k-th best rival: the item is among the k best while its margin is positive. ``against``
    names the conditions of the request that leave the item out; ``hidden``: whether the history
    does.
    """

    engine: Engine
    index: PathIndex
    history: EditableHistory
    item: int
    k: int
    scores: np.ndarray
    allowed: np.ndarray
    against: tuple[str, ...] = ()
    hidden: bool = False

    @staticmethod
    def of(
        engine: Engine,
        index: PathIndex,
        history: EditableHistory,
        item: int,
        k: int,
        candidates: np.ndarray | None = None,
        against: Sequence[str] = (),
        hidden: Ints | None = None,
    ) -> RankPosition:
        """Score by a whole forward pass; ``candidates`` bool ``[n_items]``, None for all.

        ``against`` names the conditions that leave the item out of the candidates; ``hidden`` are
        the items of the history that lists leave out (int64; None: none).
        """
        rows = np.arange(len(engine.snapshot.items))
        hidden = rows[:0] if hidden is None else hidden
        allowed = ~np.isin(rows, hidden)
        if candidates is not None:
            allowed &= candidates
        allowed[item] = True
        scores = _all(engine, history.request)
        is_hidden = bool((hidden == item).any())
        return RankPosition(
            engine, index, history, item, k, scores, allowed, tuple(against), is_hidden
        )

    def name(self, row: int) -> str:
        """The title of an item row, or its id."""
        node = int(self.engine.messages.item_nodes(np.array([row]))[0])
        return self.index.space.display_name(node)

    @property
    def rank(self) -> int:
        """Rank of the item, from 1; equal scores rank in the order of rows."""
        return self.rank_in(self.scores)

    @property
    def score(self) -> float:
        return float(self.scores[self.item])

    @property
    def never(self) -> str:
        """Why the list can't contain the item, whatever its score; "" where it can."""
        if self.hidden:
            return "It is in the history, so it is never in the list."
        if self.against:
            return f"The conditions of the list leave it out: {'; '.join(self.against)}."
        return ""

    def rank_in(self, scores: np.ndarray, besides: int = -1) -> int:
        """The item's rank by other scores, without item ``besides``."""
        rows = np.flatnonzero(self.allowed & (np.arange(len(scores)) != besides))
        others, own = scores[rows], scores[self.item]
        above = (others > own) | ((others == own) & (rows < self.item))
        return 1 + int(above.sum())

    def rivals(self) -> Ints:
        """The best k + _RIVALS other items, best first, int64."""
        rows = np.flatnonzero(self.allowed)
        rows = rows[rows != self.item]
        order = np.argsort(-self.scores[rows], kind="stable")
        return np.asarray(rows[order[: self.k + _RIVALS]])

    def leads(self, request: Request, rivals: Ints) -> np.ndarray:
        """The item's score minus that of each rival, float64 ``[B, len(rivals)]``."""
        found = scores_of(self.engine, request, np.append(rivals, self.item))
        return np.asarray(found[:, -1:] - found[:, :-1])

    def margins(self, request: Request, rivals: Ints) -> np.ndarray:
        """The item's score minus that of the k-th best rival, float64 ``[B]``.

        Below zero the item is not among the k best. +inf with fewer than k rivals.
        """
        if len(rivals) < self.k:
            return np.full(len(request), np.inf)
        return margins_of(self.leads(request, rivals), self.k)

    def after(self, request: Request) -> np.ndarray:
        """All scores for a request about one history, float64 ``[n_items]``."""
        return _all(self.engine, request)

    def best(self, scores: np.ndarray) -> Ints:
        """Rows of the k best items by ``scores``, int64."""
        rows = np.flatnonzero(self.allowed)
        return np.asarray(rows[np.argsort(-scores[rows], kind="stable")[: self.k]])


def margins_of(leads: np.ndarray, k: int) -> np.ndarray:
    """The lead over the k-th best rival, float64 ``[...]``.

    ``leads`` ``[..., R]``: leads over each of R rivals, R at least ``k``.
    """
    return np.asarray(np.partition(leads, k - 1, axis=-1)[..., k - 1])


def _all(engine: Engine, request: Request) -> np.ndarray:
    return np.asarray(scores_of(engine, request, np.arange(len(engine.snapshot.items)))[0])
