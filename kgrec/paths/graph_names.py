"""Names of a path's labels, ids and relations in the graph of the store."""

from __future__ import annotations

import re
from dataclasses import dataclass

from graph_schema.mapping import EntityMapping, GraphMapping, NodeMapping
from graph_schema.names import ENTITY, INTERACTED, ITEM, USER

_WHOLE = re.compile(r"0|-?[1-9][0-9]{0,17}")


@dataclass(frozen=True)
class NodeName:
    """A node's label, its key property, and the values of that property that identify the node."""

    label: str
    key: str
    values: tuple[str | int, ...]


@dataclass(frozen=True)
class EdgeName:
    """The relationship types that an edge may have, and its direction (None: either)."""

    types: tuple[str, ...]
    outgoing: bool | None


class GraphNames:
    """Names in a graph that kgrec wrote or, with a mapping, in a graph that a team already has."""

    def __init__(self, mapping: GraphMapping | None = None) -> None:
        self.mapping = mapping

    def node(self, label: str, node_id: str) -> NodeName:
        """The name of a node."""
        if self.mapping is None:
            return NodeName(label, "id", (node_id,))
        found, prefix = self._mapped(label, node_id)
        raw = node_id.removeprefix(prefix)
        # kgrec's ids are strings; the graph's own keys may be whole numbers.
        values = (raw, int(raw)) if _WHOLE.fullmatch(raw) else (raw,)
        return NodeName(found.label, found.key, values)

    def edge(self, relation: str, outgoing: bool) -> EdgeName:
        """The name of a relationship; several types if several are mapped to interactions."""
        if self.mapping is None:
            return EdgeName((relation,), outgoing)
        if relation == INTERACTED:
            kinds = self.mapping.interactions
            types = tuple(kind.type for kind in kinds)
            directions = {kind.direction for kind in kinds}
            if len(directions) > 1:
                return EdgeName(types, None)
            return EdgeName(types, outgoing == (directions == {"out"}))
        for fact in self.mapping.facts or ():
            if (fact.relation or fact.type) == relation:
                return EdgeName((fact.type,), outgoing)
        return EdgeName((relation,), outgoing)

    def property_of_events(self, name: str) -> str | None:
        """The property with an interaction's ``name`` ("timestamp", in unix seconds, or "split");
        None if there is no single one."""
        if self.mapping is None:
            return name
        kinds = self.mapping.interactions
        names = {kind.properties.get(name, name) for kind in kinds}
        in_seconds = name != "timestamp" or all(kind.time_unit == "s" for kind in kinds)
        return names.pop() if in_seconds and len(names) == 1 else None

    def _mapped(self, label: str, node_id: str) -> tuple[NodeMapping, str]:
        assert self.mapping is not None
        if label in (USER, ITEM):
            node = self.mapping.users if label == USER else self.mapping.items
            return node, node.prefix
        assert label == ENTITY
        return max(self._entities(node_id), key=lambda found: len(found[1]))

    def _entities(self, node_id: str) -> list[tuple[EntityMapping, str]]:
        """The mapped entity labels, with their id prefixes, that this id may belong to."""
        assert self.mapping is not None
        pairs = [(entity, self.mapping.entity_prefix(entity)) for entity in self.mapping.entities]
        return [pair for pair in pairs if node_id.startswith(pair[1])] or pairs[:1]
