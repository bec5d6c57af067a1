"""The graph as arrays: snapshots of a store and their conversions."""

from kgrec.graph.convert import to_networkx, to_pyg
from kgrec.graph.read import read_snapshot
from kgrec.graph.snapshot import GraphSnapshot

__all__ = ["GraphSnapshot", "read_snapshot", "to_networkx", "to_pyg"]
