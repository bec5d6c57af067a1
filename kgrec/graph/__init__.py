"""The graph as arrays: snapshots of a store and their conversions."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from kgrec.graph.interop import to_networkx, to_pyg
from kgrec.graph.snapshot import GraphSnapshot

if TYPE_CHECKING:
    from kgrec.graph.mapped import open_snapshot, save_snapshot
    from kgrec.graph.read import read_snapshot

__all__ = [
    "GraphSnapshot",
    "open_snapshot",
    "read_snapshot",
    "save_snapshot",
    "to_networkx",
    "to_pyg",
]
_LATER = {
    "open_snapshot": "kgrec.graph.mapped",
    "read_snapshot": "kgrec.graph.read",
    "save_snapshot": "kgrec.graph.mapped",
}


def __getattr__(name: str) -> Any:
    """Import what reads graphs when it is first asked for: arrays alone need no store's driver."""
    if name not in _LATER:
        raise AttributeError(f"module 'kgrec.graph' has no attribute {name!r}")
    return getattr(import_module(_LATER[name]), name)
