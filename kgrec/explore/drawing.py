"""A part of the graph to look at: a picture, or a page to click through."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from kgrec.explore.graph_path import GraphPath
from kgrec.visualization.drawing import draw_graph
from kgrec.visualization.html_page import write_page

if TYPE_CHECKING:
    import networkx as nx


def draw(
    graph: nx.MultiDiGraph[tuple[str, str]],
    path: str | Path,
    *,
    title: str | None = None,
    paths: Sequence[GraphPath] = (),
) -> Path:
    """Save a graph as ``subgraph`` or ``joined`` gives it: .png, .svg or .pdf for a picture, .html
    for a page that needs no network, which also lists ``paths``; returns its path.

    The same graph gives the same file. Raises RequestError for another suffix, an empty graph, or
    one too large for a picture.
    """
    path = Path(path)
    if path.suffix.lower() == ".html":
        return write_page(graph, path, title=title, paths=[one.on_page() for one in paths])
    return draw_graph(graph, path, title=title)
