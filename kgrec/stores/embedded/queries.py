"""The Cypher of the embedded store. kglite's dialect needs the node key inside MATCH braces."""

from __future__ import annotations

from collections.abc import Sequence

from graph_schema.names import (
    CHANGED,
    ENTITY,
    ITEM,
    QUERY,
    RECORD,
    RESERVED_TYPES,
    REVIEW,
    USER,
)
from kgrec.stores.base import EdgeType
from kgrec.stores.cypher_quoting import backticked as quote
from kgrec.stores.cypher_quoting import text

# Properties of a node for which kglite answers its label where they are absent.
MADE_UP = ("type", "label", "node_type")

# What removes nodes of a label by the ids ``rows``: first what leaves with them.
DELETE_NODES = {
    USER: (
        "UNWIND $rows AS id MATCH (:User {id: id})-[:WROTE]->(n:Review) DETACH DELETE n",
        "UNWIND $rows AS id MATCH (:User {id: id})-[:ISSUED]->(n:Query) DETACH DELETE n",
        "UNWIND $rows AS id MATCH (n:User {id: id}) DETACH DELETE n",
    ),
    ITEM: (
        "UNWIND $rows AS id MATCH (n:Review)-[:ABOUT]->(:Item {id: id}) DETACH DELETE n",
        "UNWIND $rows AS id MATCH (n:Item {id: id}) DETACH DELETE n",
    ),
    ENTITY: ("UNWIND $rows AS id MATCH (n:Entity {id: id}) DETACH DELETE n",),
    REVIEW: ("UNWIND $rows AS id MATCH (n:Review {id: id}) DETACH DELETE n",),
    QUERY: ("UNWIND $rows AS id MATCH (n:Query {id: id}) DETACH DELETE n",),
}

DELETE_PAIRS = (
    "UNWIND $rows AS row "
    "MATCH (:User {id: row.source})-[r:INTERACTED]->(:Item {id: row.target}) DELETE r"
)

SEARCH_TEXT = (
    "CALL db.index.fulltext.queryNodes($index, $text) YIELD node, score RETURN node.id AS id, score"
)


def match_nodes(label: str) -> str:
    return f"MATCH (n:{quote(label)})"


def find_nodes(label: str) -> str:
    return f"UNWIND $rows AS id MATCH (n:{quote(label)} {{id: id}}) RETURN n.id AS id"


def titles(label: str) -> str:
    return f"MATCH (n:{quote(label)}) RETURN n.id AS id, n.title AS title"


def match_edges(edge: EdgeType) -> str:
    """The type is the parameter ``relation``: kglite can't parse every quoted type."""
    return f"MATCH (a:{quote(edge.source_label)})-[r:$relation]->(b:{quote(edge.target_label)})"


def match_edges_of(edge: EdgeType, labels: bool) -> str:
    """The edges of the source nodes ``ids``. ``labels``: the type has several target labels; where
    it hasn't, not to ask for them reads faster."""
    target = f"(b:{quote(edge.target_label)})" if labels else "(b)"
    return (
        f"MATCH (a:{quote(edge.source_label)}) WHERE a.id IN $ids MATCH (a)-[r:$relation]->{target}"
    )


def erase_property(label: str, name: str) -> str:
    return f"UNWIND $ids AS id MATCH (n:{quote(label)} {{id: id}}) REMOVE n.{quote(name)}"


def node_property(name: str, label: str) -> str:
    """A property of ``n``, null where it is absent: for some names kglite answers the label then.

    So a node whose property really is its own label counts as one without this property. The title
    that kglite answers for an absent ``name`` looks like a stored name and is kept."""
    if name == "type":
        return "properties(n).type"  # the map of properties has the stored value alone
    value = f"n.{quote(name)}"
    if name in MADE_UP:
        return f"CASE WHEN {value} = {text(label)} THEN null ELSE {value} END"
    return value


def edge_property(name: str) -> str:
    """A property of ``r``: for some names kglite answers type, slot or ends where it is absent."""
    if name in ("type", "connection_type", "id", "start", "end"):
        return f"properties(r)['{name}']"
    return f"r.{quote(name)}"


