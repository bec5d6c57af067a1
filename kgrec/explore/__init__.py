"""Explore the graph: neighbours, paths and parts of it, as tables, pictures, pages and files."""

from __future__ import annotations

from kgrec.explore.drawing import draw
from kgrec.explore.explorer import GraphExplorer
from kgrec.explore.graph_files import export_graph, read_graph
from kgrec.explore.graph_path import GraphPath

__all__ = ["GraphExplorer", "GraphPath", "draw", "export_graph", "read_graph"]
