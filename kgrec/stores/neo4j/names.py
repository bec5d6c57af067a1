"""Names of labels, keys and types in a Neo4j graph: kgrec's own, or those of a GraphMapping."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from graph_schema.mapping import (
    GraphMapping,
    InteractionMapping,
    NodeMapping,
    TextMapping,
)
from graph_schema.names import (
    ABOUT,
    CLICKED,
    ENTITY,
    INTERACTED,
    ISSUED,
    ITEM,
    QUERY,
    RESERVED_TYPES,
    REVIEW,
    SCENARIO,
    USER,
    WROTE,
)
from kgrec.stores.cypher_quoting import quote
from kgrec.stores.cypher_quoting import text as text_literal

_OWN = GraphMapping(
    interactions=(InteractionMapping(type=INTERACTED),),
    reviews=TextMapping(label=REVIEW, user_type=WROTE, item_type=ABOUT),
    queries=TextMapping(label=QUERY, user_type=ISSUED, item_type=CLICKED),
    scenarios=NodeMapping(label=SCENARIO),
)


@dataclass(frozen=True)
class NodeSource:
    """Nodes of one label of the graph, and the label and ids that kgrec gives them."""

    kgrec: str
    label: str
    key: str
    prefix: str
    properties: Mapping[str, str]  # kgrec's name -> the graph's
    time_unit: str = "s"
    kind: str | None = None
    own: bool = False  # kgrec wrote it, so that every key is text

    def key_of(self, variable: str) -> str:
        """Cypher: the property that identifies a node."""
        return f"{variable}.{quote(self.key)}"

    def id_of(self, variable: str) -> str:
        """Cypher: kgrec's id of a node; a whole number has no point. See ``values.id_of_key``."""
        key = self.key_of(variable)
        if self.own:
            return key
        whole = f"toIntegerOrNull({key})"
        text = f"CASE WHEN {key} = {whole} THEN toString({whole}) ELSE toStringOrNull({key}) END"
        return f"{text_literal(self.prefix)} + {text}" if self.prefix else text

    def keys(self, ids: Sequence[str]) -> list[Any]:
        """The key values that ``ids`` may stand for: a number's text may be a number there."""
        own = [text[len(self.prefix) :] for text in ids if text.startswith(self.prefix)]
        whole = [int(text) for text in own if text.lstrip("-").isdecimal() and len(text) < 19]
        return [*own, *whole]

    def value_of(self, variable: str, name: str) -> str:
        """Cypher: the property that kgrec calls ``name``."""
        return _value(variable, name, self.properties)


@dataclass(frozen=True)
class EdgeSource:
    """Relationships of one type between two labels, and the edge type that kgrec sees in them."""

    kgrec: str
    type: str
    source: NodeSource
    target: NodeSource
    outgoing: bool
    properties: Mapping[str, str]
    time_unit: str = "s"
    event: str | None = None

    def value_of(self, variable: str, name: str) -> str:
        if name == "event" and self.event is not None:
            return text_literal(self.event)
        return _value(variable, name, self.properties)


