"""What keeps a graph from being read through a mapping, with counts and cures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from graph_schema.mapping import GraphMapping
from graph_schema.names import ENTITY
from kgrec.stores.neo4j import queries
from kgrec.stores.neo4j.names import EdgeSource, Names, NodeSource
from kgrec.stores.neo4j.read import Known, known, place_of
from kgrec.stores.neo4j.session import Connection
from kgrec.stores.neo4j.values import examples, id_of_key

_CURE_KEY = "Cure: name another key in the mapping, or repair these nodes."


def mapping_problems(connection: Connection, names: Names) -> list[str]:
    """Return what is wrong with a graph as its mapping describes it.

    Labels, relationship types, keys and properties that are not there; nodes without a key; keys
    that are neither text nor whole numbers, or that several nodes share; relationships that point
    the other way. Raises StoreError where the graph can't be read.
    """
    present = known(connection)
    found: list[str] = []
    default = names.mapping.entities == GraphMapping.model_fields["entities"].default
    for node in names.nodes:
        if node.kgrec == ENTITY and default and not _has_nodes(connection, node, present):
            continue  # nobody said that there are any
        found += _node_problems(connection, node, present)
    for edge in (*names.interactions(), *names.links()):
        found += _edge_problems(connection, edge, present)
    mapped: list[NodeSource | EdgeSource] = [*names.nodes, *names.interactions()]
    for where in mapped:
        found += _property_problems(where, present)
    for fact in names.mapping.facts or ():
        if fact.type not in present.types:
            found.append(_absent("relationship type", fact.type, present.types))
    return found


def _absent(what: str, name: str, there: Any) -> str:
    known_names = ", ".join(sorted(there)) or "none"
    return (
        f"the graph has no {what} {name!r}. Cure: correct the mapping; the graph has: "
        f"{known_names}."
    )


def _property_problems(where: NodeSource | EdgeSource, present: Known) -> Iterator[str]:
    for name, own in where.properties.items():
        if own not in present.properties:
            yield (
                f"{place_of(where)}: the graph has no property {own!r}, which the mapping gives "
                f"for {name!r}. Cure: correct the property in the mapping, or leave it out."
            )


def _node_problems(connection: Connection, node: NodeSource, present: Known) -> Iterator[str]:
    place = place_of(node)
    if node.label not in present.labels:
        yield _absent("label", node.label, present.labels)
        return
    if node.key not in present.properties:
        rows = connection.rows(queries.node_keys(node))
        yield (
            f"{place}: no node has the key {node.key!r}. Cure: name another key in the mapping; "
            f"they have: {', '.join(sorted(row['name'] for row in rows)) or 'no properties'}."
        )
        return
    keys = _keys(connection, node)
    if not keys:
        yield f"{place}: there is no such node. Cure: add some, or correct the mapping."
        return
    ids = [id_of_key(key) for key in keys]
    missing = sum(key is None for key in keys)
    if missing:
        rows = connection.rows(queries.node_without_key(node))
        values = sorted(rows[0]["properties"].items())[:4]
        shown = ", ".join(f"{name}: {examples([value])}" for name, value in values)
        yield (
            f"{place}: {missing:,} of {len(keys):,} nodes have no key {node.key!r}, such as "
            f"{{{shown}}}. {_CURE_KEY}"
        )
    odd = [key for key, one in zip(keys, ids, strict=True) if one is None and key is not None]
    if odd:
        yield (
            f"{place}: the key {node.key!r} of {len(odd):,} of {len(keys):,} nodes is neither "
            f"text nor a whole number: {examples(odd)}. {_CURE_KEY}"
        )
    yield from _repeated(place, node, keys, ids)


def _repeated(
    place: str, node: NodeSource, keys: list[Any], ids: list[str | None]
) -> Iterator[str]:
    counts = Counter(one for one in ids if one is not None)
    twice = [one for one, n in counts.items() if n > 1]
    if not twice:
        return
    same = [key for key, one in zip(keys, ids, strict=True) if one == twice[0]]
    kinds = " (of different types)" if len({type(key) for key in same}) > 1 else ""
    yield (
        f"{place}: {sum(counts[one] for one in twice):,} of {len(keys):,} nodes share their key "
        f"{node.key!r} with others, such as {examples(same)}{kinds}. {_CURE_KEY}"
    )


def _has_nodes(connection: Connection, node: NodeSource, present: Known) -> bool:
    """Whether there are nodes: Neo4j keeps a label when the last node that had it is deleted."""
    return node.label in present.labels and bool(_keys(connection, node))


def _keys(connection: Connection, node: NodeSource) -> list[Any]:
    return [key for row in connection.rows(queries.read_keys(node)) for key in row["key"]]


def _edge_problems(connection: Connection, edge: EdgeSource, present: Known) -> Iterator[str]:
    if edge.type not in present.types:
        yield _absent("relationship type", edge.type, present.types)
        return
    if not {edge.source.label, edge.target.label} <= present.labels:
        return  # their absence is a problem of its own
    ends = (edge.source.label, edge.target.label)
    start, end = ends if edge.outgoing else ends[::-1]

    def count(left: str | None, right: str | None) -> int:
        return int(connection.rows(queries.count_edges(left, edge.type, right))[0]["n"])

    right_way, wrong_way = count(start, end), count(end, start)
    there = f"from (:{start}) to (:{end})"
    if wrong_way and start != end:
        yield (
            f"{place_of(edge)}: {wrong_way:,} relationships go from (:{end}) to (:{start}), "
            f"{right_way:,} {there}, which the mapping says. Cure: "
            + (
                "turn these round, or give them a type of their own."
                if right_way
                else "turn its direction round in the mapping."
            )
        )
    elif not right_way:
        yield (
            f"{place_of(edge)}: none of the {count(None, None):,} relationships goes {there}. "
            "Cure: correct the type, or the labels, in the mapping."
        )
