"""Reasons: why a user is recommended to a user, by paths through users and items of both."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from graph_schema.names import ITEM, USER
from kgrec.explain.explained_path import ExplainedPath
from kgrec.explain.explainer import Explainer
from kgrec.explain.explanation import Explanation
from kgrec.explain.text.writer import Writer
from kgrec.explore.graph_path import GraphPathDescriber
from kgrec.graph.snapshot import Floats, Ints
from kgrec.paths.adjacency import Adjacency
from kgrec.paths.index import Path
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
    follows adds is divided among the users that both are joined to, those joined to few first; what
    taste and items add among the items of both, rare ones first. The rest is on no path.
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
    paths.sort(key=lambda path: -path.contribution)
    total = math.fsum(path.contribution for path in paths)
    shown = paths[:k]
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
        reasons=() if paths else _NOTHING,
    )


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
        self.people, self.index = people, explainer.index
        self.user, self.other, self.gain = user, other, gain
        self.describer = GraphPathDescriber(explainer.index, writer, explainer.graph_names)

    def through_users(self, amount: float) -> list[ExplainedPath]:
        """The paths user → user → user."""
        if self.user < 0:
            return []
        joined = self.people.follows.joined
        both = np.intersect1d(_row(joined, self.user), _row(joined, self.other))
        weights = 1 / np.maximum(self.people.follows.degree[both], 1.0)
        nodes = both + self.index.space.offsets[USER]
        return self._paths(nodes, weights, amount, self.index.facts, "follows")

    def through_items(self, mine: Ints, amount: float) -> list[ExplainedPath]:
        """The paths user → item ← user; none for a history that is not in the graph."""
        if self.user < 0:
            return []
        chosen = self.people.pairs.profiles.items
        both = np.intersect1d(mine, _row(chosen, self.other))
        weights = chosen[self.other, both].toarray().ravel() ** 2
        nodes = both + self.index.space.offsets[ITEM]
        return self._paths(nodes, weights, amount, self.index.interactions, "shared item")

    def _paths(
        self, between: Ints, weights: Floats, amount: float, edges: Adjacency, kind: str
    ) -> list[ExplainedPath]:
        ends = [self.index.space.node(USER, row) for row in (self.user, self.other)]
        shares = weights / weights.sum() if len(weights) else weights
        return [
            self._path(ends, int(node), edges, amount * float(share), kind)
            for node, share in zip(between.tolist(), shares.tolist(), strict=True)
        ]

    def _path(
        self, ends: list[int], node: int, edges: Adjacency, amount: float, kind: str
    ) -> ExplainedPath:
        near, far = edges.edges_between(ends[0], node)[0], edges.edges_between(node, ends[1])[0]
        found = self.describer.describe(Path((ends[0], node, ends[1]), (int(near), int(far))))
        return ExplainedPath(
            nodes=found.nodes,
            relations=found.relations,
            outgoing=found.outgoing,
            contribution=amount,
            share=amount / abs(self.gain) if self.gain else 0.0,
            sentence=found.sentence,
            cypher=found.cypher,
            parameters=found.parameters,
            kind=kind,
            stored=(True, True),
            words=found.relations,
            expected=found.expected,
        )


def _row(matrix: object, row: int) -> Ints:
    """int64: the columns of a CSR row, ascending."""
    start, end = matrix.indptr[row], matrix.indptr[row + 1]  # type: ignore[attr-defined]
    return np.sort(matrix.indices[start:end]).astype(np.int64)  # type: ignore[attr-defined]
