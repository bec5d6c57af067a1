"""The Cypher of the Neo4j store."""

from __future__ import annotations

from collections.abc import Sequence

from graph_schema.names import (
    ABOUT,
    CHANGED,
    CLICKED,
    ENTITY,
    INTERACTED,
    ISSUED,
    ITEM,
    QUERY,
    RECORD,
    RESERVED_TYPES,
    REVIEW,
    USER,
    WROTE,
)
from kgrec.stores.base import EdgeType
from kgrec.stores.cypher_quoting import quote
from kgrec.stores.neo4j.names import EdgeSource, Names, NodeSource

DIALECT = "neo4j"  # of the migrations

# What leaves with the nodes ``rows`` of a label: the relationship type that it depends on, the
# label of the nodes that leave (None: relationships alone), and the statement.
_WITH_USER = "UNWIND $rows AS id MATCH (:User {id: id})"
_WITH_ITEM = "UNWIND $rows AS id MATCH (:Item {id: id})"
DELETE_WITH: dict[str, tuple[tuple[str, str | None, str], ...]] = {
    USER: (
        (INTERACTED, None, f"{_WITH_USER}-[r:INTERACTED]->() DELETE r"),
        (WROTE, REVIEW, f"{_WITH_USER}-[:WROTE]->(n:Review) DETACH DELETE n"),
        (ISSUED, QUERY, f"{_WITH_USER}-[:ISSUED]->(n:Query) DETACH DELETE n"),
    ),
    ITEM: (
        (INTERACTED, None, f"{_WITH_ITEM}<-[r:INTERACTED]-() DELETE r"),
        (ABOUT, REVIEW, f"{_WITH_ITEM}<-[:ABOUT]-(n:Review) DETACH DELETE n"),
        (CLICKED, None, f"{_WITH_ITEM}<-[r:CLICKED]-() DELETE r"),
    ),
    ENTITY: (),
    REVIEW: (),
    QUERY: (),
}
DELETE_ELEMENTS = "UNWIND $rows AS element MATCH ()-[r]->() WHERE elementId(r) = element DELETE r"

# Names that exist in the graph: a query may use others, but then the driver logs warnings.
KNOWN = """
CALL db.labels() YIELD label RETURN 'label' AS kind, label AS name
UNION ALL CALL db.relationshipTypes() YIELD relationshipType
RETURN 'type' AS kind, relationshipType AS name
UNION ALL CALL db.propertyKeys() YIELD propertyKey RETURN 'property' AS kind, propertyKey AS name
"""
CREATE_TYPE = "CALL db.createRelationshipType($name)"
CREATE_PROPERTY = "CALL db.createProperty($name)"

ELEMENT = "element id"  # column of a relationship's own identity
UPDATE_EDGES = (
    "UNWIND $rows AS row MATCH ()-[r]->() WHERE elementId(r) = row.element SET r += row.properties"
)

_PART = 2_000  # nodes in one record of a read

TEXT_INDEXES = (
    "SHOW FULLTEXT INDEXES YIELD name, entityType, labelsOrTypes, properties, state "
    "WHERE entityType = 'NODE' AND $label IN labelsOrTypes "
    "RETURN name, properties ORDER BY size(properties) DESC, name"
)
# The index of each label's texts; kgrec_entity_name comes with the schema.
TEXT_INDEX = {
    ITEM: "kgrec_item_texts", REVIEW: "kgrec_review_text", QUERY: "kgrec_query_text"
}  # fmt: skip
AWAIT_INDEXES = "CALL db.awaitIndexes(300)"

# What is new since a time needs an index on it: of the time and the change of interactions, and of
# the change of nodes.
FOLLOW_INDEXES = (
    "CREATE INDEX kgrec_interacted_timestamp IF NOT EXISTS FOR ()-[r:INTERACTED]-() "
    "ON (r.timestamp)",
    "CREATE INDEX kgrec_interacted_changed IF NOT EXISTS FOR ()-[r:INTERACTED]-() "
    f"ON (r.{CHANGED})",
    *(
        f"CREATE INDEX kgrec_{label.lower()}_changed IF NOT EXISTS FOR (n:{label}) ON (n.{CHANGED})"
        for label in (USER, ITEM, ENTITY)
    ),
)
FOLLOW_PROPERTIES = (CHANGED, RECORD, "event", "id", "rating", "scenario", "timestamp")


