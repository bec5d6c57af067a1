"""One HTML file that shows a graph to move, zoom, search and filter, without any network."""

from __future__ import annotations

import html
import json
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Any

from graph_schema.errors import RequestError
from graph_schema.names import INTERACTED
from graph_schema.output.printable import escaped_inside, printable
from kgrec.files import save_text
from kgrec.visualization.graph_view import GraphView, NodeKey, ViewEdge, ViewNode, graph_view
from kgrec.visualization.layout import Box, place_nodes, separate
from kgrec.visualization.page_list import (
    INCH,
    PageList,
    PagePath,
    list_values,
    path_values,
    position,
)
from kgrec.visualization.text_wrap import wrap

if TYPE_CHECKING:
    import networkx as nx

CHAR, LINE, PADDING = 7.6, 17.0, 16.0  # of the page's letters, in its units
LIST_LINES = (
    "thick line: a large contribution",
    "orange line: lowers the score",
    "dashed line: a similarity, no relationship",
    "+3: neighbours; click the box twice",
)
_EXACT = "parameters"  # the name of values that are shown as they are
_PROGRAM = ("assets/spots.js", "assets/page.js", "assets/page_list.js")
MAX_LABELS = 60  # of more lines than that, the relation is shown only under the pointer


def write_page(
    graph: nx.MultiDiGraph[NodeKey],
    path: Path,
    *,
    title: str | None = None,
    note: str | None = None,
    paths: Sequence[PagePath] = (),
    boxes: Mapping[NodeKey, Box] | None = None,
    lists: PageList | None = None,
) -> Path:
    """Save the page of a graph.

    Parameters
    ----------
    graph : networkx.MultiDiGraph
        Nodes are (label, id) with attributes as ``GraphExplorer.subgraph`` gives them.
    path : Path
        A name that ends in .html or .htm.
    title, note : str, optional
        The heading, and the line below it; None: the nodes in focus, and how much is shown.
    paths : sequence of PagePath
        Paths of the graph to list beside it.
    boxes : mapping of node to Box, optional
        About where the nodes are, in inches; None: laid out as in pictures.
    lists : PageList, optional
        Items to list beside the graph. The page then shows the nodes of one item's reasons at a
        time, and others where a node is opened; it shows no ids.

    Returns
    -------
    Path
        The file that was written.

    Raises
    ------
    RequestError
        If the name ends otherwise, or the graph is empty.
    """
    if path.suffix.lower() not in (".html", ".htm"):
        raise RequestError(f"can't write a page to {path.name!r}: end its name in .html")
    view = graph_view(graph, title)
    content = _content(view, paths, boxes) if lists is None else _listed(view, lists)
    text = Template(_asset("assets/page.html")).substitute(
        title=_text(view.title),
        note=_text(view.note if note is None else note),
        foot="" if lists is None else _text(lists.foot),
        shape="graph" if lists is None else "lists",
        style=_asset("assets/page.css"),
        view=_inside_script(_json(_shown(content))),
        library=_asset("vendor/cytoscape.min.js"),
        program="".join(map(_asset, _PROGRAM)),
    )
    return save_text(path, text)


def _asset(name: str) -> str:
    return files("kgrec.visualization").joinpath(name).read_text(encoding="utf-8")


def _text(text: str) -> str:
    """Plain text as HTML."""
    return html.escape(printable(text))


def _shown(value: Any, name: str = "") -> Any:
    """JSON values with texts as a page shows them; parameters of Cypher are copied from it, and
    stay as they are."""
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, list | tuple):
        return [_shown(part) for part in value]
    if isinstance(value, dict) and name != _EXACT:
        return {printable(key): _shown(part, key) for key, part in value.items()}
    return value


def _json(content: Mapping[str, Any]) -> str:
    text = json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return escaped_inside(text)


def _inside_script(text: str) -> str:
    """Escape JSON so that ``</script>`` in a name can't end the script."""
    escaped = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"}
    return "".join(escaped.get(character, character) for character in text)


