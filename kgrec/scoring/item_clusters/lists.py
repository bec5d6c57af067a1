"""The best items of each request among many items, found in clusters and scored exactly."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from kgrec.arrays import distinct
from kgrec.feedback.seen_items import ALL, SeenRule
from kgrec.graph.snapshot import Ints
from kgrec.rules.list_rules import ListRules
from kgrec.scoring.engine import Engine
from kgrec.scoring.item_clusters.scorer import Asker, ItemScorer
from kgrec.scoring.item_clusters.search import AllowedItems, PartSearch, item_parts
from kgrec.scoring.item_clusters.stored import ItemClusters
from kgrec.scoring.ranked_lists import (
    ListOptions,
    RankedRows,
    rank_batches,
    rank_items,
    seen_items,
)
from kgrec.scoring.request import Request
from kgrec.scoring.single_user import UserParts

_FOUND: Final = 4  # items that clusters give for each place of the list
_MOST_LIFTED: Final = 4_096  # items that rules lift; beyond, all items are scored
_BATCH: Final = 1024  # users whose vectors are computed at once
_ONE: Final = np.ones(1, dtype=np.float32)


def best_items(
    engine: Engine, request: Request, options: ListOptions, search: ItemSearch | None
) -> RankedRows:
    """``rank_items``, by ``search`` where there is one and it is faster.

    Every user's list depends on that user alone, to the bit, however many others are asked about.
    """
    if search is None or not len(request) or _has_terms(engine, request, options):
        return rank_items(engine, request, options)
    k = min(options.k, len(engine.item_ids) - 1)
    rows = np.full((len(request), k), -1, dtype=np.int64)
    scores = np.full((len(request), k), -np.inf, dtype=np.float32)
    left = [np.empty(0, dtype=np.int64)]
    for members, mask, rules in _groups(engine, request, options):
        limits = search.limits(k, mask, options.seen, rules)
        if limits is not None:
            _fill(rows, scores, members, search.lists(engine, request.of_rows(members), limits))
        left.append(members[rows[members, -1] < 0])  # shorter than k: perhaps there are more
    exact = np.sort(np.concatenate(left))
    if len(exact) == len(request):
        return rank_items(engine, request, options)
    if len(exact):
        rows[exact], scores[exact] = rank_batches(engine, request.of_rows(exact), options)
    return RankedRows(rows, scores)


def _has_terms(engine: Engine, request: Request, options: ListOptions) -> bool:
    """Whether terms that clusters know nothing of matter: those of circumstances, and those of
    repeats where lists have items of the history."""
    if request.histories.context is not None:
        return True
    return not options.seen.whole and engine.adds_terms(request.histories)


def _groups(
    engine: Engine, request: Request, options: ListOptions
) -> Iterator[tuple[Ints, np.ndarray | None, ListRules | None]]:
    """Rows of the request that choose among the same items under the same rules, with these:
    bool ``[n]`` or None for all."""
    for members, mask in _same_items(engine, request, options):
        if request.rules is None:
            yield members, mask, None
            continue
        for rows, rules in request.rules.of_rows(members).parts():
            yield members[rows], mask, None if rules.empty else rules


def _same_items(
    engine: Engine, request: Request, options: ListOptions
) -> Iterator[tuple[Ints, np.ndarray | None]]:
    codes = request.histories.scenario
    if engine.scenario_items is None or not options.within_scenario:
        yield np.arange(len(codes)), options.mask
        return
    for code in np.unique(codes):
        mask = engine.candidates(np.array([code]), options.mask)
        yield np.flatnonzero(codes == code), None if mask is None else mask[0]


def _fill(
    rows: np.ndarray,
    scores: np.ndarray,
    members: Ints,
    lists: Iterator[tuple[Ints, np.ndarray]],
) -> None:
    """Write the lists into the rows ``members``, which keep their padding beyond."""
    for row, (found, values) in zip(members, lists, strict=True):
        rows[row, : len(found)], scores[row, : len(found)] = found, values


def _asking(engine: Engine, request: Request, rule: SeenRule) -> Iterator[Asker]:
    histories = request.histories
    left_out = seen_items(engine, request, rule)
    seen = (np.zeros_like(histories.indptr), histories.item[:0]) if left_out is None else left_out
    weighted = request.weighted_scenarios()
    users = [engine.user_parts(one.histories, one.context) for one, _ in weighted]
    weights, rows_of = engine.item_weights, histories.item
    if weights is not None:
        rows_of = weights.rows(histories.item, histories.weight)
    for row in range(len(request)):
        events = slice(histories.indptr[row], histories.indptr[row + 1])
        present = [
            (parts[row], int(one.histories.scenario[row]), float(weight[row]))
            for parts, (one, weight) in zip(users, weighted, strict=True)
            if weight[row] > 0
        ]
        scenarios = [(code, weight) for _, code, weight in present]
        user = _mean([(part, weight) for part, _, weight in present])
        hidden = seen[1][seen[0][row] : seen[0][row + 1]]
        yield Asker(histories.item[events], user, scenarios, rows_of[events], hidden)


def _mean(users: list[tuple[UserParts, float]]) -> UserParts:
    """The user in a mixture of scenarios; factors and shares are the same in each."""
    first, weight = users[0]
    if len(users) == 1 and weight == 1:
        return first
    vector = sum(user.vector * np.float32(weight) for user, weight in users)
    return first._replace(vector=np.asarray(vector))


@dataclass(frozen=True, eq=False)
class ListLimits:
    """Length of a list, the items that may be in it (None: all), those of a history that may not,
    the search for them in each part of the items (``PartSearch.options``), and the rules that the
    list obeys."""

    k: int
    allowed: AllowedItems | None
    seen: SeenRule
    options: tuple[Any, ...]
    rules: ListRules | None = None


@dataclass(frozen=True, eq=False)
class ItemSearch:
    """A search in the clusters of an engine's items."""

    parts: tuple[PartSearch, ...]
    scorer: ItemScorer
    temperature: np.float32
    clusters: ItemClusters

    @staticmethod
    def of(engine: Engine, clusters: ItemClusters) -> ItemSearch:
        """Raises MissingExtraError without faiss."""
        pairs = zip(item_parts(engine), clusters.parts, strict=True)
        return ItemSearch(
            parts=tuple(PartSearch.of(part, one) for part, one in pairs),
            scorer=ItemScorer.of(engine),
            temperature=np.float32(engine.model.shape.temperature),
            clusters=clusters,
        )

    def limits(
        self, k: int, mask: np.ndarray | None, seen: SeenRule, rules: ListRules | None = None
    ) -> ListLimits | None:
        """The limits of lists of k among the items of ``mask`` (bool ``[n]``) that obey ``rules``;
        None where it is better to score all items."""
        if rules is None:
            return self._limits(k, mask, seen)
        if len(rules.lifted) > _MOST_LIFTED:
            return None
        if mask is not None:
            return self._ruled_limits(k, mask & rules.allowed, seen, rules)
        key = (self, k, seen)
        if key not in rules.kept:
            allowed = rules.allowed if len(rules.hidden) else None
            rules.kept[key] = self._ruled_limits(k, allowed, seen, rules)
        found: ListLimits | None = rules.kept[key]
        return found

    def _ruled_limits(
        self, k: int, mask: np.ndarray | None, seen: SeenRule, rules: ListRules
    ) -> ListLimits | None:
        found = self._limits(k, mask, seen)
        return None if found is None else replace(found, rules=rules)

    def _limits(self, k: int, mask: np.ndarray | None, seen: SeenRule) -> ListLimits | None:
        left = 1.0 if mask is None else np.count_nonzero(mask) / max(len(mask), 1)
        share = self.clusters.share(k, left)
        return None if share is None else self.limits_for(share, k, mask, seen)

    def limits_for(
        self, share: float, k: int, mask: np.ndarray | None, seen: SeenRule = ALL
    ) -> ListLimits:
        """``limits`` with a given share of the clusters to search."""
        allowed = None if mask is None else AllowedItems.of(mask)
        options = tuple(part.options(share, allowed) for part in self.parts)
        return ListLimits(k, allowed, seen, options)

    def lists(
        self, engine: Engine, request: Request, limits: ListLimits
    ) -> Iterator[tuple[Ints, np.ndarray]]:
        """``list_of`` every history of a request."""
        for start in range(0, len(request), _BATCH):
            for asker in _asking(engine, request.part(start, start + _BATCH), limits.seen):
                yield self.list_of(asker, limits)

    def list_of(self, asker: Asker, limits: ListLimits) -> tuple[Ints, np.ndarray]:
        """The best items for one user and their scores, int64 and float32 ``[<= k]``; equal scores
        rank by item row."""
        seen = distinct(asker.seen)
        wanted, user = _FOUND * limits.k + len(seen), asker.parts
        query = np.concatenate([user.vector * self.temperature, _ONE, user.factors])
        pairs = zip(self.parts, limits.options, strict=True)
        found = [part.best(query, wanted, options) for part, options in pairs]
        if limits.rules is not None:
            found.append(limits.rules.lifted)
        rows, scores = self.scorer.scores(asker, np.concatenate(found))
        least = -np.inf if limits.rules is None else _least(rows, scores, found[:-1])
        kept = np.ones(len(rows), dtype=bool)
        if limits.allowed is not None:
            kept = limits.allowed.mask[rows]
        if len(rows):
            place = np.minimum(np.searchsorted(rows, seen), len(rows) - 1)
            kept[place[rows[place] == seen]] = False
        rows, scores = rows[kept], scores[kept]
        if limits.rules is not None:
            return _ruled(rows, scores, limits.rules, limits.k, least)
        order = np.argsort(-scores, kind="stable")[: limits.k]
        return rows[order], scores[order]


