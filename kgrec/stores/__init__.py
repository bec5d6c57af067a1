"""Graph stores behind one contract: a local file (kglite) or a Neo4j server.

Names are imported when they are first used, so that the types of ``base`` load no database driver.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kgrec.stores.base import (
        EdgeType,
        GraphStore,
        Neighbour,
        NodeRef,
        RemovalReport,
        StorePath,
        TextHit,
        WriteReport,
    )
    from kgrec.stores.comparison import FrameDifference, difference
    from kgrec.stores.embedded.store import EmbeddedStore
    from kgrec.stores.neo4j.store import Neo4jStore
    from kgrec.stores.registry import connect

__all__ = [
    "EdgeType",
    "EmbeddedStore",
    "FrameDifference",
    "GraphStore",
    "Neighbour",
    "Neo4jStore",
    "NodeRef",
    "RemovalReport",
    "StorePath",
    "TextHit",
    "WriteReport",
    "connect",
    "difference",
]

_HOMES = {
    "difference": "comparison",
    "FrameDifference": "comparison",
    "EmbeddedStore": "embedded.store",
    "Neo4jStore": "neo4j.store",
    "connect": "registry",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'kgrec.stores' has no attribute {name!r}")
    value = getattr(import_module(f"kgrec.stores.{_HOMES.get(name, 'base')}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
