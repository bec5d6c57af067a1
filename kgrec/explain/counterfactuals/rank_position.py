"""RankPosition: the rank of an item in a user's list, for the history and for changed ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kgrec.explain.counterfactuals.history_edit import EditableHistory, scores_of
from kgrec.graph.snapshot import Ints
from kgrec.paths.index import PathIndex
from kgrec.rules.list_rules import ListRules
from kgrec.rules.placement import Placement
from kgrec.rules.rule import PLACING
from kgrec.scoring.engine import Engine
from kgrec.scoring.request import Request

_JUST = 1e-9  # a lead that is only just there
_RIVALS = 5_000  # rivals beyond the k best that a search considers


@dataclass(frozen=True, eq=False)
class RankPosition:
    """One user's list, and the position of an item in it.

    ``scores`` float64 ``[n_items]``; ``allowed`` bool ``[n_items]``: items that may be in the list,
    which are the candidates of the request outside the history, and ``item`` itself. Rivals are the
    other allowed items; a lead is the item's score minus a rival's, and the margin the lead over
    the k-th best rival: the item is among the k best while its margin is positive. ``against``
    names the conditions of the request that leave the item out; ``hidden``: whether the history
    does. ``rules`` are those of the list: what they hide is not allowed, and where they set places
    the item is among the k best while the list that they make has it.
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
    rules: ListRules | None = None

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
        rules: ListRules | None = None,
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
        conditions = tuple(against)
        return RankPosition(
            engine, index, history, item, k, scores, allowed, conditions, is_hidden, rules
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
        hiding = () if self.rules is None else self.rules.hiding(self.item)
        if hiding:
            return " ".join(rule.sentence for rule in hiding)
        if self.against:
            return f"The conditions of the list leave it out: {'; '.join(self.against)}."
        return ""

    @property
    def fixed(self) -> str:
        """Why no change of the history moves the item out of the list; "" where one may."""
        pins = () if self.rules is None else self.rules.pinning(self.item)
        return " ".join(rule.sentence for rule in pins if rule.rank <= self.k)

    @property
    def by_rules_alone(self) -> str:
        """Why an item whose score is among the k best has no place; "" for any other."""
        if self._placement is None or self.never or self._rank_by_score(self.scores) > self.k:
            return ""
        if self.rank <= self.k:
            return ""
        assert self.rules is not None
        names = [rule.name for rule in self.rules.rules if rule.effect in PLACING]
        return (
            f"By its score it would be at rank {self._rank_by_score(self.scores):,}; the rules "
            f"{', '.join(names)} give the places to others."
        )

    @property
    def _placement(self) -> Placement | None:
        return None if self.rules is None else self.rules.placement

    def rank_in(self, scores: np.ndarray, besides: int = -1) -> int:
        """The item's rank by other scores, without item ``besides``; its place in the list where
        rules set places."""
        rank = self._rank_by_score(scores, besides)
        if self._placement is None:
            return rank
        listed = self._placed(scores, besides)
        if self.item in listed:
            return listed.index(self.item) + 1
        return max(rank, self.k + 1)

    def _placed(self, scores: np.ndarray, besides: int = -1) -> list[int]:
        """Item rows of the list of k under rules."""
        assert self._placement is not None
        allowed = self.allowed & (np.arange(len(scores)) != besides)
        if self.never:
            allowed[self.item] = False
        ranked = np.where(allowed, scores, -np.inf)
        rows = np.flatnonzero(allowed)
        order = rows[np.argsort(-scores[rows], kind="stable")]
        placed = self._placement.place(order.tolist(), self.k, ranked.__getitem__, whole=True)
        return placed or []

    def _rank_by_score(self, scores: np.ndarray, besides: int = -1) -> int:
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
        if len(rivals) < self.k and self._placement is None:
            return np.full(len(request), np.inf)
        return self.margins_of(self.leads(request, rivals), rivals)

    def margins_of(self, leads: np.ndarray, rivals: Ints) -> np.ndarray:
        """``margins`` by the leads over ``rivals``, float64 ``[B, R]``.

        Where rules set places, the sign says whether the list has the item, and the size is that
        of the lead where both agree."""
        enough = len(rivals) >= self.k
        plain = margins_of(leads, self.k) if enough else np.full(len(leads), np.inf)
        if self._placement is None:
            return plain
        inside = np.array([self._is_placed(row, rivals) for row in leads], dtype=bool)
        signed = np.where(inside, np.maximum(plain, _JUST), np.minimum(plain, -_JUST))
        return np.asarray(signed)

    def _is_placed(self, leads: np.ndarray, rivals: Ints) -> bool:
        scores = np.full(len(self.scores), -np.inf)
        scores[rivals], scores[self.item] = -leads, 0.0
        return self.item in self._placed(scores)

    def after(self, request: Request) -> np.ndarray:
        """All scores for a request about one history, float64 ``[n_items]``."""
        return _all(self.engine, request)

    def best(self, scores: np.ndarray) -> Ints:
        """Rows of the k best items by ``scores``, int64, under rules where there are some."""
        if self._placement is not None:
            return np.array(self._placed(scores), dtype=np.int64)
        rows = np.flatnonzero(self.allowed)
        return np.asarray(rows[np.argsort(-scores[rows], kind="stable")[: self.k]])


def margins_of(leads: np.ndarray, k: int) -> np.ndarray:
    """The lead over the k-th best rival, float64 ``[...]``.

    ``leads`` ``[..., R]``: leads over each of R rivals, R at least ``k``.
    """
    return np.asarray(np.partition(leads, k - 1, axis=-1)[..., k - 1])


def _all(engine: Engine, request: Request) -> np.ndarray:
    return np.asarray(scores_of(engine, request, np.arange(len(engine.snapshot.items)))[0])
