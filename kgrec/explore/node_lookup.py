"""Which node a caller means: "Item:588", a (label, id) pair, a NodeRef, or a name of one node."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from graph_schema.errors import RequestError
from kgrec.paths.adjacency import LABELS, NodeSpace
from kgrec.paths.index import NodeLike
from kgrec.stores.base import NodeRef

FORM = "give it as Label:id, as in Item:588 (labels: " + ", ".join(LABELS) + "), or by its name"
SHOWN = 5  # candidates that a message lists


def find_node(space: NodeSpace, given: NodeLike) -> int:
    """The number of the node meant. Raises RequestError where none or several fit."""
    if isinstance(given, NodeRef):
        return space.find(given.label, given.id)
    if isinstance(given, str):
        return _from_text(space, given)
    if isinstance(given, tuple) and len(given) == 2:
        return space.find(str(given[0]), str(given[1]))
    raise RequestError(f"{given!r} is no node: {FORM}")


def find_nodes(space: NodeSpace, given: NodeLike | Sequence[NodeLike]) -> list[int]:
    """The numbers of one or several nodes, each once, in the order given."""
    pair = isinstance(given, tuple) and len(given) == 2 and given[0] in LABELS
    alone = pair or isinstance(given, str | NodeRef)
    several: Sequence[NodeLike] = [given] if alone else given  # type: ignore[list-item,assignment]
    if not isinstance(several, Sequence):
        raise RequestError(f"{given!r} is no node: {FORM}")
    return list(dict.fromkeys(find_node(space, node) for node in several))


def node_text(space: NodeSpace, node: int) -> str:
    """The node as ``find_node`` reads it: "Item:588"."""
    return f"{space.label_row(node)[0]}:{space.id(node)}"


def _from_text(space: NodeSpace, text: str) -> int:
    label, colon, node_id = text.partition(":")
    if colon and label in LABELS:
        return space.find(label, node_id)
    named = _named(space, text)
    if len(named) == 1:
        return named[0]
    if named:
        listed = ", ".join(node_text(space, node) for node in named[:SHOWN])
        raise RequestError(f"{len(named)} nodes are called {text!r}: {listed}; give one of them")
    rows = {label: int(space.snapshot.table(label).rows([text])[0]) for label in LABELS}
    meant = [f"{label}:{text}" for label, row in rows.items() if row >= 0]
    hint = f"did you mean {' or '.join(meant)}?" if meant else FORM
    raise RequestError(f"unknown node {text!r}: {hint}")


def _named(space: NodeSpace, name: str) -> list[int]:
    """All nodes of this name, whatever its case."""
    wanted = name.strip().casefold()
    found: list[int] = []
    for label in LABELS if wanted else ():
        names = space.names(label)
        if names is None:
            continue
        same = [isinstance(one, str) and one.casefold() == wanted for one in names]
        found += [space.node(label, int(row)) for row in np.flatnonzero(same)]
    return found
