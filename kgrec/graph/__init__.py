"""The graph as arrays: snapshots of a store and their conversions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kgrec.graph.interop import to_networkx, to_pyg
from kgrec.graph.snapshot import GraphSnapshot

if TYPE_CHECKING:
    from kgrec.graph.read import read_snapshot

__all__ = ["GraphSnapshot", "read_snapshot", "to_networkx", "to_pyg"]


def __getattr__(name: str) -> Any:
    """Import the reader when it is first asked for: arrays alone need no store's driver."""
    if name != "read_snapshot":
        raise AttributeError(f"module 'kgrec.graph' has no attribute {name!r}")
    from kgrec.graph.read import read_snapshot

    return read_snapshot
