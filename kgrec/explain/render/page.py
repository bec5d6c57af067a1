"""The page of an explanation: its graph with the nodes placed as in the picture."""

from __future__ import annotations

from pathlib import Path

from graph_schema.names import ITEM
from kgrec.explain.explained_path import ExplainedPath
from kgrec.explain.render import layout
from kgrec.explain.render.content import RenderContent
from kgrec.explain.render.graph import Key, explanation_graph
from kgrec.visualization.html_page import write_page
from kgrec.visualization.layout import Box
from kgrec.visualization.page_list import PagePath


def explanation_page(content: RenderContent, path: Path) -> Path:
    """Save the explanation as an HTML page; see ``kgrec.visualization.html_page.write_page``."""
    graph = explanation_graph(content.paths, content.item_id, content.item_name)
    boxes = {key: box for key, box in _boxes(content).items() if key in graph}
    return write_page(
        graph,
        path,
        title=content.title,
        note=" ".join([content.summary, *content.reasons]),
        paths=[_page_path(one) for one in content.paths],
        boxes=boxes,
    )


def _page_path(path: ExplainedPath) -> PagePath:
    return PagePath(
        sentence=path.sentence,
        nodes=tuple(node[:2] for node in path.nodes),
        steps=path.steps,
        cypher=path.cypher,
        parameters=path.parameters,
        contribution=path.contribution,
    )


def _boxes(content: RenderContent) -> dict[Key, Box]:
    """Boxes of the picture by (label, id), from the user on the left to the item on the right."""
    places, _, _ = layout.place(layout.picture_graph(content.paths, content.item_name))
    boxes: dict[Key, Box] = {}
    for node, box in places.items():
        key = (ITEM, content.item_id) if node == "item" else node[:2]  # type: ignore[index]
        boxes.setdefault(key, box)
    return boxes
