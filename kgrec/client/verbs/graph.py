"""The graph, as ``Recommender.graph`` explores it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

from kgrec.client import frames
from kgrec.client.asking import node_text, nodes_of
from kgrec.client.exchange import Ask, Fields, Steps, fields_of, pages
from kgrec.errors import RequestError

if TYPE_CHECKING:
    import pandas as pd

_PAGE = 200
_NODE = "/v1/graph/nodes/{label}/{id}"


def find(q: str, label: str | None = None, limit: int = 20) -> Steps[pd.DataFrame]:
    """Items and entities by a part of their names: label, id and name."""
    params = {"q": q, "label": label, "limit": limit}
    answer = yield Ask("GET", "/v1/graph/nodes", params=params)
    return frames.frame_of(answer["nodes"], dict.fromkeys(("label", "id", "name"), frames.TEXT))


def node(node: Any) -> Steps[Fields]:
    """A node ("Item:588" or (label, id)): label, id, name, attributes, and edges by relation."""
    return fields_of((yield Ask("GET", _NODE, parts=_parts(node))))


def neighbours(
    node: Any,
    relations: str | None = None,
    direction: Literal["both", "out", "in"] = "both",
    k: int = 100,
) -> Steps[pd.DataFrame]:
    """``GraphExplorer.neighbours``: edges of a node, at most ``k``; ``attrs["total"]`` is the
    number of all."""
    params = {"relation": relations, "direction": direction}
    ask = Ask("GET", _NODE + "/neighbours", parts=_parts(node), params=params)
    rows, last = yield from pages(ask, "edges", k, _PAGE)
    frame = frames.frame_of(rows, frames.NEIGHBOURS)
    frame.attrs["total"] = last["total"]
    return frame


def paths(
    a: Any,
    b: Any,
    max_hops: int = 4,
    k: int = 10,
    *,
    relations: Sequence[str] | None = None,
    via: Any = (),
    avoid: Any = (),
) -> Steps[list[Fields]]:
    """``GraphExplorer.paths``: paths between two nodes, shortest first, as ``to_dict()`` says."""
    body = {
        "source": node_text(a),
        "target": node_text(b),
        "max_hops": max_hops,
        "k": k,
        "relations": relations,
        "via": nodes_of(via),
        "avoid": nodes_of(avoid),
    }
    found: list[Fields] = Fields.of((yield Ask("POST", "/v1/graph/paths", body))["paths"])
    return found


def subgraph(
    nodes: Any, hops: int = 1, *, relations: Sequence[str] | None = None, max_nodes: int = 200
) -> Steps[Fields]:
    """The nodes near some nodes, and the edges between them: ``nodes``, ``edges``, ``left_out``."""
    body = {"nodes": nodes_of(nodes), "hops": hops, "relations": relations}
    ask = Ask("POST", "/v1/graph/subgraph", {**body, "max_nodes": max_nodes})
    return fields_of((yield ask))


def _parts(node: Any) -> dict[str, str]:
    """The label and id of a node. Raises RequestError."""
    label, sign, name = node_text(node).partition(":")
    if not sign:
        raise RequestError(f"{label!r} names no label; give a node as Item:588.")
    return {"label": label, "id": name}
