"""PathIndex: finds paths between nodes of a snapshot, short ones and rare nodes first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from graph_schema.conversion.columns import unix_seconds
from graph_schema.errors import RequestError
from graph_schema.names import INTERACTED, ITEM, USER
from kgrec.arguments import (
    Missing,
    Time,
    as_id,
    check_choice,
    check_count,
    given_ids,
    id_list,
)
from kgrec.graph.snapshot import GraphSnapshot, Ints
from kgrec.paths.adjacency import (
    LABELS,
    Adjacency,
    NodeSpace,
    edge_name,
    fact_edges,
    interaction_edges,
)
from kgrec.paths.event_index import EventIndex
from kgrec.paths.index_growth import IndexGrowth
from kgrec.paths.search import EDGE_BUDGET, Allowed, FoundPaths, search
from kgrec.ranking import Where
from kgrec.stores.base import NodeRef

MAX_HOPS = 4
NodeLike = NodeRef | tuple[str, str] | str


@dataclass(frozen=True)
class Constraints:
    """Limits of an answer: which items lists are made of, and which paths may be shown.

    A node is a NodeRef, a (label, id) pair, "Label:id", or an id alone, of any label.

    Parameters
    ----------
    relations : sequence of str, optional
        Relationship types allowed besides the user's own history; None: all.
    via : node or sequence of nodes
        Nodes that a path must contain, all of them.
    avoid : node or sequence of nodes
        Nodes that no path may contain.
    since : int, str or datetime, optional
        Only history events from this time on: unix seconds, or what else a timestamp may be.
    max_hops : int
        Most steps of a path, 1 to 4.
    candidates : sequence of str, optional
        Ids of the items that lists are made of; None: all. Paths do not depend on it.
    where : mapping or callable, optional
        Conditions on the attributes of these items, as in ``Recommender.recommend``.
    exclude : sequence of str, optional
        Ids of items that are in no list.
    missing : {"error", "ignore"}
        What to do with ids in ``candidates`` and ``exclude`` that are not in the graph.
    """

    relations: Sequence[str] | None = None
    via: Sequence[NodeLike] | NodeLike = ()
    avoid: Sequence[NodeLike] | NodeLike = ()
    since: Time | None = None
    max_hops: int = MAX_HOPS
    candidates: Sequence[str] | None = None
    where: Where | None = None
    exclude: Sequence[str] | None = None
    missing: Missing = "error"

    def __post_init__(self) -> None:
        check_choice(self.missing, "missing", ("error", "ignore"))

    @staticmethod
    def of(given: Constraints | None, missing: Missing = "error", **keywords: Any) -> Constraints:
        """Constraints as they are, or made of keywords, where None says nothing. Raises
        RequestError where both are given."""
        named = {name: value for name, value in keywords.items() if value is not None}
        if given is None:
            return Constraints(missing=missing, **named)
        if not isinstance(given, Constraints):
            kind = type(given).__name__
            raise RequestError(f"constraints is a {kind}; pass kgrec.Constraints(...).")
        if named:
            name = next(iter(named))
            raise RequestError(f"{name} is given beside constraints; put it into the Constraints.")
        return given


@dataclass(frozen=True)
class Path:
    """A path as node numbers and edge codes of the index; one code less than nodes."""

    nodes: tuple[int, ...]
    codes: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Limits:
    """Constraints as node numbers; ``via`` has one set of alternatives per node."""

    allowed: Allowed
    via: tuple[frozenset[int], ...]
    avoid: frozenset[int]
    since: int | None
    max_hops: int

    def admits(self, nodes: Iterable[int]) -> bool:
        """Whether a path through these nodes satisfies ``via`` and ``avoid``."""
        seen = set(nodes)
        return not (seen & self.avoid) and all(seen & group for group in self.via)

    def admit_rows(self, nodes: Ints) -> np.ndarray:
        """``admits`` for many paths, the rows of ``nodes`` int64 ``[m, n]``: bool ``[m]``."""
        admitted = np.ones(len(nodes), dtype=bool)
        if self.avoid:
            admitted &= ~np.isin(nodes, sorted(self.avoid)).any(axis=1)
        for group in self.via:
            admitted &= np.isin(nodes, sorted(group)).any(axis=1)
        return admitted


class PathIndex:
    """Finds paths between nodes of one snapshot; the adjacency is built once, on first use.

    ``before`` is the index of an earlier snapshot. Where this one has all of its interactions, or
    facts, and a few more, only those are added.
    """

    def __init__(self, snapshot: GraphSnapshot, before: PathIndex | None = None) -> None:
        self.snapshot = snapshot
        self.space = NodeSpace(snapshot)
        self.interacted = len(snapshot.facts)  # the edge kind of INTERACTED
        self._before = before

    @cached_property
    def facts(self) -> Adjacency:
        """Facts only, in both directions."""
        grown: Adjacency | None = self._grown("facts")
        if grown is not None:
            return grown
        return Adjacency.build(self.space.size, *fact_edges(self.space, self.snapshot.facts))

    @property
    def interactions(self) -> Adjacency:
        """Interactions only, in both directions; several events of a pair are one edge."""
        return self._events.adjacency

    @property
    def pairs(self) -> tuple[Ints, Ints, Ints]:
        """(Sorted user–item pairs, user row · number of items + item row; row of the last event;
        number of events)."""
        return self._events.pairs

    @cached_property
    def whole(self) -> Adjacency:
        """Facts and interactions together."""
        grown: Adjacency | None = self._grown("whole")
        if grown is not None:
            return grown
        if self.is_built:
            return self.interactions.with_edges(self.facts)
        facts = fact_edges(self.space, self.snapshot.facts)
        events = interaction_edges(self.space)
        edges = [np.concatenate(pair) for pair in zip(facts, events, strict=True)]
        return Adjacency.build(self.space.size, *edges)

    @cached_property
    def _events(self) -> EventIndex:
        grown: EventIndex | None = self._grown("_events")
        return EventIndex.build(self.space) if grown is None else grown

    def _grown(self, name: str) -> Any:
        """What grows from the earlier index, of which nothing is needed afterwards; None for what
        is made anew."""
        before = self._before
        if before is not None:
            growth = IndexGrowth(before.space, self.space)
            events, edges = before._events.grown(growth)
            found = {"_events": events, **_grown_edges(before, growth, edges)}
            vars(self).update({key: value for key, value in found.items() if value is not None})
            self._before = None
        return vars(self).get(name)

    @property
    def is_built(self) -> bool:
        """Whether the interactions are there, which take the most time."""
        return "_events" in vars(self)

    @property
    def earlier(self) -> PathIndex | None:
        """This index, or else the one it takes interactions from, where that is built."""
        return self if self.is_built else self._before

    def build(self) -> None:
        """Build now what explanations need, not at the first of them."""
        _ = self.facts, self._events, self.without_users
        self.space.warm_up()

    def relation(self, code: int) -> str:
        """The relationship type of an edge code."""
        return edge_name(self.snapshot, code)

    def co_users(self, item: int, other: int, besides: int = -1) -> Ints:
        """Sorted user nodes that interacted with both items, without the node ``besides``."""
        a, b = self.interactions.of(item)[0], self.interactions.of(other)[0]
        small, large = (a, b) if len(a) <= len(b) else (b, a)
        place = np.minimum(np.searchsorted(large, small), max(len(large) - 1, 0))
        both = small[large[place] == small] if len(large) else small[:0]
        return np.asarray(both[both != besides])

    def co_user_counts(self, items: Ints, other: int, besides: int = -1) -> Ints:
        """How many users interacted with each of ``items`` and with ``other``, all item nodes, the
        user node ``besides`` not counted: int64 ``[len(items)]``."""
        chose = np.zeros(self.space.offsets[ITEM], dtype=bool)
        chose[self.interactions.of(other)[0]] = True
        if besides >= 0:
            chose[besides] = False
        owner, users, _ = self.interactions.gather(items)
        return np.bincount(owner[chose[users]], minlength=len(items))

    @cached_property
    def without_users(self) -> np.ndarray:
        """The edge kinds that no user is an end of, bool ``[kinds]``."""
        facts = [USER not in (f.head_label, f.tail_label) for f in self.snapshot.facts]
        return np.array([*facts, False])

    def last_time(self, users: Ints, item: int) -> Ints:
        """Time of each user node's last event with an item node, int64 ``[len(users)]``."""
        order, starts, owners = self._by_item
        row = item - self.space.offsets[ITEM]
        first, last = starts[row], starts[row + 1]
        place = owners[first:last].searchsorted(users - self.space.offsets[USER], side="right") - 1
        return np.asarray(self.snapshot.interactions.timestamp[order[first:last][place]])

    @property
    def _by_item(self) -> tuple[Ints, Ints, Ints]:
        return self._events.by_item

    def events(self, user: int, item: int) -> Ints:
        """Rows of ``snapshot.interactions`` between a user node and an item node, oldest first."""
        order, starts, owners = self._by_item
        row, who = item - self.space.offsets[ITEM], user - self.space.offsets[USER]
        first, last = starts[row], starts[row + 1]
        users = owners[first:last]
        low, high = users.searchsorted(who), users.searchsorted(who, side="right")
        return order[first + low : first + high]

    def limits(self, constraints: Constraints) -> Limits:
        """Resolve names to numbers.

        Raises RequestError for ``max_hops`` outside 1–4, an unknown relation or an unknown node.
        """
        hops = check_count(constraints.max_hops, "max_hops", 1, MAX_HOPS)
        via = tuple(self.resolve(node) for node in node_list(constraints.via))
        avoid = frozenset().union(*(self.resolve(n) for n in node_list(constraints.avoid)))
        kinds = self._kinds(constraints.relations)
        rows = np.array(sorted(avoid), dtype=np.int64)
        since = constraints.since
        first = None if since is None else unix_seconds(since, "since")
        return Limits(Allowed(kinds, rows), via, avoid, first, hops)

    def _kinds(self, relations: Sequence[str] | None) -> np.ndarray:
        if relations is None:
            return np.ones(len(self.snapshot.facts) + 1, dtype=bool)
        names = np.array([f.relation for f in self.snapshot.facts] + [INTERACTED], dtype=object)
        wanted = id_list(relations, "relations")
        unknown = sorted(set(wanted) - set(names))
        if unknown:
            known = ", ".join(sorted(set(names)))
            raise RequestError(f"unknown relation {unknown[0]!r}; the graph has: {known}")
        return np.isin(names.astype(str), wanted)

    def resolve(self, node: NodeLike) -> frozenset[int]:
        """The nodes that are meant: several where a bare id is that of several labels. Raises
        RequestError for an unknown node."""
        if isinstance(node, NodeRef):
            return frozenset([self.space.find(node.label, node.id)])
        if isinstance(node, tuple):
            if len(node) != 2:
                raise RequestError(f"{node!r} is no node; a tuple is (label, id).")
            return frozenset([self.space.find(*node)])
        node = as_id(node, "a node")
        rows = {label: int(self.snapshot.table(label).rows([node])[0]) for label in LABELS}
        found = frozenset(self.space.node(label, row) for label, row in rows.items() if row >= 0)
        label, colon, node_id = node.partition(":")
        if not found and colon and label in LABELS:
            return frozenset([self.space.find(label, node_id)])
        if not found:
            raise RequestError(f"unknown node id {node!r}: no user, item or entity has it")
        return found

    def find(
        self,
        source: NodeLike,
        target: NodeLike,
        *,
        constraints: Constraints | None = None,
        limit: int = 10,
        budget: int = EDGE_BUDGET,
    ) -> list[Path]:
        """Find simple paths between two nodes, shortest first, then through the rarest nodes.

        Parameters
        ----------
        source, target : node
            A NodeRef, a (label, id) pair, "Label:id", or an id alone, of any label.
        constraints : Constraints, optional
            What a path may look like.
        limit : int
            Most paths returned.
        budget : int
            Most edges examined per expansion, from nodes with few edges on. In very large
            neighbourhoods long paths through hubs may be missed.

        Returns
        -------
        list of Path
            Empty if no path connects the nodes.

        Raises
        ------
        RequestError
            If ``limit`` is below 1, or a node or a constraint is unknown.
        """
        limit = check_count(limit, "limit")
        limits = self.limits(constraints or Constraints())
        start, end = (min(self.resolve(node)) for node in (source, target))
        return self.between(start, end, limits, limit=limit, budget=budget)

    def between(
        self, source: int, target: int, limits: Limits, *, limit: int, budget: int = EDGE_BUDGET
    ) -> list[Path]:
        """``find`` on node numbers and resolved limits."""
        paths: list[Path] = []
        for hops in range(1, limits.max_hops + 1):
            if len(paths) >= limit or source == target:
                break
            found = search(self.whole, source, target, hops, limits.allowed, budget)
            paths += self._rank(through(found, limits.via), limit - len(paths))
        return paths

    def _rank(self, found: FoundPaths, limit: int) -> list[Path]:
        inner = np.log1p(self.whole.degree(found.nodes[:, 1:-1])).sum(axis=1)
        order = np.lexsort((*found.codes.T[::-1], *found.nodes.T[::-1], inner))[:limit]
        nodes, codes = found.nodes[order].tolist(), found.codes[order].tolist()
        return [Path(tuple(n), tuple(c)) for n, c in zip(nodes, codes, strict=True)]


