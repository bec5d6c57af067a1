"""Case: one request about one user, to be explained, changed and compared."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from kgrec.explain.ablation import with_score_drops
from kgrec.explain.attribution.model_breakdown import RequestBreakdown
from kgrec.explain.comparison import (
    Comparison,
    ExplainedScore,
    WhyNot,
    compare_items,
    find_why_not,
)
from kgrec.explain.counterfactuals.counterfactual import Counterfactual
from kgrec.explain.counterfactuals.history_edit import EditableHistory, scores_of
from kgrec.explain.counterfactuals.rank_position import RankPosition
from kgrec.explain.counterfactuals.search import find_additions, find_removals
from kgrec.explain.explained_path import ExplainedPath
from kgrec.explain.explainer import Explainer
from kgrec.explain.explanation import Explanation
from kgrec.explain.text.writer import Writer
from kgrec.feedback.seen_items import ALL, SeenRule
from kgrec.graph.snapshot import NO_TIME, Ints
from kgrec.paths.index import Constraints
from kgrec.rules.list_rules import ListRules
from kgrec.scoring.engine import Engine
from kgrec.scoring.lookup import candidate_mask, conditions_against
from kgrec.scoring.ranked_lists import seen_items
from kgrec.scoring.request import Request


@dataclass(frozen=True, eq=False)
class Case:
    """The history and circumstances of one user, to be explained.

    ``stored``: the user's row where the history is the one in the graph, else None. ``user``: the
    user's id, None of a history alone. ``seen``: which items of the history lists leave out.
    """

    engine: Engine
    explainer: Explainer
    history: EditableHistory
    stored: int | None
    user: str | None
    seen: SeenRule = ALL

    @staticmethod
    def of(
        engine: Engine,
        explainer: Explainer,
        request: Request,
        *,
        stored: bool,
        seen: SeenRule = ALL,
    ) -> Case:
        """``stored`` if the one history of the request is the one in the graph."""
        row = int(request.histories.user[0])
        stored = stored and row >= 0  # a user with events since the graph was read may have no row
        history = EditableHistory.of(engine, request, stored=stored)
        user = None if request.names is None else request.ids[0]
        return Case(engine, explainer, history, row if stored else None, user, seen)

    def explain(
        self,
        rows: Sequence[int],
        k: int,
        constraints: Constraints | None = None,
        writer: Writer | None = None,
    ) -> list[Explanation]:
        """An explanation of each item row, with the score drops of its paths.

        A score drop is what the score loses when the path's events leave the history.
        """
        scores = [self.explain_score(row, k, constraints, writer) for row in rows]
        return self._with_score_drops([one.explanation for one in scores], rows)

    def without(self, item: int, k: int, max_events: int, limits: Constraints) -> Counterfactual:
        """The smallest set found of events without which item row ``item`` is out."""
        return find_removals(self.position(item, k, limits), self.user, max_events)

    def added(self, item: int, k: int, limits: Constraints) -> Counterfactual:
        """Single items that would bring item row ``item`` among the ``k`` best."""
        return find_additions(self.position(item, k, limits), self.user)

    def why_not(self, item: int, k: int, limits: Constraints, writer: Writer) -> WhyNot:
        """Why item row ``item`` is not among the ``k`` best."""
        position = self.position(item, k, limits)

        def explain(row: int) -> ExplainedScore:
            return self.explain_score(row, writer=writer)

        return find_why_not(position, self.user, explain)

    def compare(self, a: int, b: int, writer: Writer) -> Comparison:
        """Why item row ``a`` scores other than item row ``b``."""
        one, other = (self.explain_score(row, writer=writer) for row in (a, b))
        return compare_items(self.engine, self.explainer.index, one, other)

    def position(self, item: int, k: int, limits: Constraints | None = None) -> RankPosition:
        """The rank position of item row ``item`` among the candidates of ``limits``."""
        allowed, against, rules = None, [], self.rules
        if limits is not None:
            allowed = candidate_mask(self.engine.snapshot, limits)
            against = conditions_against(self.engine.snapshot, limits, item)
        if limits is None or limits.candidates is None:
            allowed = self.engine.candidates(self.history.histories.scenario, allowed)
            allowed = allowed[0] if allowed is not None and allowed.ndim == 2 else allowed
        if not against and allowed is not None and not allowed[item]:
            against = ["the choice of the scenario's items"]
        if rules is not None:
            allowed = rules.allowed if allowed is None else allowed & rules.allowed
        found = seen_items(self.engine, self.history.request, self.seen)
        hidden = None if found is None else found[1]
        return RankPosition.of(
            self.engine,
            self.explainer.index,
            self.history,
            item,
            k,
            allowed,
            against,
            hidden,
            rules,
        )

    def explain_score(
        self,
        row: int,
        k: int = 5,
        constraints: Constraints | None = None,
        writer: Writer | None = None,
    ) -> ExplainedScore:
        """The score of an item row divided among the events, and its explanation."""
        breakdown = self._breakdown.break_down(row)
        explanation = self.explainer.explain(
            breakdown,
            row,
            user=self.stored,
            user_id=self.user,
            k=k,
            constraints=constraints,
            writer=writer,
        )
        if self.rules is not None:
            applied = self.rules.of_item(row)
            score = math.fsum([explanation.score, *(one.amount for one in applied)])
            explanation = replace(explanation, score=score, rules=applied)
        return ExplainedScore(breakdown, explanation)

    @property
    def rules(self) -> ListRules | None:
        """The rules that the user's list obeys."""
        rules = self.history.request.rules
        return None if rules is None else rules.of(0)

    @cached_property
    def _breakdown(self) -> RequestBreakdown:
        times = self.history.times
        if self.stored is None:
            times = np.full(len(times), NO_TIME, dtype=np.int64)
        return RequestBreakdown.of(self.engine, self.history.request, times)

    def _with_score_drops(
        self, explanations: Sequence[Explanation], rows: Sequence[int]
    ) -> list[Explanation]:
        starts = sorted({self._start(path) for one in explanations for path in one.paths})
        if not starts:
            return list(explanations)
        events: list[Ints] = [np.flatnonzero(self.history.items == start) for start in starts]
        without = scores_of(self.engine, self.history.without(events), np.array(rows))
        place = {start: number for number, start in enumerate(starts)}
        return [
            with_score_drops(
                one, [one.score - float(without[place[self._start(p)], at]) for p in one.paths]
            )
            for at, one in enumerate(explanations)
        ]

    def _start(self, path: ExplainedPath) -> int:
        """The row of the history item that a path begins with."""
        return self.engine.item_row[path.nodes[1][1]]
