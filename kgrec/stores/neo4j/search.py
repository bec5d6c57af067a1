"""Neo4j's full-text indexes over the texts of nodes: creating and searching them."""

from __future__ import annotations

from collections.abc import Sequence

from graph_schema.errors import StoreError
from kgrec.stores.fulltext import text_properties
from kgrec.stores.neo4j import queries
from kgrec.stores.neo4j.names import NodeSource
from kgrec.stores.neo4j.session import Connection
from kgrec.stores.tables import NodeRows


def index_texts(connection: Connection, nodes: Sequence[NodeRows]) -> None:
    """Full-text indexes over the texts of these nodes, and over those they had before.

    An index is created again where properties are new, because Neo4j can't add any to it."""
    for rows in nodes:
        wanted = set(text_properties(rows.label, rows.table.schema))
        if rows.label in queries.TEXT_INDEX and wanted:
            _cover(connection, rows.label, wanted)


def _cover(connection: Connection, label: str, wanted: set[str]) -> None:
    name = queries.TEXT_INDEX[label]
    found = connection.rows(queries.TEXT_INDEXES, {"label": label})
    covered = {text for row in found if row["name"] == name for text in row["properties"]}
    if wanted <= covered:
        return
    connection.run(queries.drop_index(name))
    connection.run(queries.create_text_index(label, sorted(wanted | covered)))
    connection.run(queries.AWAIT_INDEXES)


def search(connection: Connection, source: NodeSource, text: str, k: int) -> dict[str, float]:
    """The best nodes' ids with their scores, from the index that covers most of their texts."""
    found = connection.rows(queries.TEXT_INDEXES, {"label": source.label})
    if not found:
        raise StoreError(
            f"no full-text index covers {source.label!r}. Cure: make one with CREATE FULLTEXT "
            f"INDEX name FOR (n:{source.label}) ON EACH [n.property, ...]."
        )
    parameters = {"index": found[0]["name"], "text": text, "k": k}
    rows = connection.rows(queries.search_text(source), parameters)
    return {row["id"]: row["score"] for row in rows}
