"""Exploring the graph: neighbours, paths and parts of it, as tables, pictures, pages and files."""

from __future__ import annotations

from kgrec.explore.explorer import GraphExplorer
from kgrec.explore.ways import GraphPath

__all__ = ["GraphExplorer", "GraphPath"]
