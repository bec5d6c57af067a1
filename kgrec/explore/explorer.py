"""GraphExplorer: what lies around a node, how two nodes are joined, and parts of the graph."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

from graph_schema.errors import RequestError
from graph_schema.names import ENTITY
from kgrec.explain.explainer import Explainer
from kgrec.explore.graph_path import GraphPath, GraphPathDescriber
from kgrec.explore.neighbourhood import DIRECTIONS, Neighbourhoods
from kgrec.explore.node_lookup import find_node, find_nodes
from kgrec.graph.interop import induced
from kgrec.graph.snapshot import NO_TIME, Ints
from kgrec.paths.adjacency import LABELS
from kgrec.paths.index import MAX_HOPS, Constraints, NodeLike
from kgrec.stores.base import NodeRef

if TYPE_CHECKING:
    import networkx as nx

MAX_NODES = 2_000  # of a subgraph
COLUMNS = (
    *("label", "id", "name", "kind", "relation", "direction"),
    *("degree", "events", "timestamp", "rating"),
)
Direction = Literal["both", "out", "in"]


class GraphExplorer:
    """Looks around in the graph that a recommender answers from; no store is needed.

    A node is given as "Item:588" (label and id), as a (label, id) pair, as a NodeRef, or by a name
    that only one node has, in whatever case. Every call raises RequestError for a node or relation
    that is not in the graph.
    """

    def __init__(self, explainer: Explainer) -> None:
        self.explainer = explainer
        self.index = explainer.index
        self._around = Neighbourhoods(explainer.index)

    def node(self, node: NodeLike) -> NodeRef:
        """The label and id of a node, however it is given."""
        number = find_node(self.index.space, node)
        return NodeRef(self.index.space.label_row(number)[0], self.index.space.id(number))

    def neighbours(
        self,
        node: NodeLike,
        relations: Sequence[str] | str | None = None,
        direction: Direction = "both",
        k: int = 100,
    ) -> pd.DataFrame:
        """Up to ``k`` edges of a node, one row each: columns label, id, name, kind (of the node at
        the other end), relation, direction ("out" or "in"), degree (edges of that node, int64),
        events, timestamp (Int64, unix seconds) and rating (float, of the last event).

        Several events of a user and an item are one row. Every relation takes its turn; facts come
        by how few edges the other node has, interactions latest first. ``attrs["total"]`` counts
        all edges there are. ``direction`` "out" or "in" keeps the edges that leave or enter.
        """
        if direction not in DIRECTIONS:
            raise RequestError(f"unknown direction {direction!r}; use {', '.join(DIRECTIONS)}")
        _check_count("k", k, 1)
        number = find_node(self.index.space, node)
        kinds = self._kinds(relations)
        edges = self._around.edges(np.array([number], dtype=np.int64), kinds, direction)
        shown = edges.select(np.arange(min(k, len(edges))))
        frame = self._node_columns(shown.neighbour)
        frame["relation"] = [self.index.relation(code) for code in shown.code.tolist()]
        frame["direction"] = np.where(shown.code & 1, "in", "out")
        frame["degree"] = self.index.whole.degree(shown.neighbour)
        frame["events"] = self._around.counts(shown.event)
        frame["timestamp"], frame["rating"] = self._last(shown.event)
        frame.attrs["total"] = len(edges)
        return frame[list(COLUMNS)]

    def paths(
        self,
        a: NodeLike,
        b: NodeLike,
        max_hops: int = MAX_HOPS,
        k: int = 10,
        *,
        relations: Sequence[str] | str | None = None,
        via: Sequence[NodeLike] | NodeLike = (),
        avoid: Sequence[NodeLike] | NodeLike = (),
    ) -> list[GraphPath]:
        """Up to ``k`` simple paths between two nodes, shortest first, then through rare nodes.

        ``relations``: the relationship types allowed (None: all); ``via``: nodes that a path must
        contain; ``avoid``: nodes that it must not. An empty list means that nothing of at most
        ``max_hops`` (1–4) steps joins the two.
        """
        _check_count("k", k, 1)
        ends = self.node(a), self.node(b)
        if ends[0] == ends[1]:
            same = f"{ends[0].label}:{ends[0].id}"
            raise RequestError(f"a path needs two different nodes; both are {same}")
        constraints = Constraints(
            relations=[relations] if isinstance(relations, str) else relations,
            via=self._refs(via),
            avoid=self._refs(avoid),
            max_hops=max_hops,
        )
        found = self.index.find(*ends, constraints=constraints, limit=k)
        describer = GraphPathDescriber(
            self.index, self.explainer.writer, self.explainer.graph_names
        )
        return [describer.describe(path) for path in found]

    def subgraph(
        self,
        nodes: Sequence[NodeLike] | NodeLike,
        hops: int = 1,
        *,
        relations: Sequence[str] | str | None = None,
        max_nodes: int = 200,
    ) -> nx.MultiDiGraph[tuple[str, str]]:
        """The nodes within ``hops`` (0–4) edges of ``nodes``, and all edges among them.

        Nodes are (label, id) with attributes label, id, name, kind (an entity's own, else its role
        in most facts, told by ``derived``; else the label in lower case), focus (whether it was
        asked for) and those of the graph. Edges have ``relation``; an interaction also its
        timestamp, rating, event, scenario and split. At most ``max_nodes`` (up to MAX_NODES) are
        kept, the telling ones as in ``neighbours``; ``graph["left_out"]`` counts the others met.
        """
        _check_count("hops", hops, 0, MAX_HOPS)
        _check_count("max_nodes", max_nodes, 1, MAX_NODES)
        start = find_nodes(self.index.space, nodes)
        if not start:
            raise RequestError("no node given; a subgraph needs at least one")
        if len(start) > max_nodes:
            raise RequestError(f"{len(start)} nodes given, but max_nodes is {max_nodes}; raise it")
        kept, left_out = self._around.spread(start, hops, self._kinds(relations), max_nodes)
        graph = induced(self.index.snapshot, self._masks(kept), _wanted(relations))
        self._complete(graph, set(start))
        graph.graph["left_out"] = left_out
        return graph

    def joined(self, paths: Sequence[GraphPath]) -> nx.MultiDiGraph[tuple[str, str]]:
        """The nodes and edges of ``paths`` as one graph, with attributes as in ``subgraph``."""
        refs = list(dict.fromkeys(node[:2] for path in paths for node in path.nodes))
        space = self.index.space
        numbers = [space.find(*ref) for ref in refs]
        whole = induced(self.index.snapshot, self._masks(numbers))
        walked = {step for path in paths for step in path.steps}
        spare = [
            (a, b, key)
            for a, b, key, relation in whole.edges(keys=True, data="relation")
            if (a, relation, b) not in walked
        ]
        whole.remove_edges_from(spare)
        ends = {path.nodes[place][:2] for path in paths for place in (0, -1)}
        self._complete(whole, {space.find(*ref) for ref in ends})
        whole.graph["left_out"] = 0
        return whole

    def _refs(self, nodes: Sequence[NodeLike] | NodeLike) -> list[NodeRef]:
        space = self.index.space
        return [
            NodeRef(space.label_row(number)[0], space.id(number))
            for number in find_nodes(space, nodes)
        ]

    def _kinds(self, relations: Sequence[str] | str | None) -> np.ndarray:
        wanted = [relations] if isinstance(relations, str) else relations
        return self.index.limits(Constraints(relations=wanted)).allowed.kinds

    def _node_columns(self, nodes: Ints) -> pd.DataFrame:
        space = self.index.space
        places = [space.label_row(node) for node in nodes.tolist()]
        return pd.DataFrame(
            {
                "label": [label for label, _ in places],
                "id": [space.id(node) for node in nodes.tolist()],
                "name": [space.name(node) for node in nodes.tolist()],
                "kind": [self._kind(label, row)[0] for label, row in places],
            },
            columns=["label", "id", "name", "kind"],
        )

    def _kind(self, label: str, row: int) -> tuple[str, bool]:
        """What a node is, and whether the graph says so itself: an entity's own kind, else the role
        in which most facts name it ("director"), else the label in lower case."""
        if label != ENTITY:
            return label.lower(), False
        frame = self.index.snapshot.table(label).attributes
        own = frame["kind"].iloc[row] if "kind" in frame.columns else None
        if isinstance(own, str) and own:
            return own, True
        return self._role(self.index.space.node(label, row)) or label.lower(), False

    def _role(self, node: int) -> str:
        codes, counts = np.unique(self.index.facts.of(node)[1], return_counts=True)
        writer = self.explainer.writer
        for code in codes[np.argsort(-counts, kind="stable")].tolist():
            relation = self.index.relation(code)
            if writer.is_noun(relation):
                return writer.role(relation)
        return ""

    def _last(self, events: Ints) -> tuple[pd.Series[int], np.ndarray]:
        """When the last event of each row was, and its rating; nothing for facts."""
        told = self.index.snapshot.interactions
        is_event = events >= 0
        if not is_event.any():
            absent = pd.Series([pd.NA] * len(events), dtype="Int64")
            return absent, np.full(len(events), np.nan)
        time = told.timestamp[events]
        times = pd.Series(time, dtype="Int64").mask(~is_event | (time == NO_TIME))
        return times, np.where(is_event, told.rating[events].astype(np.float64), np.nan)

    def _masks(self, nodes: list[int]) -> dict[str, np.ndarray]:
        space = self.index.space
        kept = {
            label: np.zeros(len(self.index.snapshot.table(label)), dtype=bool) for label in LABELS
        }
        for label, row in map(space.label_row, nodes):
            kept[label][row] = True
        return kept

    def _complete(self, graph: nx.MultiDiGraph[tuple[str, str]], focus: set[int]) -> None:
        """The attributes that every node has."""
        space = self.index.space
        for (label, node_id), data in graph.nodes(data=True):
            number = space.find(label, node_id)
            kind, own = self._kind(*space.label_row(number))
            data.update(id=node_id, name=space.name(number), kind=kind, focus=number in focus)
            if label == ENTITY and not own:
                data["derived"] = "kind"


def _wanted(relations: Sequence[str] | str | None) -> list[str] | None:
    if relations is None:
        return None
    return [relations] if isinstance(relations, str) else list(relations)


def _check_count(name: str, value: int, least: int, most: int | None = None) -> None:
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if not whole or value < least or (most is not None and value > most):
        wanted = f"{least} or more" if most is None else f"{least} to {most}"
        raise RequestError(f"{name} is {value!r}; give a whole number, {wanted}")
