"""Quality of explanations, measured on the lists of a sample of users."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from graph_schema.names import ENTITY, ITEM, USER
from kgrec.explain import Explanation
from kgrec.explain.ablation import CARRIES, best_share
from kgrec.graph import GraphSnapshot
from kgrec.graph.snapshot import Ints
from kgrec.metrics.exposure import PathQuality
from kgrec.progress import Progress

ExplainPair: TypeAlias = Callable[[int, int], Explanation]
"""Explains an item to a user, both given as rows."""


@dataclass(frozen=True, eq=False)
class ExplainedPairs:
    """Figures of p explanations.

    Attributes
    ----------
    place : int64 ``[p]``
        Row of the user in the lists.
    item : int64 ``[p]``
        Row of the item.
    best : float64 ``[p]``
        ``best_share`` of the explanation's paths.
    degree : int64 ``[d]``
        Degrees of the nodes that link history items and recommendations.
    pair : int64 ``[d]``
        The explanation that each of these nodes belongs to.
    """

    place: Ints
    item: Ints
    best: np.ndarray
    degree: Ints
    pair: Ints

    def quality(self, wanted: np.ndarray) -> PathQuality | None:
        """Quality of the explanations in ``wanted`` (bool ``[p]``); None without any."""
        n = int(wanted.sum())
        if not n:
            return None
        degrees = self.degree[wanted[self.pair]]
        return PathQuality(
            pairs=n,
            explained=float((self.best[wanted] >= CARRIES).mean()),
            best=float(self.best[wanted].mean()),
            links=float(np.median(degrees)) if len(degrees) else None,
        )


def explain_lists(
    snapshot: GraphSnapshot,
    explain: ExplainPair,
    users: Ints,
    lists: np.ndarray,
    sample: Ints,
    progress: Progress | None,
) -> ExplainedPairs:
    """Explain every item in some of the lists.

    ``users`` int64 ``[B]`` rows; ``lists`` int64 ``[B, k]`` item rows padded with -1; ``sample``
    int64: the rows of the lists to explain.
    """
    places = np.repeat(sample, lists.shape[1])
    items = lists[sample].ravel()
    places, items = places[items >= 0], items[items >= 0]
    degrees = _degrees(snapshot)
    best, found = np.zeros(len(items)), []
    for pair, (place, item) in enumerate(zip(places, items, strict=True)):
        explanation = explain(int(users[place]), int(item))
        best[pair] = best_share(explanation)
        found.append(_linking_degrees(explanation, snapshot, degrees))
        if progress is not None:
            progress("recommendations explained", pair + 1, len(items))
    return ExplainedPairs(
        place=places,
        item=items,
        best=best,
        degree=np.concatenate([np.empty(0, dtype=np.int64), *found]),
        pair=np.repeat(np.arange(len(items)), [len(part) for part in found]),
    )


def _linking_degrees(
    explanation: Explanation, snapshot: GraphSnapshot, degrees: dict[str, Ints]
) -> Ints:
    """int64: the degrees of the nodes between history item and recommendation, path by path;
    numbers of people are no nodes."""
    nodes = [node for path in explanation.paths for node in path.nodes[2:-1] if node[0] in degrees]
    rows = [int(snapshot.table(label).rows([key])[0]) for label, key, _ in nodes]
    return np.array(
        [degrees[label][row] for (label, _, _), row in zip(nodes, rows, strict=True)],
        dtype=np.int64,
    )


def _degrees(snapshot: GraphSnapshot) -> dict[str, Ints]:
    """int64 ``[n]`` by label: the number of facts and interactions of each node."""
    seen = snapshot.interactions
    ends = [(USER, seen.user), (ITEM, seen.item)]
    for facts in snapshot.facts:
        ends += [(facts.head_label, facts.head), (facts.tail_label, facts.tail)]
    return {
        label: sum(
            (
                np.bincount(rows, minlength=len(snapshot.table(label)))
                for at, rows in ends
                if at == label
            ),
            start=np.zeros(len(snapshot.table(label)), dtype=np.int64),
        )
        for label in (USER, ITEM, ENTITY)
    }
