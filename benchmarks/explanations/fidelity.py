"""Fidelity: how much the score falls without the path that is shown first, against other paths.

All paths compared are in the graph and as long as the one shown first. "Through the same item": it
begins with the same history item and goes on otherwise. "Random": any history item, drawn evenly,
then any of its ways to the candidate. "Gates": the history item with the largest weight in the
pools, whatever its effect on the candidate. "Path count": the history item with the most ways to
the candidate. Each is drawn anew for every pair.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from benchmarks.explanations.removal import LEARNED_TOGETHER, Removal, View, gate_weights
from graph_schema.names import USER
from kgrec.explain import ExplainedPath, Explanation
from kgrec.explain.counterfactuals.history_edit import EditableHistory
from kgrec.explain.explained_request import Case
from kgrec.graph.snapshot import Ints
from kgrec.paths.links import find_links

TOP, SAME, RANDOM, GATES, COUNT = "top", "same_item", "random", "gates", "path_count"
OWN, OWN_SAME = "own_links", "own_links_same_item"
NAMES = (TOP, SAME, RANDOM, GATES, COUNT, OWN, OWN_SAME)


@dataclass
class Falls:
    """What the score of each pair loses, by what is removed; NaN where there is nothing to."""

    rows: list[dict[str, float]] = field(default_factory=list)

    def add(self, falls: dict[str, float]) -> None:
        self.rows.append(falls)

    def mean(self, name: str, among: str | None = None) -> float:
        """The mean fall, among the pairs that have ``among`` too."""
        kept = [row[name] for row in self.rows if name in row and (among or name) in row]
        return float(np.mean(kept)) if kept else float("nan")

    def ratio(self, name: str, to: str) -> float:
        """The mean fall of one by that of another, over the pairs that have both."""
        return self.mean(name, to) / self.mean(to, name)


class Ways:
    """The ways of two or three edges from the user's history items to one candidate."""

    def __init__(self, case: Case, candidate: int, hops: int) -> None:
        """``case`` is about a stored user."""
        assert case.stored is not None
        engine = self.engine = case.engine
        self.candidate, self.hops = candidate, hops
        self.index = case.explainer.index
        self.user = self.index.space.node(USER, case.stored)
        self.target = int(engine.messages.item_nodes(np.array([candidate]))[0])
        self.items = np.setdiff1d(case.history.items, [candidate])
        self._links = find_links(
            self.index.facts,
            engine.messages.item_nodes(self.items),
            self.target,
            len(engine.snapshot.items),
        )

    def shared(self, item: int) -> Ints:
        """Nodes that facts join to both items; -1 for a direct fact, where paths have two edges."""
        place = int(np.searchsorted(self.items, item))
        links = np.unique(self._links.link[self._links.item == place])
        return np.asarray(links[links < 0] if self.hops == 2 else links[links >= 0])

    def people(self, item: int) -> Ints:
        """Users who chose both."""
        if self.hops == 2:
            return np.empty(0, dtype=np.int64)
        node = int(self.engine.messages.item_nodes(np.array([item]))[0])
        return self.index.co_users(node, self.target, besides=self.user)

    def all(self, item: int) -> Ints:
        """The node between, for every way through an item."""
        return np.concatenate([self.people(item), self.shared(item)])

    def removal(self, item: int, between: int) -> Removal:
        """The removal of the user's events with an item and the facts of a way from there."""
        return Removal(item=item, nodes=self.facts(item, between))

    def facts(self, item: int, between: int) -> tuple[int, ...]:
        """The node whose facts with the candidate belong to a way: none through a user."""
        if between < 0:
            return (int(self.engine.messages.item_nodes(np.array([item]))[0]),)
        label, _ = self.index.space.label_row(between)
        return () if label == USER else (between,)


def first_path(result: Explanation) -> ExplainedPath | None:
    """The path with the largest contribution that is in the graph step by step."""
    for path in result.paths:
        if all(path.stored) and path.contribution > 0 and path.hops in (2, 3):
            return path
    return None


def falls_of(
    case: Case, candidate: int, path: ExplainedPath, rng: np.random.Generator
) -> dict[str, float]:
    """What the candidate's score loses under each removal, by name."""
    engine, history, ways = case.engine, case.history, Ways(case, candidate, path.hops)
    item = engine.item_row[path.nodes[1][1]]
    nodes = [ways.index.space.find(*node[:2]) for node in path.nodes[2:-1]]
    between = nodes[0] if nodes else -1
    removals = {TOP: ways.removal(item, between)}
    _other_paths(removals, ways, history, item, between, rng)
    _own_links(removals, ways, item, between, rng)
    view = View(engine, history, candidate)
    before, *after = view.scores([Removal(), *removals.values()])
    falls = {name: float(before - score) for name, score in zip(removals, after, strict=True)}
    if OWN in falls:
        # What weights between items gave is no part of any vector: it goes with the path's links.
        falls[OWN] += path.parts.get("together", 0.0)
    return falls


def _other_paths(
    removals: dict[str, Removal],
    ways: Ways,
    history: EditableHistory,
    item: int,
    between: int,
    rng: np.random.Generator,
) -> None:
    others = ways.all(item)
    others = others[others != between]
    if len(others):
        removals[SAME] = ways.removal(item, int(rng.choice(others)))
    counts = {int(row): len(ways.all(int(row))) for row in ways.items}
    joined = [row for row, count in counts.items() if count]
    weights = gate_weights(ways.engine, history)
    kept = history.items != ways.candidate
    place = np.searchsorted(ways.items, history.items[kept])
    sums = np.bincount(place, weights=weights[kept])
    chosen = {
        RANDOM: int(rng.choice(joined)),
        GATES: int(ways.items[int(sums.argmax())]),
        COUNT: max(joined, key=lambda row: counts[row]),
    }
    for name, row in chosen.items():
        found = ways.all(row)
        removals[name] = (
            ways.removal(row, int(rng.choice(found))) if len(found) else Removal(item=row)
        )


def _own_links(
    removals: dict[str, Removal], ways: Ways, item: int, between: int, rng: np.random.Generator
) -> None:
    """The same with the event kept: only what each path has for itself after the shared item. Of a
    path of people that is what their choices taught the model of the item."""
    others = ways.shared(item)
    others = others[others != between]
    if not len(others):
        return
    removals[OWN] = _beyond(ways, item, between)
    removals[OWN_SAME] = _beyond(ways, item, int(rng.choice(others)))


def _beyond(ways: Ways, item: int, between: int) -> Removal:
    facts = ways.facts(item, between)
    return Removal(nodes=facts, linked=item, parts=() if facts else LEARNED_TOGETHER)


def summary(falls: Falls) -> dict[str, object]:
    """The figures for the JSON line."""
    names: Sequence[str] = NAMES
    return {
        "mean_fall": {name: round(falls.mean(name), 5) for name in names},
        "to_random": round(falls.ratio(TOP, RANDOM), 2),
        "to_same_item": round(falls.ratio(TOP, SAME), 3),
        "own_links_to_same_item": round(falls.ratio(OWN, OWN_SAME), 2),
        "to_gates": round(falls.ratio(TOP, GATES), 2),
        "to_path_count": round(falls.ratio(TOP, COUNT), 2),
        "pairs": len(falls.rows),
    }
