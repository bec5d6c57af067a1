"""Whether the Cypher of every path returns that path, on any store."""

from __future__ import annotations

from kgrec.explain import ExplainedPath
from kgrec.stores import GraphStore


def reproduced(store: GraphStore, paths: list[ExplainedPath]) -> list[bool]:
    """For each path whether its Cypher returns exactly it: its nodes and relations in order, or its
    nodes and its number of people."""
    return [_returns(store, path) for path in paths]


def _returns(store: GraphStore, path: ExplainedPath) -> bool:
    rows = store.query(path.cypher, path.parameters)
    if len(rows) != 1:
        return False
    found = {name: rows[0][name] for name in path.expected}
    return {name: list(one) if isinstance(one, tuple) else one for name, one in found.items()} == (
        path.expected
    )