def interactions_since(name: str) -> str:
    """The interactions whose property ``name`` is at least ``$since``, the earliest first."""
    return (
        f"MATCH (u:User)-[r:INTERACTED]->(i:Item) USING INDEX SEEK r:INTERACTED({quote(name)}) "
        f"WHERE r.{quote(name)} >= $since "
        f"AND (r.{RECORD} IS NULL OR NOT r.{RECORD} STARTS WITH $own) "
        "RETURN u.id AS user, i.id AS item, r.event AS event, r.timestamp AS timestamp, "
        f"r.rating AS rating, r.scenario AS scenario, r.{RECORD} AS record, r.{quote(name)} AS at "
        "ORDER BY at, user, item LIMIT $most"
    )


def nodes_since(label: str) -> str:
    return (
        f"MATCH (n:{quote(label)}) USING INDEX SEEK n:{quote(label)}({CHANGED}) "
        f"WHERE n.{CHANGED} >= $since "
        f"RETURN n.id AS id, properties(n) AS properties, n.{CHANGED} AS at "
        "ORDER BY at, id LIMIT $most"
    )


def facts_from(label: str) -> str:
    """The facts of the heads ``$ids``."""
    none = ", ".join(f"'{name}'" for name in RESERVED_TYPES)
    return (
        f"UNWIND $ids AS id MATCH (a:{quote(label)} {{id: id}})-[r]->(b) "
        f"WHERE NOT type(r) IN [{none}] AND (b:User OR b:Item OR b:Entity) "
        "RETURN a.id AS head, type(r) AS relation, labels(b)[0] AS tail_label, b.id AS tail"
    )


def drop_index(name: str) -> str:
    return f"DROP INDEX {quote(name)} IF EXISTS"


def create_text_index(label: str, properties: Sequence[str]) -> str:
    values = ", ".join(f"n.{quote(name)}" for name in properties)
    return (
        f"CREATE FULLTEXT INDEX {quote(TEXT_INDEX[label])} IF NOT EXISTS "
        f"FOR (n:{quote(label)}) ON EACH [{values}]"
    )


def search_text(node: NodeSource) -> str:
    """What the index gives comes best first: no order here, which would ask for all of it."""
    return (
        "CALL db.index.fulltext.queryNodes($index, $text) YIELD node, score "
        f"WHERE node:{quote(node.label)} AND node.{quote(node.key)} IS NOT NULL "
        f"RETURN {node.id_of('node')} AS id, score LIMIT $k"
    )


def merge_nodes(label: str) -> str:
    return f"UNWIND $rows AS row MERGE (n:{quote(label)} {{id: row.id}}) SET n += row"


def replace_nodes(label: str) -> str:
    return f"UNWIND $rows AS row MERGE (n:{quote(label)} {{id: row.id}}) SET n = row"


def delete_edges(edge: EdgeType) -> str:
    """The edges of a type that the sources ``ids`` have."""
    return (
        f"UNWIND $ids AS id MATCH (:{quote(edge.source_label)} {{id: id}})"
        f"-[r:{quote(edge.name)}]->(:{quote(edge.target_label)}) DELETE r"
    )


def erase_property(label: str, name: str) -> str:
    return f"UNWIND $ids AS id MATCH (n:{quote(label)} {{id: id}}) REMOVE n.{quote(name)}"


def lock_nodes(label: str) -> str:
    """The write locks make "read what is stored, then add what is missing" safe against others."""
    return f"UNWIND $ids AS id MATCH (n:{quote(label)} {{id: id}}) SET n.id = n.id"


def find_nodes(label: str) -> str:
    return f"UNWIND $rows AS id MATCH (n:{quote(label)} {{id: id}}) RETURN n.id AS id"


def delete_nodes(label: str) -> str:
    return f"UNWIND $rows AS id MATCH (n:{quote(label)} {{id: id}}) DETACH DELETE n"


def _facts(head: str, relation: str, tail: str) -> str:
    return (
        f"UNWIND $rows AS row MATCH (:{quote(head)} {{id: row.source}})-[r:{quote(relation)}]->"
        f"(:{quote(tail)} {{id: row.target}})"
    )


def find_facts(head: str, relation: str, tail: str) -> str:
    return f"{_facts(head, relation, tail)} RETURN row.place AS place"


def delete_facts(head: str, relation: str, tail: str) -> str:
    return f"{_facts(head, relation, tail)} DELETE r"