def create_interactions(columns: Sequence[str]) -> str:
    """One statement for a batch of rows that all have exactly these properties."""
    values = ", ".join(f"{quote(name)}: row.{quote(name)}" for name in columns)
    return (
        "UNWIND $rows AS row MATCH (u:User {id: row.source}) MATCH (i:Item {id: row.target}) "
        f"CREATE (u)-[:INTERACTED {{{values}}}]->(i)"
    )


def delete_interactions(present: Sequence[str], absent: Sequence[str]) -> str:
    """The interactions of each row's ends that have its values of ``present``, and none of
    ``absent``."""
    conditions = [f"{edge_property(name)} = row.{quote(name)}" for name in present]
    conditions += [f"{edge_property(name)} IS NULL" for name in absent]
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    return (
        "UNWIND $rows AS row MATCH (:User {id: row.source})-[r:INTERACTED]->"
        f"(:Item {{id: row.target}}){where} DELETE r"
    )


def delete_facts(head: str, tail: str) -> str:
    """Facts of the relation ``$relation`` between nodes of two labels."""
    return (
        f"UNWIND $rows AS row MATCH (:{quote(head)} {{id: row.source}})-[r:$relation]->"
        f"(:{quote(tail)} {{id: row.target}}) DELETE r"
    )


def neighbours(label: str, limit: int) -> str:
    return (
        f"MATCH (a:{quote(label)} {{id: $id}})-[r]-(b) "
        "WHERE $relations IS NULL OR type(r) IN $relations "
        "RETURN labels(b)[0] AS label, b.id AS id, type(r) AS relation, "
        "startNode(r) = a AS outgoing, properties(r) AS properties "
        f"ORDER BY relation, label, id, outgoing LIMIT {int(limit)}"
    )


def paths(source_label: str, target_label: str, hops: int, limit: int) -> str:
    """Paths of ``hops`` edges, some not simple: to filter here would stop LIMIT from ending the
    search early."""
    ends = [f"(n0:{quote(source_label)} {{id: $source}})"]
    ends += [f"(n{i})" for i in range(1, hops)]
    ends.append(f"(n{hops}:{quote(target_label)} {{id: $target}})")
    pattern = ends[0] + "".join(f"-[r{i}]-{ends[i + 1]}" for i in range(hops))
    columns = [f"labels(n{i})[0] AS l{i}, n{i}.id AS i{i}" for i in range(hops + 1)]
    columns += [f"type(r{i}) AS t{i}, startNode(r{i}) = n{i} AS o{i}" for i in range(hops)]
    # A limit as a parameter doesn't end the search early either.
    return f"MATCH {pattern} RETURN {', '.join(columns)} LIMIT {int(limit)}"


def interactions_since(name: str) -> str:
    """The interactions whose property ``name`` is at least ``$since``, the earliest first."""
    at, record = edge_property(name), edge_property(RECORD)
    values = ("event", "timestamp", "rating", "scenario")
    shown = "".join(f"{edge_property(one)} AS {one}, " for one in values)
    return (
        f"MATCH (u:User)-[r:INTERACTED]->(i:Item) WHERE {at} >= $since "
        f"AND ({record} IS NULL OR NOT {record} STARTS WITH $own) "
        f"RETURN u.id AS user, i.id AS item, {shown}{record} AS record, {at} AS at "
        "ORDER BY at, user, item LIMIT $most"
    )


def nodes_since(label: str) -> str:
    at = f"n.{quote(CHANGED)}"
    return (
        f"MATCH (n:{quote(label)}) WHERE {at} >= $since "
        f"RETURN n.id AS id, properties(n) AS properties, {at} AS at ORDER BY at, id LIMIT $most"
    )


def facts_from(label: str) -> str:
    """The facts of the heads ``$ids``."""
    none = ", ".join(map(text, RESERVED_TYPES))
    return (
        f"UNWIND $ids AS id MATCH (a:{quote(label)} {{id: id}})-[r]->(b) "
        f"WHERE NOT type(r) IN [{none}] "
        "RETURN a.id AS head, type(r) AS relation, labels(b)[0] AS tail_label, b.id AS tail"
    )
