"""Draw a part of the graph as a picture, or as a page to click."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from graph_schema.disk.paths import given_path
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
    """Save a graph as a picture or a page; the same graph gives the same file.

    Parameters
    ----------
    graph : networkx.MultiDiGraph
        As ``GraphExplorer.subgraph`` or ``GraphExplorer.joined`` gives it.
    path : str or Path
        A name that ends in .png, .svg or .pdf for a picture, in .html for a page that needs no
        network.
    title : str, optional
        The heading; None: the nodes in focus.
    paths : sequence of GraphPath
        Paths of the graph that a page also lists.

    Returns
    -------
    Path
        The file that was written.

    Raises
    ------
    RequestError
        If the name ends otherwise, the graph is empty, or it has too many nodes for a picture.
    MissingExtraError
        If matplotlib is not installed and a picture is wanted.
    """
    path = given_path(path, "path")
    if path.suffix.lower() == ".html":
        return write_page(graph, path, title=title, paths=[one.on_page() for one in paths])
    return draw_graph(graph, path, title=title)