def _grown_edges(
    before: PathIndex, growth: IndexGrowth, events: Adjacency | None
) -> dict[str, Adjacency]:
    """``facts`` and ``whole`` of a later index, as far as they grow from those that are built;
    ``events``: the edges of new interactions, None where these are made anew."""
    added, known = growth.added_facts, vars(before)
    if added is None:
        return {}
    edges = Adjacency.build(growth.after.size, *added)
    found = {}
    if "facts" in known:
        found["facts"] = growth.moved(known["facts"]).with_edges(edges)
    if "whole" in known and events is not None:
        found["whole"] = growth.moved(known["whole"]).with_edges(edges).with_edges(events)
    return found


def through(found: FoundPaths, via: tuple[frozenset[int], ...]) -> FoundPaths:
    """The paths that contain a node of each of these sets."""
    for group in via:
        found = found.select(np.asarray(np.isin(found.nodes, sorted(group)).any(axis=1)))
    return found


def node_list(nodes: Sequence[NodeLike] | NodeLike) -> list[NodeLike]:
    """A list of one node or several; a pair of strings that starts with a label is one node."""
    if isinstance(nodes, NodeRef | str):
        return [nodes]
    if isinstance(nodes, tuple) and len(nodes) == 2 and nodes[0] in LABELS:
        return [nodes]  # type: ignore[list-item]
    return given_ids(nodes, "nodes")
