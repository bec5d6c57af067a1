"""GraphExplorer: the neighbours of a node, the paths between two, and parts of the graph."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from graph_schema.errors import RequestError
from graph_schema.names import ENTITY
from kgrec.arguments import check_choice, check_count
from kgrec.explain.explainer import Explainer
from kgrec.explain.render.graph import OTHERS
from kgrec.explore.graph_path import GraphPath, GraphPathDescriber
from kgrec.explore.neighbourhood import DIRECTIONS, Edges, Neighbourhoods
from kgrec.explore.node_lookup import find_node, find_nodes, node_text
from kgrec.explore.people import FoldedEdges, find_paths, shown_degree
from kgrec.graph.interop import induced
from kgrec.graph.snapshot import NO_TIME, Ints
from kgrec.paths.adjacency import LABELS
from kgrec.paths.index import MAX_HOPS, Constraints, NodeLike
from kgrec.paths.people import (
    OPERATOR_ONLY,
    PEOPLE,
    ShownPeople,
    is_person,
    limits_without_people,
    people_id,
)
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
    """Explores the graph that a recommender was fitted on; no store is needed.

    In every call a node is "Item:588" (label and id), a (label, id) pair, a NodeRef, or a name
    that only one node has, ignoring case.

    A call is about one user at most, who is given by id. Other users are numbers of people, at
    least ``config.explain.fewest_people`` of them: one node of the label "People" stands for those
    that are joined to a node in one way. ``kgrec.show_people(model).graph`` shows them.

    Parameters
    ----------
    explainer : Explainer
        The explainer of the graph, whose index and writer are used.
    """

    def __init__(self, explainer: Explainer) -> None:
        self.explainer = explainer
        self.index = explainer.index
        self._neighbourhoods = Neighbourhoods(explainer.index)

    def showing(self, people: ShownPeople) -> GraphExplorer:
        """An explorer of the same graph that shows other users otherwise."""
        other = copy(self)
        other.explainer = self.explainer.showing(people)
        return other

    def warm_up(self) -> None:
        """Compute now what the first call needs."""
        _ = self.index.whole
        self._neighbourhoods.warm_up()

    def node(self, node: NodeLike) -> NodeRef:
        """Return the label and id of a node.

        Parameters
        ----------
        node : node
            In any of the forms that the class lists.

        Returns
        -------
        NodeRef
            Label and id.

        Raises
        ------
        RequestError
            If the graph has no such node, or several have this name.
        """
        number = self._find(node)
        return NodeRef(self.index.space.label_row(number)[0], self.index.space.id(number))

    def neighbours(
        self,
        node: NodeLike,
        relations: Sequence[str] | str | None = None,
        direction: Direction = "both",
        k: int = 100,
    ) -> pd.DataFrame:
        """List edges of a node.

        The first edge of every relation comes first, then the second of every relation, and so
        on. Within a relation, facts are sorted by the number of edges of the node at the other
        end, interactions from the latest to the earliest.

        Parameters
        ----------
        node : node
            In any of the forms that the class lists.
        relations : str or sequence of str, optional
            Relationship types to list; None: all.
        direction : {"both", "out", "in"}
            "out": edges that leave the node; "in": edges that enter it.
        k : int
            Most edges listed.

        Returns
        -------
        pandas.DataFrame
            One row per edge; several events of a user and an item are one row, and so are the
            edges of one relation and direction to other users ("People", "52 people"). Of the node
            at the other end: label, id, name, kind (str) and degree (its number of edges, int64;
            0 of people). Of the edge: relation, direction ("out" or "in"), events (int64, 0 of
            people), timestamp (Int64, unix seconds) and rating (float64) of the last event.
            ``attrs["total"]`` is the number of all rows.

        Raises
        ------
        RequestError
            If a node or relation is not in the graph, or ``direction`` or ``k`` is wrong.
        """
        check_choice(direction, "direction", DIRECTIONS)
        check_count(k, "k")
        number = self._find(node)
        kinds = self._kinds(relations)
        edges = self._neighbourhoods.edges(np.array([number], dtype=np.int64), kinds, direction)
        folded = self._folded(edges, [number])
        shown = folded.select(np.arange(min(k, len(folded.people))))
        frame = self._node_columns(shown, number)
        frame.attrs["total"] = len(folded.people)
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
        """Find simple paths between two nodes, shortest first, then through rare nodes.

        Parameters
        ----------
        a, b : node
            The ends, in any of the forms that the class lists.
        max_hops : int
            Most steps of a path, 1 to 4.
        k : int
            Most paths returned.
        relations : str or sequence of str, optional
            Relationship types that a path may use; None: all.
        via : node or sequence of nodes
            Nodes that a path must contain, all of them.
        avoid : node or sequence of nodes
            Nodes that no path may contain.

        Returns
        -------
        list of GraphPath
            Empty if no path of at most ``max_hops`` steps connects the nodes.

        Raises
        ------
        RequestError
            If a node or relation is not in the graph, both ends are the same, or a number is
            outside its range; if both ends are users, or ``via`` or ``avoid`` names one.
        """
        check_count(k, "k")
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
        describer = GraphPathDescriber(
            self.index, self.explainer.writer, self.explainer.graph_names
        )
        if self.people.named:
            found = self.index.find(*ends, constraints=constraints, limit=k)
            return [describer.describe(path) for path in found]
        start, end = self._find(a), self._find(b)
        self._check_one_user([start, end])
        limits = limits_without_people(self.index, constraints, {start, end})
        counted = find_paths(self.index, start, end, limits, k, self.people)
        return [describer.describe(path, people) for path, people in counted]

    def subgraph(
        self,
        nodes: Sequence[NodeLike] | NodeLike,
        hops: int = 1,
        *,
        relations: Sequence[str] | str | None = None,
        max_nodes: int = 200,
    ) -> nx.MultiDiGraph[tuple[str, str]]:
        """Return the nodes near some nodes, and all edges between them.

        Parameters
        ----------
        nodes : node or sequence of nodes
            The nodes in focus, in any of the forms that the class lists.
        hops : int
            Most edges from a node in focus, 0 to 4.
        relations : str or sequence of str, optional
            Relationship types to follow and to keep; None: all.
        max_nodes : int
            Most nodes kept, 1 to 2,000, chosen in the order of ``neighbours``.

        Returns
        -------
        networkx.MultiDiGraph
            Nodes are (label, id) with attributes label, id, name, kind, focus (whether it is in
            ``nodes``) and those of the graph; kind is an entity's own, else its role in most facts
            (then derived is "kind"), else the label in lower case. Edges have relation; an
            interaction also its timestamp, rating, event, scenario and split. Other users are nodes
            of the label "People" beside those from which they were reached.
            ``graph["left_out"]`` is the number of nodes that were reached but not kept.

        Raises
        ------
        RequestError
            If a node or relation is not in the graph, a number is outside its range, or several
            users are given.
        """
        check_count(hops, "hops", 0, MAX_HOPS)
        check_count(max_nodes, "max_nodes", 1, MAX_NODES)
        start = find_nodes(self.index.space, nodes, people=self.people.named)
        self._check_one_user(start)
        if not start:
            raise RequestError("no node given; a subgraph needs at least one")
        if len(start) > max_nodes:
            raise RequestError(f"{len(start)} nodes given, but max_nodes is {max_nodes}; raise it")
        kinds = self._kinds(relations)
        kept, left_out, looked = self._neighbourhoods.expand(
            start, hops, kinds, max_nodes, people=self.people.named
        )
        graph = induced(self.index.snapshot, self._masks(kept), _wanted(relations))
        self._complete(graph, set(start))
        graph.graph["left_out"] = left_out
        if not self.people.named:
            self._add_people(graph, looked, kinds, start, max_nodes)
        return graph

    def joined(self, paths: Sequence[GraphPath]) -> nx.MultiDiGraph[tuple[str, str]]:
        """Join paths to one graph.

        Parameters
        ----------
        paths : sequence of GraphPath
            Paths of this graph, as ``paths`` returns them.

        Returns
        -------
        networkx.MultiDiGraph
            Their nodes and edges, with attributes as in ``subgraph``; the ends are in focus.
        """
        nodes = dict.fromkeys(node for path in paths for node in path.nodes)
        space = self.index.space
        numbers = [space.find(*node[:2]) for node in nodes if node[0] != PEOPLE]
        whole = induced(self.index.snapshot, self._masks(numbers))
        steps = {step for path in paths for step in path.steps}
        others = [
            (a, b, key)
            for a, b, key, relation in whole.edges(keys=True, data="relation")
            if (a, relation, b) not in steps
        ]
        whole.remove_edges_from(others)
        ends = {path.nodes[place][:2] for path in paths for place in (0, -1)}
        self._complete(whole, {space.find(*ref) for ref in ends})
        for label, key, name in nodes:
            if label == PEOPLE:
                whole.add_node((label, key), **_people(key, name))
        for source, relation, target in dict.fromkeys(s for path in paths for s in path.steps):
            if PEOPLE in (source[0], target[0]):
                whole.add_edge(source, target, relation=relation)
        whole.graph["left_out"] = 0
        return whole

    @property
    def people(self) -> ShownPeople:
        """How other users are shown."""
        return self.explainer.people

    def _find(self, node: NodeLike) -> int:
        return find_node(self.index.space, node, people=self.people.named)

    def _check_one_user(self, nodes: Sequence[int]) -> None:
        """Raises RequestError where a call for others than the operator is about several users."""
        users = is_person(self.index, np.array([*dict.fromkeys(nodes)], dtype=np.int64)).sum()
        if users > 1 and not self.people.named:
            raise RequestError(f"{users} users are asked about; give one. {OPERATOR_ONLY}")

    def _folded(self, edges: Edges, own: Sequence[int]) -> FoldedEdges:
        """The edges with other users than ``own`` as numbers of people."""
        if self.people.named:
            return FoldedEdges(edges, np.zeros(len(edges), dtype=np.int64))
        return FoldedEdges.of(self.index, edges, set(own))

    def _people_key(self, node: int, code: int) -> str:
        """The id of the people whom one kind of edge joins to a node."""
        text = node_text(self.index.space, node)
        return people_id(text, self.index.relation(code), "in" if code & 1 else "out")

    def _people_text(self, people: int) -> str:
        writer, shown = self.explainer.writer, self.people
        return writer.people(people) if shown.counts(people) else writer.fewer_people(shown.fewest)

    def _add_people(
        self,
        graph: nx.MultiDiGraph[tuple[str, str]],
        nodes: Ints,
        kinds: np.ndarray,
        own: Sequence[int],
        most: int,
    ) -> None:
        """Add a node of people for each kind of edge from ``nodes`` to users other than ``own``."""
        found = self._folded(self._neighbourhoods.edges(nodes, kinds), own)
        found = found.select(found.people > 0)
        space = self.index.space
        for owner, code, people in zip(
            found.edges.owner.tolist(),
            found.edges.code.tolist(),
            found.people.tolist(),
            strict=True,
        ):
            if len(graph) >= most:
                graph.graph["left_out"] += 1
                continue
            node = int(nodes[owner])
            here = space.label_row(node)[0], space.id(node)
            there = PEOPLE, self._people_key(node, code)
            graph.add_node(there, **_people(there[1], self._people_text(people)))
            source, target = (there, here) if code & 1 else (here, there)
            graph.add_edge(source, target, relation=self.index.relation(code))

    def _refs(self, nodes: Sequence[NodeLike] | NodeLike) -> list[NodeRef]:
        space = self.index.space
        return [
            NodeRef(space.label_row(number)[0], space.id(number))
            for number in find_nodes(space, nodes, people=self.people.named)
        ]

    def _kinds(self, relations: Sequence[str] | str | None) -> np.ndarray:
        wanted = [relations] if isinstance(relations, str) else relations
        return self.index.limits(Constraints(relations=wanted)).allowed.kinds

    def _node_columns(self, shown: FoldedEdges, node: int) -> pd.DataFrame:
        """The table of the edges of a node."""
        edges, single = shown.edges, shown.people == 0
        rows = [
            self._node(other) if not people else self._people_node(node, code, people)
            for other, code, people in zip(
                edges.neighbour.tolist(), edges.code.tolist(), shown.people.tolist(), strict=True
            )
        ]
        frame = pd.DataFrame(rows, columns=["label", "id", "name", "kind"])
        frame["relation"] = [self.index.relation(code) for code in edges.code.tolist()]
        frame["direction"] = np.where(edges.code & 1, "in", "out")
        known = np.where(single, edges.neighbour, 0)
        frame["degree"] = np.where(single, shown_degree(self.index, known, self.people), 0)
        frame["events"] = np.where(single, self._neighbourhoods.counts(edges.event), 0)
        frame["timestamp"], frame["rating"] = self._last(edges.event)
        return frame

    def _node(self, node: int) -> tuple[str, str, str, str]:
        """Label, id, name and kind."""
        space = self.index.space
        label, row = space.label_row(node)
        return label, space.id(node), space.name(node), self._kind(label, row)[0]

    def _people_node(self, node: int, code: int, people: int) -> tuple[str, str, str, str]:
        """The same of the people whom one kind of edge joins to a node."""
        return PEOPLE, self._people_key(node, code), self._people_text(people), OTHERS

    def _kind(self, label: str, row: int) -> tuple[str, bool]:
        """(kind of a node, whether the graph has it as an attribute).

        Otherwise it is an entity's role in most facts ("director"), or the label in lower case.
        """
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
        """Timestamp and rating of each last event; missing for facts (-1)."""
        stored = self.index.snapshot.interactions
        is_event = events >= 0
        if not is_event.any():
            absent = pd.Series([pd.NA] * len(events), dtype="Int64")
            return absent, np.full(len(events), np.nan)
        time = stored.timestamp[events]
        times = pd.Series(time, dtype="Int64").mask(~is_event | (time == NO_TIME))
        return times, np.where(is_event, stored.rating[events].astype(np.float64), np.nan)

    def _masks(self, nodes: list[int]) -> dict[str, np.ndarray]:
        space = self.index.space
        kept = {
            label: np.zeros(len(self.index.snapshot.table(label)), dtype=bool) for label in LABELS
        }
        for label, row in map(space.label_row, nodes):
            kept[label][row] = True
        return kept

    def _complete(self, graph: nx.MultiDiGraph[tuple[str, str]], focus: set[int]) -> None:
        """Add the attributes that every node has."""
        space = self.index.space
        for (label, node_id), data in graph.nodes(data=True):
            number = space.find(label, node_id)
            kind, own = self._kind(*space.label_row(number))
            data.update(id=node_id, name=space.name(number), kind=kind, focus=number in focus)
            if label == ENTITY and not own:
                data["derived"] = "kind"


def _people(key: str, name: str) -> dict[str, Any]:
    """The attributes of a node of people."""
    shown = {"label": PEOPLE, "id": key, "name": name, "kind": OTHERS, "focus": False}
    return {**shown, "shown_as": OTHERS}


def _wanted(relations: Sequence[str] | str | None) -> list[str] | None:
    if relations is None:
        return None
    return [relations] if isinstance(relations, str) else list(relations)
