"""Reasons: why a user is recommended to a user, by paths through users and items of both."""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np

from graph_schema.names import ITEM, USER
from kgrec.explain.explained_path import ExplainedPath
from kgrec.explain.explainer import Explainer
from kgrec.explain.explanation import Explanation
from kgrec.explain.text.writer import Writer
from kgrec.explore.graph_path import GraphPathDescriber
from kgrec.explore.people import SEVERAL
from kgrec.graph.snapshot import Floats, Ints
from kgrec.paths.adjacency import Adjacency
from kgrec.paths.index import Path
from kgrec.paths.people import people_between
from kgrec.scoring.request import Request
from kgrec.social.features import COMMON, GRAPH, NAMES
from kgrec.social.lists import People

_BASE: Final = "popularity"
_OF_ITEMS: Final = ("taste", "shared items", "shared entities")
_NOTHING: Final = ("No user and no item joins the two by one step each.",)


def explain_user(
    people: People, explainer: Explainer, request: Request, other: int, k: int, writer: Writer
) -> Explanation:
    """Why a user row has its score for the only user of a request: at most ``k`` paths.

    The baseline is what the number of its followers adds, for whoever asks. What the graph of
    follows adds is divided among the users that both are joined to, those joined to few first, and
    shown by their number; what taste and items add among the items of both, rare ones first. The
    rest, and what came through few users, is on no path.
    """
    features, lone = people.features(request.histories)
    parts = people.blend.parts(features[:, other : other + 1], lone=lone)[0, 0]
    score = float(people.blend.scores(features, lone=lone)[0, other])
    by_name = dict(zip(NAMES, map(float, parts), strict=True))
    user = int(request.histories.user[0])
    found = _Paths(people, explainer, writer, user, other, score - by_name[_BASE])
    paths = found.through_users(math.fsum(by_name[name] for name in GRAPH))
    paths += found.through_items(
        request.histories.item, math.fsum(by_name[name] for name in _OF_ITEMS)
    )
    paths.sort(key=lambda path: -path.amount)
    total = math.fsum(path.amount for path in paths)
    shown = [found.describe(path) for path in paths[:k]]
    space = explainer.index.space
    node = space.node(USER, other)
    return Explanation(
        user_id=request.ids[0] if user >= 0 else None,
        item_id=space.id(node),
        item_name=space.display_name(node),
        score=score,
        baseline=by_name[_BASE],
        paths=shown,
        rest=score - by_name[_BASE] - total,
        not_shown=total - math.fsum(path.contribution for path in shown),
        hidden=len(paths) - len(shown),
        parts={name: by_name[name] for name in (*GRAPH, *COMMON) if name != _BASE},
        reasons=() if paths else found.why_none(),
        withheld=found.withheld,
    )


class _Way(NamedTuple):
    """A path of two edges between two users: through one node, or SEVERAL people."""

    node: int
    codes: tuple[int, int]
    amount: float
    kind: str
    people: int = 0


class _Paths:
    """Paths between two users, with their contributions."""

    def __init__(
        self,
        people: People,
        explainer: Explainer,
        writer: Writer,
        user: int,
        other: int,
        gain: float,
    ) -> None:
        self.people, self.index, self.shown = people, explainer.index, explainer.people
        self.user, self.other, self.gain = user, other, gain
        self.withheld = 0.0  # what came through too few users to be shown
        self.describer = GraphPathDescriber(explainer.index, writer, explainer.graph_names)

    def through_users(self, amount: float) -> list[_Way]:
        """The ways user → user → user."""
        if self.user < 0:
            return []
        joined = self.people.follows.joined
        both = np.intersect1d(_row(joined, self.user), _row(joined, self.other))
        weights = 1 / np.maximum(self.people.follows.degree[both], 1.0)
        nodes = both + self.index.space.offsets[USER]
        ways = self._paths(nodes, weights, amount, self.index.facts, "follows")
        if self.shown.named:
            return ways
        folded = self._folded(ways)
        self.withheld = math.fsum([*(w.amount for w in ways), *(-w.amount for w in folded)])
        return folded

    def why_none(self) -> tuple[str, ...]:
        """Why there are no paths."""
        if not self.withheld:
            return _NOTHING
        return (f"Fewer than {self.shown.fewest} users join the two, so no path is shown.",)

    def _folded(self, paths: list[_Way]) -> list[_Way]:
        """Ways that differ by one user as one; those through few users are left out."""
        ends = self._ends
        kinds: dict[tuple[int, int], list[_Way]] = {}
        for path in paths:
            kinds.setdefault(path.codes, []).append(path)
        folded = []
        for codes, alike in kinds.items():
            people = people_between(self.index, ends, codes, set(ends))
            if self.shown.counts(people):
                amount = math.fsum(path.amount for path in alike)
                folded.append(_Way(SEVERAL, codes, amount, alike[0].kind, people))
        return folded

    def through_items(self, mine: Ints, amount: float) -> list[_Way]:
        """The ways user → item ← user; none for a history that is not in the graph."""
        if self.user < 0:
            return []
        chosen = self.people.pairs.profiles.items
        both = np.intersect1d(mine, _row(chosen, self.other))
        weights = chosen[self.other, both].toarray().ravel() ** 2
        nodes = both + self.index.space.offsets[ITEM]
        return self._paths(nodes, weights, amount, self.index.interactions, "shared item")

    @property
    def _ends(self) -> tuple[int, int]:
        user, other = (self.index.space.node(USER, row) for row in (self.user, self.other))
        return user, other

    def _paths(
        self, between: Ints, weights: Floats, amount: float, edges: Adjacency, kind: str
    ) -> list[_Way]:
        """A way through each node between, with its share of the amount."""
        user, other = self._ends
        shares = weights / weights.sum() if len(weights) else weights
        return [
            _Way(
                node,
                (int(edges.edges_between(user, node)[0]), int(edges.edges_between(node, other)[0])),
                amount * float(share),
                kind,
            )
            for node, share in zip(between.tolist(), shares.tolist(), strict=True)
        ]

    def describe(self, way: _Way) -> ExplainedPath:
        """The path with names, sentence and Cypher."""
        user, other = self._ends
        found = self.describer.describe(Path((user, way.node, other), way.codes), way.people)
        return ExplainedPath(
            nodes=found.nodes,
            relations=found.relations,
            outgoing=found.outgoing,
            contribution=way.amount,
            share=way.amount / abs(self.gain) if self.gain else 0.0,
            sentence=found.sentence,
            cypher=found.cypher,
            parameters=found.parameters,
            kind=way.kind,
            stored=(True, True),
            words=found.relations,
            people=way.people,
            expected=found.expected,
        )


def _row(matrix: object, row: int) -> Ints:
    """int64: the columns of a CSR row, ascending."""
    start, end = matrix.indptr[row], matrix.indptr[row + 1]  # type: ignore[attr-defined]
    return np.sort(matrix.indices[start:end]).astype(np.int64)  # type: ignore[attr-defined]
