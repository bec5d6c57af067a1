"""Explainer: from a score breakdown to the explanation of one (user, item) pair."""

from __future__ import annotations

import math
from collections.abc import Sequence
from copy import copy
from dataclasses import replace

import numpy as np

from graph_schema.errors import RequestError
from graph_schema.mapping import GraphMapping
from graph_schema.names import ITEM, USER
from kgrec.explain.attribution.people import (
    along_facts,
    through_few,
    without_links_of_people,
)
from kgrec.explain.attribution.pieces import Pieces, attribute
from kgrec.explain.attribution.score_breakdown import ScoreBreakdown
from kgrec.explain.attribution.selection import Chooser, Groups, admit, group
from kgrec.explain.explained_path import ExplainedPath
from kgrec.explain.explanation import INFLUENCES, Explanation
from kgrec.explain.influence import Influences
from kgrec.explain.text.path_builder import PathBuilder
from kgrec.explain.text.path_description import PathDescriber
from kgrec.explain.text.writer import Writer
from kgrec.graph.snapshot import NO_TIME, GraphSnapshot, Ints
from kgrec.paths.graph_names import GraphNames
from kgrec.paths.index import Constraints, Limits, PathIndex
from kgrec.paths.people import ShownPeople, limits_without_people


class Explainer:
    """Explains scores over one snapshot; create it once, since it keeps its index.

    ``writer`` has the words of the sentences; ``mapping`` the names in a graph that kgrec did not
    write, for the Cypher; ``people`` says how others are shown: as numbers by default; ``before``
    is the index of an earlier snapshot.
    """

    def __init__(
        self,
        snapshot: GraphSnapshot,
        writer: Writer | None = None,
        mapping: GraphMapping | None = None,
        people: ShownPeople | None = None,
        before: PathIndex | None = None,
    ) -> None:
        self.index = PathIndex(snapshot, before)
        self.writer = writer or Writer()
        self.graph_names = GraphNames(mapping)
        self.people = people or ShownPeople()

    def warm_up(self) -> None:
        """Build the adjacency now, so that the first explanation is as fast as the next."""
        self.index.build()

    def showing(self, people: ShownPeople) -> Explainer:
        """An explainer over the same index that shows people otherwise."""
        other = copy(self)
        other.people = people
        return other

    def explain(
        self,
        breakdown: ScoreBreakdown,
        item: int,
        *,
        user: int | None = None,
        user_id: str | None = None,
        k: int = 5,
        constraints: Constraints | None = None,
        writer: Writer | None = None,
    ) -> Explanation:
        """Explain one score by at most ``k`` different paths.

        Parameters
        ----------
        breakdown : ScoreBreakdown
            The score, divided among the events.
        item : int
            Row of the candidate.
        user : int, optional
            Row of a stored user; None for a history that was given with the request.
        user_id : str, optional
            Id to show where ``user`` is None.
        k : int
            Number of paths, at most; at most a third of them lower the score.
        constraints : Constraints, optional
            Limits on what is shown, never on what contributed.
        writer : Writer, optional
            Words of this explanation.

        Returns
        -------
        Explanation
            The paths with the largest contributions that do not repeat each other.

        Raises
        ------
        RequestError
            For ``k`` below 1, rows outside the snapshot, or impossible constraints, among them
            those that name another person.
        """
        if k < 1:
            raise RequestError(f"k is {k}; ask for 1 path or more")
        candidate = self._node(ITEM, item)
        owner = -1 if user is None else self._node(USER, user)
        user_id = self.index.space.id(owner) if owner >= 0 else user_id
        asker = owner if owner >= 0 else self._known_user(user_id)
        limits = self._limits(constraints or Constraints(), asker)
        pieces = attribute(self.index, breakdown, candidate)
        if not self.people.named:
            pieces = without_links_of_people(self.index, pieces)
        whole, pieces = pieces, self._shown(pieces, candidate, asker)
        kept = admit(self.index, pieces, limits, self._recent(breakdown, limits))
        groups = group(pieces.select(kept), self.index.space.size)
        history = np.unique(breakdown.history) + self.index.space.offsets[ITEM]
        builder = PathBuilder(
            self.index, owner, candidate, history, limits, self.people, asker=asker
        )
        writer = writer or self.writer
        negative = breakdown.negative_items() + self.index.space.offsets[ITEM]
        describer = PathDescriber(
            self.index,
            writer,
            user_id,
            self.graph_names,
            frozenset(negative.tolist()),
            self.people,
        )
        paths = _choose(groups, builder, describer, k, breakdown.gain)
        influences = Influences(
            self.index,
            whole,
            breakdown.gain,
            lambda code: writer.role(self.index.relation(code)),
            {node: writer.word("in spite of") for node in negative.tolist()},
        )
        total = math.fsum(pieces.contribution)
        shown = math.fsum(path.contribution for path in paths)
        hidden = len(groups.contribution) - len(paths)
        if not kept.all():
            hidden += len(group(pieces.select(~kept), self.index.space.size).contribution)
        return Explanation(
            user_id=user_id,
            item_id=self.index.space.id(candidate),
            item_name=self.index.space.display_name(candidate),
            score=float(breakdown.score),
            baseline=float(breakdown.baseline),
            paths=paths,
            rest=float(breakdown.gain - total),
            not_shown=total - shown if hidden else 0.0,
            hidden=hidden,
            parts={name: math.fsum(part) for name, part in breakdown.parts.items()},
            reasons=self._reasons(breakdown, pieces, whole, paths, owner, candidate, limits),
            entities=influences.links(INFLUENCES),
            history=influences.history(INFLUENCES),
            context=dict(breakdown.context),
            withheld=math.fsum(whole.contribution) - total,
        )

    def _node(self, label: str, row: int) -> int:
        size = len(self.index.snapshot.table(label))
        if not 0 <= row < size:
            raise RequestError(f"{label} row {row} is outside the snapshot's {size} rows")
        return self.index.space.node(label, row)

    def _known_user(self, user_id: str | None) -> int:
        """The user node with an id that was given with a history; -1 where there is none."""
        row = -1 if user_id is None else int(self.index.snapshot.users.rows([user_id])[0])
        return row if row < 0 else self.index.space.node(USER, row)

    def _limits(self, constraints: Constraints, asker: int) -> Limits:
        if self.people.named:
            return self.index.limits(constraints)
        return limits_without_people(self.index, constraints, {asker})

    def _shown(self, pieces: Pieces, candidate: int, asker: int) -> Pieces:
        """The pieces without those that came through too few people to be shown, unless a public
        fact joins the two items: then they are on the path of that fact."""
        if self.people.named:
            return pieces
        few = through_few(self.index, pieces, candidate, asker, self.people.fewest)
        pieces, few = along_facts(self.index, pieces, few, candidate)
        return pieces.select(~few)

    def _recent(self, breakdown: ScoreBreakdown, limits: Limits) -> Ints:
        rows = breakdown.history
        if limits.since is not None:
            known = breakdown.timestamps != NO_TIME
            rows = rows[known & (breakdown.timestamps >= limits.since)]
        return np.asarray(np.unique(rows) + self.index.space.offsets[ITEM])

    def _reasons(
        self,
        breakdown: ScoreBreakdown,
        pieces: Pieces,
        whole: Pieces,
        paths: Sequence[ExplainedPath],
        user: int,
        candidate: int,
        limits: Limits,
    ) -> tuple[str, ...]:
        """Why there are no paths, or what the constraints hide.

        ``whole``: the pieces with those that came through too few people to be shown.
        """
        if paths:
            return ()
        if not len(breakdown.history):
            return ("There is no history, so the score is the same for every user.",)
        if len(pieces):
            moved = math.fsum(pieces.contribution)
            return (
                f"No path satisfies the constraints; {len(pieces)} that do not changed the score "
                f"by {moved:+.3f}. Relax relations, via, avoid, since or max_hops to see them.",
            )
        if len(whole):
            return (
                "What the history adds to this score came through choices of fewer than "
                f"{self.people.fewest} people, so no path is shown.",
            )
        reasons = ["Nothing in the history changed this score."]
        if user >= 0 and not self.joined(user, candidate, limits):
            name = self.index.space.display_name(candidate)
            reasons.append(
                f"No path of at most {limits.max_hops} steps connects user "
                f"{self.index.space.id(user)} and “{name}” in the graph."
            )
        return tuple(reasons)

    def joined(self, user: int, candidate: int, limits: Limits) -> bool:
        """Whether the graph has a path between two nodes under the limits."""
        return bool(self.index.between(user, candidate, limits, limit=1))


def _choose(
    groups: Groups, builder: PathBuilder, describer: PathDescriber, k: int, gain: float
) -> list[ExplainedPath]:
    """Up to ``k`` paths, largest contribution first."""
    chooser = Chooser(groups, negatives=max(1, k // 3))
    paths: list[ExplainedPath] = []
    while len(paths) < k and (place := chooser.next()) is not None:
        number = chooser.number(place)
        members = groups.members(number)
        path = builder.build(members)
        if path is None:
            continue
        chooser.mark_shown(place)
        amount = float(groups.contribution[number])
        described = describer.describe(path, builder.candidate, amount, gain)
        paths.append(replace(described, parts=members.by_part()))
    return sorted(paths, key=lambda path: -path.contribution)