def targets_of(edge: EdgeType) -> str:
    """The targets that each source has already."""
    pattern = f"(a)-[:{quote(edge.name)}]->(b:{quote(edge.target_label)})"
    return (
        f"UNWIND $ids AS id MATCH (a:{quote(edge.source_label)} {{id: id}}) "
        f"WITH id, [{pattern} | b.id] AS targets WHERE size(targets) > 0 RETURN id, targets"
    )


def _ends(edge: EdgeType) -> str:
    """Rows grouped by source: lists as long as that of the targets' places in ``$targets``.

    Every target is looked up once; one that is gone keeps its place, and its edges are left out.
    """
    return (
        "UNWIND range(0, size($targets) - 1) AS j "
        f"OPTIONAL MATCH (b:{quote(edge.target_label)} {{id: $targets[j]}}) "
        "WITH j, b ORDER BY j WITH collect([b]) AS targets "
        f"UNWIND $rows AS row MATCH (a:{quote(edge.source_label)} {{id: row.source}}) "
        "UNWIND range(0, size(row.target) - 1) AS k "
        "WITH a, row, k, targets[row.target[k]][0] AS b WHERE b IS NOT NULL"
    )


def merge_edges(edge: EdgeType) -> str:
    """Edges that may be there already, with maps of properties."""
    return f"{_ends(edge)} MERGE (a)-[r:{quote(edge.name)}]->(b) SET r += row.properties[k]"


def create_edges(edge: EdgeType, columns: Sequence[str]) -> str:
    """Edges that aren't there yet; ``columns`` may be absent, and so are their properties then."""
    values = ", ".join(f"{quote(name)}: row.{quote(name)}[k]" for name in columns)
    return f"{_ends(edge)} CREATE (a)-[:{quote(edge.name)} {{{values}}}]->(b)"


def interactions_of_users(columns: Sequence[str], elements: bool) -> str:
    lists = [f"[x IN rs | x.{quote(name)}] AS {quote(name)}" for name in columns]
    lists += [f"[x IN rs | elementId(x)] AS {quote(ELEMENT)}"] if elements else []
    values = ", ".join(lists)
    return (
        "UNWIND $ids AS id MATCH (u:User {id: id}) "
        "WITH u, [(u)-[r:INTERACTED]->(:Item) | r] AS rs WHERE size(rs) > 0 "
        "RETURN u.id AS source, [x IN rs | endNode(x).id] AS target"
        + (f", {values}" if values else "")
    )


def count_nodes(label: str) -> str:
    return f"MATCH (n:{quote(label)}) RETURN count(n) AS n"


def count_edges(source: str | None, name: str, target: str | None) -> str:
    """From the count store, at no cost, unless both labels are given."""
    left = f":{quote(source)}" if source else ""
    right = f":{quote(target)}" if target else ""
    return f"MATCH ({left})-[r:{quote(name)}]->({right}) RETURN count(r) AS n"


UNIQUE = (
    "SHOW CONSTRAINTS YIELD type, entityType, labelsOrTypes, properties "
    "WHERE entityType = 'NODE' AND size(properties) = 1 "
    "AND (type CONTAINS 'UNIQUE' OR type = 'NODE_KEY') "
    "RETURN labelsOrTypes AS labels, properties"
)


def sample_nodes(label: str) -> str:
    return f"MATCH (n:{quote(label)}) RETURN properties(n) AS properties LIMIT $limit"


def sample_edges(source: str, name: str, target: str) -> str:
    return (
        f"MATCH (:{quote(source)})-[r:{quote(name)}]->(:{quote(target)}) "
        "RETURN properties(r) AS properties LIMIT $limit"
    )


def node_keys(node: NodeSource) -> str:
    return f"MATCH (n:{quote(node.label)}) UNWIND keys(n) AS name RETURN DISTINCT name"


def edge_keys(edge: EdgeSource) -> str:
    return f"{_match(edge)} UNWIND keys(r) AS name RETURN DISTINCT name"


def read_nodes(node: NodeSource, columns: Sequence[str]) -> str:
    """One record for every few thousand nodes: a list for each column."""
    values = "".join(f", [n IN part | {node.value_of('n', c)}] AS {quote(c)}" for c in columns)
    return (
        f"MATCH (n:{quote(node.label)}) WHERE n.{quote(node.key)} IS NOT NULL "
        f"WITH collect(n) AS ns UNWIND range(0, size(ns) - 1, {_PART}) AS i "
        f"WITH ns[i..i + {_PART}] AS part "
        f"RETURN [n IN part | {node.id_of('n')}] AS id{values}"
    )


