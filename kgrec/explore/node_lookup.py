"""Find the node that a caller names: "Item:588", a (label, id) pair, a NodeRef, or a name."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from graph_schema.errors import RequestError
from graph_schema.names import ENTITY, ITEM
from kgrec.paths.adjacency import LABELS, NodeSpace
from kgrec.paths.index import NodeLike
from kgrec.stores.base import NodeRef

FORM = "give it as Label:id, as in Item:588 (labels: " + ", ".join(LABELS) + "), or by its name"
MAX_LISTED = 5  # nodes that an error message lists


def find_node(space: NodeSpace, node: NodeLike, *, people: bool = True) -> int:
    """Return the number of a node. Raises RequestError if none or several match.

    Without ``people`` a user is found by id alone, not by name.
    """
    if isinstance(node, NodeRef):
        return space.find(node.label, node.id)
    if isinstance(node, str):
        return _from_text(space, node, people)
    if isinstance(node, tuple) and len(node) == 2:
        return space.find(str(node[0]), str(node[1]))
    raise RequestError(f"{node!r} is no node: {FORM}")


def find_nodes(
    space: NodeSpace, nodes: NodeLike | Sequence[NodeLike], *, people: bool = True
) -> list[int]:
    """Return the numbers of one or several nodes, each once, in the same order."""
    pair = isinstance(nodes, tuple) and len(nodes) == 2 and nodes[0] in LABELS
    alone = pair or isinstance(nodes, str | NodeRef)
    several: Sequence[NodeLike] = [nodes] if alone else nodes  # type: ignore[list-item,assignment]
    if not isinstance(several, Sequence):
        raise RequestError(f"{nodes!r} is no node: {FORM}")
    return list(dict.fromkeys(find_node(space, node, people=people) for node in several))


def node_text(space: NodeSpace, node: int) -> str:
    """Return the node as ``find_node`` accepts it: "Item:588"."""
    return f"{space.label_row(node)[0]}:{space.id(node)}"


def _from_text(space: NodeSpace, text: str, people: bool) -> int:
    label, colon, node_id = text.partition(":")
    if colon and label in LABELS:
        return space.find(label, node_id)
    labels = LABELS if people else (ITEM, ENTITY)
    named = _named(space, text, labels)
    if len(named) == 1:
        return named[0]
    if named:
        listed = ", ".join(node_text(space, node) for node in named[:MAX_LISTED])
        raise RequestError(f"{len(named)} nodes are called {text!r}: {listed}; give one of them")
    rows = {label: int(space.snapshot.table(label).rows([text])[0]) for label in labels}
    meant = [f"{label}:{text}" for label, row in rows.items() if row >= 0]
    hint = f"did you mean {' or '.join(meant)}?" if meant else FORM
    raise RequestError(f"unknown node {text!r}: {hint}")


def _named(space: NodeSpace, name: str, labels: Sequence[str]) -> list[int]:
    """All nodes of these labels and this name, ignoring case."""
    wanted = name.strip().casefold()
    found: list[int] = []
    for label in labels if wanted else ():
        names = space.names(label)
        if names is None:
            continue
        same = [isinstance(one, str) and one.casefold() == wanted for one in names]
        found += [space.node(label, int(row)) for row in np.flatnonzero(same)]
    return found