def _least(rows: Ints, scores: np.ndarray, found: list[Ints]) -> float:
    """A score that no item reaches that the clusters did not give: in each part the lowest of what
    it gave; ``rows`` ascending with their ``scores``."""
    lowest = [scores[np.searchsorted(rows, one)].min() for one in found if len(one)]
    return float(max(lowest, default=-np.inf))


def _ruled(
    rows: Ints, scores: np.ndarray, rules: ListRules, k: int, least: float
) -> tuple[Ints, np.ndarray]:
    """The best items under rules; shorter than k, so that all items are scored, where an item that
    was not found may belong into the list.

    ``rows`` int64, ascending, and ``scores`` float32 without boosts."""
    scores = scores + rules.boost_of(rows)
    order = np.argsort(-scores, kind="stable")
    sure = order[scores[order] >= least]
    if rules.placement is None:
        return rows[sure[:k]], scores[sure[:k]]

    def score_of(items: Ints) -> np.ndarray:
        place = np.minimum(np.searchsorted(rows, items), max(len(rows) - 1, 0))
        known = rows[place] == items if len(rows) else np.zeros(len(items), dtype=bool)
        return np.where(known, scores[place] if len(rows) else 0.0, -np.inf)

    found = rules.placement.place(rows[sure].tolist(), k, score_of, whole=False)
    listed = np.array(found or [], dtype=np.int64)
    return listed, score_of(listed).astype(np.float32)