def _content(
    view: GraphView, paths: Sequence[PagePath], boxes: Mapping[NodeKey, Box] | None
) -> dict[str, Any]:
    """What the page's program shows, as JSON values."""
    inches = _inches(view)
    pairs = [(edge.source, edge.target) for edge in view.edges]
    if boxes is None:
        boxes, _, _ = place_nodes(inches, pairs)
    else:
        placed = {key: Box(boxes[key].x, boxes[key].y, *inches[key]) for key in inches}
        boxes = separate(placed, pairs)
    place = {node.key: i for i, node in enumerate(view.nodes)}
    # Colours show relations or contributions; in the second case labels name the relations.
    labelled = view.by_contribution and len(view.edges) <= MAX_LABELS
    return {
        "nodes": [
            {"id": node.key[1], **_node(node), **_place(boxes[node.key])} for node in view.nodes
        ],
        "edges": [_edge(edge, place, labelled) for edge in view.edges],
        "relations": _relations(view),
        "legend": _legend(view),
        "lines": _lines(view),
        "paths": [path_values(path, place, view.edges) for path in paths],
        "items": [],
    }


def _listed(view: GraphView, lists: PageList) -> dict[str, Any]:
    """The same for a page with lists: no places, and no ids."""
    place = {node.key: i for i, node in enumerate(view.nodes)}
    return {
        "nodes": [{**_node(node), "total": node.total} for node in view.nodes],
        "edges": [
            {
                "source": place[edge.source],
                "target": place[edge.target],
                "relation": edge.relation,
                "stored": edge.stored,
            }
            for edge in view.edges
        ],
        "relations": [],
        "legend": _legend(view),
        "lines": LIST_LINES,
        "paths": [],
        **list_values(lists, place, view.edges, _inches(view)),
    }


def _inches(view: GraphView) -> dict[NodeKey, tuple[float, float]]:
    sizes = {node.key: _size(node) for node in view.nodes}
    return {key: (width / INCH, height / INCH) for key, (width, height) in sizes.items()}


def _size(node: ViewNode) -> tuple[float, float]:
    longest = max(map(len, node.lines))
    bold = 1.08 if node.focus else 1.0
    return max(50.0, CHAR * bold * longest + PADDING), LINE * len(node.lines) + PADDING


def _node(node: ViewNode) -> dict[str, Any]:
    width, height = _size(node)
    return {
        "label": node.key[0],
        "text": node.text,
        "lines": node.lines,
        "kind": node.kind,
        "colour": node.colour,
        "focus": node.focus,
        "facts": node.facts,
        "width": round(width, 1),
        "height": round(height, 1),
    }


def _place(box: Box) -> dict[str, float]:
    x, y = position(box)
    return {"x": x, "y": y}


def _edge(edge: ViewEdge, place: Mapping[NodeKey, int], labelled: bool) -> dict[str, Any]:
    has_label = labelled and edge.relation != INTERACTED
    return {
        "source": place[edge.source],
        "target": place[edge.target],
        "relation": edge.relation,
        "label": wrap(edge.relation, 26, 1)[0] if has_label else "",
        "count": edge.count,
        "contribution": edge.contribution,
        "stored": edge.stored,
        "colour": edge.colour,
        "line": edge.line,
        "width": round(1.3 * edge.width, 2),
        "facts": edge.facts,
    }


def _relations(view: GraphView) -> list[dict[str, Any]]:
    counts = dict.fromkeys(view.relations(), 0)
    for edge in view.edges:
        counts[edge.relation] += 1
    return [
        {"name": name, "colour": edge.colour, "line": edge.line, "count": counts[name]}
        for name, edge in view.relations().items()
    ]


def _legend(view: GraphView) -> list[dict[str, str]]:
    looks = dict.fromkeys((node.colour, node.look) for node in view.nodes)
    return [{"colour": colour, "look": look} for colour, look in looks]


def _lines(view: GraphView) -> list[str]:
    """Explanations of the lines where they show contributions."""
    if not view.by_contribution:
        return []
    lines = ["width of a line: contribution"]
    if view.has_negative():
        lines.append("orange line: lowers the score")
    if view.has_unstored():
        lines.append("dashed line: a similarity, no relationship")
    return lines
