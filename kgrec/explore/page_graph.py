"""PageGraph: the part of the graph that a user's page shows, without other users."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from graph_schema.names import ENTITY, INTERACTED, ITEM, USER
from kgrec.explain.explained_path import ExplainedPath
from kgrec.explain.render.graph import BETWEEN, CANDIDATE, HISTORY, OTHERS, OWNER
from kgrec.explain.text.writer import Writer
from kgrec.explore.attributes import attribute_texts
from kgrec.explore.neighbourhood import Neighbourhoods
from kgrec.graph.snapshot import Ints
from kgrec.paths.index import PathIndex
from kgrec.paths.people import PEOPLE
from kgrec.visualization.page_list import PagePath

if TYPE_CHECKING:
    import networkx as nx

Key = tuple[str, str]
OTHER = "other item"
NEAR, FAR = 60, 6  # neighbours of a node on a path, and of these neighbours, at most
MOST = 1_000  # nodes of a page


class PageGraph:
    """Grows by paths and neighbours; a node's key is its label and a number of the page's own.

    Other users are one node for each pair of items that they chose, with their count as its name.

    Parameters
    ----------
    index : PathIndex
        The graph.
    writer : Writer
        Words for relations.
    ratings : mapping of int to float
        The user's ratings by item node.
    fewest : int
        Other users are counted where they are at least this many.
    """

    def __init__(
        self, index: PathIndex, writer: Writer, ratings: Mapping[int, float], fewest: int
    ) -> None:
        import networkx as nx  # it takes half a second

        self.graph: nx.MultiDiGraph[Key] = nx.MultiDiGraph()
        self._index, self._writer, self._ratings = index, writer, ratings
        self._fewest = fewest
        self._around = Neighbourhoods(index)
        self._keys: dict[object, Key] = {}
        self._on_paths: dict[int, None] = {}

    def add_item(self, item_id: str) -> Key:
        """Add a recommended item."""
        node = self._index.space.find(ITEM, item_id)
        self._on_paths[node] = None
        return self._node(node, CANDIDATE)

    def add_path(self, path: ExplainedPath) -> PagePath:
        """Add the nodes and edges of a path; returns the path as a page lists it."""
        keys = [self._node_of(path, place) for place in range(len(path.nodes))]
        steps = []
        for place, outgoing in enumerate(path.outgoing):
            ends = keys[place], keys[place + 1]
            source, target = ends if outgoing else ends[::-1]
            steps.append((source, self._words(path, place), target))
            self._edge(*steps[-1], stored=path.stored[place])
        return PagePath(path.sentence, tuple(keys), tuple(steps), contribution=path.contribution)

    def add_neighbours(self) -> None:
        """Add the facts around the nodes of all paths, and a few of those around these."""
        found = [other for node in list(self._on_paths) for other in self._add_facts(node, NEAR)]
        for other in found:
            self._add_facts(other, FAR)

    def known(self, item: int) -> Key | None:
        """The key of an item node, if the graph has it."""
        return self._keys.get(item)

    def _node_of(self, path: ExplainedPath, place: int) -> Key:
        label, node_id, _ = path.nodes[place]
        if place == 0:
            return self._owner()
        if label == PEOPLE:
            return self._people(path)
        node = self._index.space.find(label, node_id)
        self._on_paths[node] = None
        last = place == len(path.nodes) - 1
        role = CANDIDATE if last else HISTORY if place == 1 else BETWEEN if label == ITEM else ""
        return self._node(node, role)

    def _owner(self) -> Key:
        return self._add(None, USER, {"name": "You", "kind": "user", "shown_as": OWNER})

    def _people(self, path: ExplainedPath) -> Key:
        pair = (path.nodes[1][1], path.nodes[-1][1])
        kind = "other people who chose both"
        name = self._writer.people(path.people)
        return self._add(pair, PEOPLE, {"name": name, "kind": kind, "shown_as": OTHERS})

    def _node(self, node: int, role: str) -> Key:
        label, row = self._index.space.label_row(node)
        table = self._index.snapshot.table(label)
        key = self._add(node, label, {})
        data = self.graph.nodes[key]
        if not data:
            name, kind = self._index.space.name(node), label.lower()
            data.update(kind=kind, total=len(self._neighbours(node)))
            if label == ENTITY and "kind" in table.attributes.columns:
                data["kind"] = str(table.attributes["kind"].array[row] or kind)
            if label == ITEM:
                data.update(attribute_texts(table.attributes, row))
                data["shown_as"] = OTHER
                people = int(self._index.interactions.degree(np.array([node]))[0])
                data["chosen by"] = self._counted(people)
            data["name"] = name or f"{data['kind']} {self._index.space.id(node)}"
        if role and data.get("shown_as") != CANDIDATE:
            data["shown_as"] = role
        return key

    def _counted(self, people: int) -> str:
        """A number of people in words, that of few left open."""
        counts = people == 0 or people >= self._fewest
        return self._writer.people(people) if counts else self._writer.fewer_people(self._fewest)

    def _add(self, what: object, label: str, attributes: Mapping[str, Any]) -> Key:
        key = self._keys.setdefault(what, (label, str(len(self._keys))))
        if key not in self.graph:
            self.graph.add_node(key, **attributes)
        return key

    def _words(self, path: ExplainedPath, place: int) -> str:
        if place == 0:
            item = self._index.space.find(ITEM, path.nodes[1][1])
            rating = self._ratings.get(item)
            return "chose" if rating is None else f"rated {rating:g}"
        return "chose" if path.relations[place] == INTERACTED else path.words[place]

    def _edge(self, source: Key, words: str, target: Key, *, stored: bool = True) -> None:
        if not self.graph.has_edge(source, target, words):
            self.graph.add_edge(source, target, words, relation=words, stored=stored)

    def _neighbours(self, node: int) -> Ints:
        """Items and entities that facts join to a node."""
        others = np.unique(self._index.facts.of(node)[0])
        return np.asarray(others[others >= self._index.space.offsets[ITEM]])

    def _add_facts(self, node: int, most: int) -> list[int]:
        """Add at most ``most`` neighbours of a node; returns those that are new to the graph."""
        found = []
        here = self._node(node, "")
        for other, code in self._facts(node, most):
            if other not in self._keys:
                if len(self.graph) >= MOST:
                    continue
                found.append(other)
            there = self._node(other, "")
            source, target = (here, there) if code & 1 == 0 else (there, here)
            self._edge(source, self._writer.role(self._index.relation(code)), target)
        return found

    def _facts(self, node: int, most: int) -> Iterable[tuple[int, int]]:
        """(Neighbour, edge code) of the facts around a node: of an item those that lead further
        first, a relation after the other; of others, known nodes and much chosen items first."""
        kinds = np.ones(self._index.interacted + 1, dtype=bool)
        kinds[self._index.interacted] = False
        edges = self._around.edges(np.array([node], dtype=np.int64), kinds)
        others = edges.neighbour
        usable = others >= self._index.space.offsets[ITEM]
        edges, others = edges.select(usable), others[usable]
        if self._index.space.label_row(node)[0] == ITEM:
            rank = (self._index.facts.degree(others) < 2).astype(np.int64)
        else:
            known = np.array([other in self._keys for other in others.tolist()], dtype=np.int64)
            rank = -self._index.interactions.degree(others) - known * self._index.space.size
        order = np.argsort(rank, kind="stable")[:most]
        return list(zip(others[order].tolist(), edges.code[order].tolist(), strict=True))