def any_value(label: str, name: str) -> str:
    """One value of a property."""
    value = f"n.{quote(name)}"
    return f"MATCH (n:{quote(label)}) WHERE {value} IS NOT NULL RETURN {value} AS value LIMIT 1"


def read_keys(node: NodeSource) -> str:
    """The key of every node of a label, null where it has none, in lists as of ``read_nodes``."""
    return (
        f"MATCH (n:{quote(node.label)}) WITH collect(n) AS ns "
        f"UNWIND range(0, size(ns) - 1, {_PART}) AS i WITH ns[i..i + {_PART}] AS part "
        f"RETURN [n IN part | {node.key_of('n')}] AS key"
    )


def node_without_key(node: NodeSource) -> str:
    """The properties of a node that has no key."""
    return (
        f"MATCH (n:{quote(node.label)}) WHERE {node.key_of('n')} IS NULL "
        "RETURN properties(n) AS properties LIMIT 1"
    )


def _column(edge: EdgeSource, name: str) -> str:
    """A list of nulls costs as much to send as any other: null instead."""
    value = edge.value_of("r", name)
    return f"CASE WHEN any(r IN rs WHERE {value} IS NOT NULL) THEN [r IN rs | {value}] END"


def read_edges(edge: EdgeSource, columns: Sequence[str]) -> str:
    """One record a source node: a list for each column, null where no edge has it.

    Streamed, so the server holds little.
    """
    far = "endNode(r)" if edge.outgoing else "startNode(r)"
    values = "".join(f", {_column(edge, name)} AS {quote(name)}" for name in columns)
    return (
        f"MATCH (a:{quote(edge.source.label)}) "
        f"WITH a, [{_pattern(edge, 'a')} | r] AS rs WHERE size(rs) > 0 "
        f"RETURN {edge.source.id_of('a')} AS source, "
        f"[r IN rs | {edge.target.id_of(far)}] AS target{values}"
    )


def _match(edge: EdgeSource) -> str:
    return f"MATCH {_pattern(edge, f'a:{quote(edge.source.label)}')}"


def _pattern(edge: EdgeSource, source: str) -> str:
    left, right = ("-", "->") if edge.outgoing else ("<-", "-")
    return f"({source}){left}[r:{quote(edge.type)}]{right}(b:{quote(edge.target.label)})"


def neighbours(names: Names, node: NodeSource, types: Sequence[str] | None, limit: int) -> str:
    return (
        f"MATCH (a:{quote(node.label)})-[r{_types(types)}]-(b) WHERE a.{quote(node.key)} IN $keys "
        f"WITH r, {names.label_of('b')} AS label, {names.id_of('b')} AS id, type(r) AS type, "
        "startNode(r) = a AS outgoing WHERE label IS NOT NULL "
        "RETURN label, id, type, outgoing, properties(r) AS properties "
        f"ORDER BY type, label, id, outgoing LIMIT {int(limit)}"
    )


def paths(
    names: Names,
    ends: tuple[NodeSource, NodeSource],
    types: Sequence[str] | None,
    hops: int,
    limit: int,
) -> str:
    """Paths of exactly ``hops`` edges, some not simple."""
    source, target = ends
    nodes = [f"(n0:{quote(source.label)})", *(f"(n{i})" for i in range(1, hops))]
    nodes.append(f"(n{hops}:{quote(target.label)})")
    pattern = nodes[0]
    pattern += "".join(f"-[r{i}{_types(types)}]-{nodes[i + 1]}" for i in range(hops))
    known = [f"{names.label_of(f'n{i}')} IS NOT NULL" for i in range(hops + 1) if not names.own]
    columns = []
    for i in range(hops + 1):
        columns += [f"{names.label_of(f'n{i}')} AS l{i}", f"{names.id_of(f'n{i}')} AS i{i}"]
    for i in range(hops):
        columns += [f"type(r{i}) AS t{i}", f"startNode(r{i}) = n{i} AS o{i}"]
    return (
        f"MATCH {pattern} WHERE n0.{quote(source.key)} IN $source "
        f"AND n{hops}.{quote(target.key)} IN $target "
        + "".join(f"AND {condition} " for condition in known)
        + f"RETURN {', '.join(columns)} LIMIT {int(limit)}"
    )


def _types(types: Sequence[str] | None) -> str:
    return "" if types is None else ":" + "|".join(quote(name) for name in types)
