"""Explaining: why an item scores as it does, and what would have changed it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from kgrec.config import RecommenderConfig
from kgrec.errors import RequestError
from kgrec.explain import Constraints, ExplainedPath, Explanation, ScoreBreakdown, Writer
from kgrec.explain.ablation import with_falls
from kgrec.explain.attribution.model_breakdown import UserSide
from kgrec.explain.comparison import Comparison, WhyNot
from kgrec.explain.counterfactuals.counterfactual import Counterfactual
from kgrec.explain.counterfactuals.history_edit import Past, scores_of
from kgrec.explain.counterfactuals.rank_position import Standing
from kgrec.explain.counterfactuals.search import find_with, find_without
from kgrec.explain.item_comparison import compare_items, find_why_not
from kgrec.explain.word_attribution import Method, Source, find_text, tell_words
from kgrec.explain.words import WordContributions
from kgrec.graph.snapshot import NO_TIME, Ints
from kgrec.paths.index import NodeLike
from kgrec.query import Horizon, ask, check_k, id_list, item_rows

if TYPE_CHECKING:
    from kgrec.features.texts import TextReader
    from kgrec.scoring.engine import Engine


class Explaining:
    """The part of Recommender that says why.

    In all its methods ``history`` (item ids, oldest first) takes the place of the stored one, so
    that a user need not be stored.
    """

    config: RecommenderConfig
    _reader: TextReader

    @property
    def _engine(self) -> Engine:
        raise NotImplementedError

    def explain(
        self,
        user: str,
        item: str,
        *,
        k: int = 5,
        history: Sequence[str] | None = None,
        scenario: str | None = None,
        horizon: Horizon = "next",
        relations: Sequence[str] | None = None,
        via: Sequence[NodeLike] | NodeLike = (),
        avoid: Sequence[NodeLike] | NodeLike = (),
        since: int | None = None,
        max_hops: int = 4,
        writer: Writer | str = "en",
    ) -> Explanation:
        """Why ``item`` scores as it does for ``user``: up to ``k`` paths with contributions.

        What may be shown, never what contributed, is limited by ``relations`` (types allowed
        besides the user's own history), ``via`` and ``avoid`` (nodes: ids, or (label, id) pairs),
        ``since`` (unix seconds: only events from then on) and ``max_hops`` (1–4). ``writer`` has
        the words: a language ("en", "de") or a Writer of your own. Raises RequestError.
        """
        limits = Constraints(relations, via, avoid, since, max_hops)
        (told,) = self.explain_all(
            user,
            [item],
            k=k,
            history=history,
            scenario=scenario,
            horizon=horizon,
            constraints=limits,
            writer=writer,
        )
        return told

    def explain_all(
        self,
        user: str,
        items: Sequence[str],
        *,
        k: int = 5,
        history: Sequence[str] | None = None,
        scenario: str | None = None,
        horizon: Horizon = "next",
        constraints: Constraints | None = None,
        writer: Writer | str = "en",
    ) -> list[Explanation]:
        """``explain`` for several items of one user, sooner than one by one."""
        case = Case.of(self._engine, user, history, scenario, horizon)
        rows = item_rows(self._engine.snapshot.items, id_list(items, "items")).tolist()
        count, words = check_k(k), Writer.of(writer)
        told = [case.tell(row, count, constraints, words)[1] for row in rows]
        return case.confirmed(told, rows)

    def counterfactual(
        self,
        user: str,
        item: str,
        *,
        k: int = 10,
        max_events: int = 5,
        add: bool = False,
        history: Sequence[str] | None = None,
        scenario: str | None = None,
        horizon: Horizon = "next",
    ) -> Counterfactual:
        """The smallest set found of at most ``max_events`` of the user's events without which
        ``item`` is no longer among the ``k`` best; with ``add``, single items that would bring it
        in if chosen now. Both are tried out by whole forward passes. Raises RequestError."""
        limit = _whole(max_events, "max_events")
        case = Case.of(self._engine, user, history, scenario, horizon)
        standing = case.standing(item, k)
        return find_with(standing, user) if add else find_without(standing, user, limit)

    def why_not(
        self,
        user: str,
        item: str,
        *,
        k: int = 10,
        history: Sequence[str] | None = None,
        scenario: str | None = None,
        horizon: Horizon = "next",
        writer: Writer | str = "en",
    ) -> WhyNot:
        """Why ``item`` is not among the ``k`` best: its rank, what lies between it and the last of
        them, what speaks against it or is missing, and what would bring it in. Raises
        RequestError."""
        case = Case.of(self._engine, user, history, scenario, horizon)
        words = Writer.of(writer)
        return find_why_not(case.standing(item, k), user, lambda row: case.tell(row, writer=words))

    def compare(
        self,
        user: str,
        item_a: str,
        item_b: str,
        *,
        history: Sequence[str] | None = None,
        scenario: str | None = None,
        horizon: Horizon = "next",
        writer: Writer | str = "en",
    ) -> Comparison:
        """Why one item scores other than another: the difference by part of the model and by what
        the user chose. Raises RequestError."""
        case = Case.of(self._engine, user, history, scenario, horizon)
        words = Writer.of(writer)
        rows = item_rows(self._engine.snapshot.items, [item_a, item_b]).tolist()
        a, b = (case.tell(row, writer=words) for row in rows)
        return compare_items(self._engine, a, b)

    def words(
        self,
        user: str,
        item: str,
        *,
        source: Source = "item",
        of: str | None = None,
        method: Method = "gradients",
        history: Sequence[str] | None = None,
        scenario: str | None = None,
        horizon: Horizon = "next",
    ) -> WordContributions:
        """Which words of a text moved the score of ``item`` for ``user``, all else as it is.

        ``source`` "item" is the item's own text; "reviews" a review of it, with id ``of`` or the
        one that moves the score most; "history" what the user wrote about a chosen item, with id
        ``of`` or likewise. ``method`` "gradients" are integrated gradients, "occlusion" leaves out
        one word at a time (see ``kgrec.text.saliency``). A text's way through other items of the
        graph is not followed. Raises RequestError, TextModelError.
        """
        case = Case.of(self._engine, user, history, scenario, horizon)
        row = int(item_rows(self._engine.snapshot.items, [item])[0])
        robust = self.config.text.robust_reviews
        found = find_text(self._engine, case.past.histories, row, source, of, robust=robust)
        name = self._engine.explainer.index.space.display_name(
            int(self._engine.item_nodes(np.array(row)))
        )
        return tell_words(self._reader.encoder, user, item, name, found, method)


@dataclass(frozen=True, eq=False)
class Case:
    """One user's history, about which something is asked; ``stored`` is the user's row where the
    history is the one in the graph."""

    engine: Engine
    user: str
    past: Past
    stored: int | None

    @staticmethod
    def of(
        engine: Engine,
        user: str,
        history: Sequence[str] | None,
        scenario: str | None,
        horizon: Horizon,
    ) -> Case:
        given = None if history is None else {user: history}
        asked = ask(engine, [user] if given is None else None, given, scenario, None, horizon)
        past = Past.of(engine, asked, stored=history is None)
        return Case(engine, user, past, int(asked.histories.user[0]) if history is None else None)

    def standing(self, item: str, k: int) -> Standing:
        row = int(item_rows(self.engine.snapshot.items, [item])[0])
        return Standing.of(self.engine, self.past, row, check_k(k))

    def tell(
        self,
        row: int,
        k: int = 5,
        limits: Constraints | None = None,
        writer: Writer | None = None,
    ) -> tuple[ScoreBreakdown, Explanation]:
        """The score of an item row taken apart, and its paths."""
        breakdown = self._side.break_down(row)
        told = self.engine.explainer.explain(
            breakdown,
            row,
            user=self.stored,
            user_id=self.user,
            k=k,
            constraints=limits,
            writer=writer,
        )
        return breakdown, told

    @cached_property
    def _side(self) -> UserSide:
        times = self.past.times
        if self.stored is None:
            times = np.full(len(times), NO_TIME, dtype=np.int64)
        return UserSide.of(self.engine, self.past.histories, times)

    def confirmed(self, told: Sequence[Explanation], rows: Sequence[int]) -> list[Explanation]:
        """The explanations of item ``rows`` with what the score really loses without the events of
        each path."""
        starts = sorted({self._start(path) for one in told for path in one.paths})
        if not starts:
            return list(told)
        events: list[Ints] = [np.flatnonzero(self.past.items == start) for start in starts]
        left = scores_of(self.engine, self.past.without(events), np.array(rows))
        place = {start: number for number, start in enumerate(starts)}
        return [
            with_falls(one, [one.score - float(left[place[self._start(p)], at]) for p in one.paths])
            for at, one in enumerate(told)
        ]

    def _start(self, path: ExplainedPath) -> int:
        """The row of the history item that a path begins with."""
        return self.engine.item_row[path.nodes[1][1]]


def _whole(value: object, name: str) -> int:
    """A whole number of at least one. Raises RequestError."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
        raise RequestError(f"{name} is {value!r}; give a whole number of at least 1.")
    return int(value)