class Names:
    """The translation of a graph's names to kgrec's."""

    def __init__(self, mapping: GraphMapping | None) -> None:
        self.mapping = mapping or _OWN
        self.own = mapping is None
        self.nodes = tuple(replace(node, own=self.own) for node in self._node_sources())

    def of_label(self, kgrec: str) -> list[NodeSource]:
        """Where nodes of one of kgrec's labels are; a label of its own where it isn't mapped."""
        found = [node for node in self.nodes if node.kgrec == kgrec]
        return found or ([NodeSource(kgrec, kgrec, "id", "", {}, own=True)] if self.own else [])

    def of_graph_label(self, label: str) -> NodeSource | None:
        return next((node for node in self.nodes if node.label == label), None)

    def _node_sources(self) -> Iterator[NodeSource]:
        mapping = self.mapping
        yield _node(USER, mapping.users)
        yield _node(ITEM, mapping.items)
        for entity in mapping.entities:
            kind = None if self.own else (entity.kind or entity.label)
            yield NodeSource(
                ENTITY,
                entity.label,
                entity.key,
                mapping.entity_prefix(entity),
                entity.properties,
                kind=kind,
            )
        for label, text in ((REVIEW, mapping.reviews), (QUERY, mapping.queries)):
            if text is not None:
                yield _node(label, text, text.time_unit)
        if mapping.scenarios is not None:
            yield _node(SCENARIO, mapping.scenarios)

    def label_of(self, variable: str) -> str:
        """Cypher: kgrec's label of a node; null where its label isn't mapped."""
        cases = [
            f"WHEN {variable}:{quote(n.label)} THEN {text_literal(n.kgrec)}" for n in self.nodes
        ]
        rest = f"labels({variable})[0]" if self.own else "null"
        return f"CASE {' '.join(cases)} ELSE {rest} END"

    def id_of(self, variable: str) -> str:
        """Cypher: kgrec's id of a node of any label."""
        if self.own:
            return f"{variable}.id"
        cases = [f"WHEN {variable}:{quote(n.label)} THEN {n.id_of(variable)}" for n in self.nodes]
        return f"CASE {' '.join(cases)} END"

    def edge_of(self, type_name: str) -> tuple[str, bool]:
        """kgrec's relation of a relationship type, and whether it points as kgrec's edge does."""
        for edge in (*self.interactions(), *self.links()):
            if edge.type == type_name:
                return edge.kgrec, edge.outgoing
        return self.fact_relation(type_name) or type_name, True

    def types_of(self, relations: Sequence[str] | None, in_use: Sequence[str]) -> list[str] | None:
        """The graph's types of some of kgrec's relations (None: all); None: whatever there is."""
        if relations is None and self.own:
            return None
        taken = {edge.type for edge in (*self.interactions(), *self.links())}
        known = [name for name in in_use if name in taken or self.fact_relation(name)]
        if relations is None:
            return known
        return [name for name in known if self.edge_of(name)[0] in relations]

    def interactions(self) -> list[EdgeSource]:
        user, item = self.of_label(USER)[0], self.of_label(ITEM)[0]
        return [
            EdgeSource(
                INTERACTED,
                one.type,
                user,
                item,
                one.direction == "out",
                one.properties,
                one.time_unit,
                one.event,
            )
            for one in self.mapping.interactions
        ]

    def links(self) -> list[EdgeSource]:
        """The relationships of reviews and queries."""
        found = []
        texts = (
            (REVIEW, self.mapping.reviews, WROTE, ABOUT),
            (QUERY, self.mapping.queries, ISSUED, CLICKED),
        )
        user, item = self.of_label(USER)[0], self.of_label(ITEM)[0]
        for label, text, by, on in texts:
            if text is None:
                continue
            node = self.of_label(label)[0]
            if text.user_type is not None:
                inward = text.user_direction == "in"
                found.append(EdgeSource(by, text.user_type, user, node, inward, {}))
            if text.item_type is not None:
                outward = text.item_direction == "out"
                found.append(EdgeSource(on, text.item_type, node, item, outward, {}))
        return found

    def fact_relation(self, type_name: str) -> str | None:
        """kgrec's relation for a relationship type of the graph; None where it isn't a fact."""
        taken = {link.type for link in self.links()}
        if type_name in taken or (self.own and type_name in RESERVED_TYPES):
            return None
        return self.mapping.relation(type_name)


def _node(kgrec: str, node: NodeMapping, time_unit: str = "s") -> NodeSource:
    return NodeSource(kgrec, node.label, node.key, node.prefix, node.properties, time_unit)


def _value(variable: str, name: str, properties: Mapping[str, str]) -> str:
    return f"{variable}.{quote(properties.get(name, name))}"
