"""The graph: nodes, their neighbours page by page, paths, and parts of it."""

from __future__ import annotations

from typing import Any

import numpy as np

from graph_schema.names import ENTITY, ITEM, USER
from kgrec.explore.explorer import GraphExplorer
from kgrec.graph.snapshot import NodeTable
from kgrec.paths.people import is_person
from kgrec.presentation import plain_value
from kgrec.serving.problems import Problem
from kgrec.serving.service import LABELS, Service
from kgrec.serving.verbs.answers import (
    NeighboursAnswer,
    NodeAnswer,
    NodesAnswer,
    PathsAnswer,
    SubgraphAnswer,
)
from kgrec.serving.verbs.bodies import PathsBody, SubgraphBody
from kgrec.serving.verbs.call import Call
from kgrec.serving.verbs.tables import plain_rows

_PAGE, _MOST = 50, 200
_FOUND = 20


def find_nodes(service: Service, body: None, call: Call) -> NodesAnswer:
    """Items and entities by a part of their names, those that begin with it first."""
    call.check("q", "label", "limit")
    wanted, limit = call.params.get("q", "").strip(), call.count("limit", _FOUND, _MOST)
    if not wanted:
        raise Problem(422, "invalid_parameter", "q is empty; give a part of a name: ?q=heat.")
    index = service.served.model.graph.index
    found: list[tuple[bool, str, str, str]] = []
    labels = [one for one in (ITEM, ENTITY) if one == call.params.get("label", one)]
    if not labels:
        raise Problem(422, "invalid_parameter", f"label is {ITEM} or {ENTITY}.")
    for label in labels:
        table = index.snapshot.table(label)
        for row, node_id in enumerate(table.ids.tolist()):
            name = index.space.name(index.space.node(label, row)) or str(node_id)
            at = name.lower().find(wanted.lower())
            if at >= 0:
                found.append((at > 0, name, label, str(node_id)))
    found.sort()
    nodes = [{"label": label, "id": one, "name": name} for _, name, label, one in found[:limit]]
    return NodesAnswer(nodes=nodes)


def node(service: Service, body: None, call: Call) -> NodeAnswer:
    """A node with its attributes and the numbers of its edges."""
    call.check("people")
    label, node_id = _named(call)
    graph = service.served.model_for(people=call.people).graph
    found = graph.node((label, node_id))
    space, table = graph.index.space, graph.index.snapshot.table(label)
    number = space.find(label, found.id)
    row = space.label_row(number)[1]
    return NodeAnswer(
        label=label,
        id=found.id,
        name=space.name(number),
        attributes=_known(table, row, {}),
        counts=_counts(graph, (label, node_id)),
    )


def get_node(service: Service, body: None, call: Call) -> NodeAnswer:
    """A user, item or entity, with what has changed since the last fold."""
    label, node_id = LABELS[call.path["kind"]], call.path["id"]
    changed = service.served.live.changed.get((label, node_id), {})
    table = service.served.model.snapshot.table(label)
    row = int(table.rows([node_id])[0])
    if changed is None or (row < 0 and not changed):
        raise Problem(404, "unknown_node", f"no {label.lower()} has the id {node_id!r}.")
    known = _known(table, row, changed)
    name = str(known.get("title") or known.get("name") or "")
    return NodeAnswer(label=label, id=node_id, name=name, attributes=known, counts={})


def neighbours(service: Service, body: None, call: Call) -> NeighboursAnswer:
    """Edges of a node, of one relation or all, page by page. Other people are one edge for each
    relation, with their number."""
    call.check("relation", "direction", "limit", "cursor", "people")
    limit, start = call.count("limit", _PAGE, _MOST), call.cursor()
    direction = call.params.get("direction", "both")
    graph = service.served.model_for(people=call.people).graph
    frame = graph.neighbours(
        _named(call),
        call.params.get("relation"),
        direction,  # type: ignore[arg-type]
        k=start + limit,
    )
    total = int(frame.attrs["total"])
    edges = plain_rows(frame.iloc[start:])
    after = start + limit
    return NeighboursAnswer(edges=edges, total=total, next=str(after) if after < total else None)


def paths(service: Service, body: PathsBody, call: Call) -> PathsAnswer:
    """Paths between two nodes."""
    _check_people(call, body.source, body.target)
    found = service.served.model_for(people=call.people).graph.paths(
        body.source,
        body.target,
        max_hops=body.max_hops,
        k=body.k,
        relations=body.relations,
        via=body.via,
        avoid=body.avoid,
    )
    return PathsAnswer(paths=[path.to_dict() for path in found])


def subgraph(service: Service, body: SubgraphBody, call: Call) -> SubgraphAnswer:
    """The nodes near some nodes, and the edges between them."""
    _check_people(call, *body.nodes)
    found = service.served.model_for(people=call.people).graph.subgraph(
        body.nodes, body.hops, relations=body.relations, max_nodes=body.max_nodes
    )
    nodes = [
        {"label": key[0], "id": key[1], "name": data["name"], "kind": data["kind"]}
        for key, data in found.nodes(data=True)
    ]
    edges = [
        {"source": list(a), "target": list(b), "relation": relation}
        for a, b, relation in found.edges(data="relation")
    ]
    return SubgraphAnswer(nodes=nodes, edges=edges, left_out=int(found.graph["left_out"]))


def _known(table: NodeTable, row: int, changed: dict[str, Any]) -> dict[str, Any]:
    """The attributes of a row (-1: none), with what has changed since, without absent values."""
    values: dict[str, Any] = {}
    if row >= 0:
        columns = table.attributes
        values = {str(name): plain_value(columns[name].array[row]) for name in columns}
    return {name: value for name, value in {**values, **changed}.items() if value is not None}


def _named(call: Call) -> tuple[str, str]:
    label, node_id = call.path["label"], call.path["id"]
    if label not in (ITEM, ENTITY, USER):
        raise Problem(404, "unknown_label", f"no nodes have the label {label!r}.")
    _check_people(call, f"{label}:{node_id}")
    return label, node_id


def _check_people(call: Call, *nodes: str) -> None:
    """Raise Problem where a node is a user and people are not shown."""
    if not call.people and any(node.startswith(f"{USER}:") for node in nodes):
        raise Problem(403, "person", "people are shown with the scope admin and people=true alone.")


def _counts(graph: GraphExplorer, node: tuple[str, str]) -> dict[str, int]:
    """The number of edges of a node by relation; those to people who are too few to be counted are
    left out."""
    index = graph.index
    number = index.space.find(*node)
    others, codes = index.whole.of(number)
    person = is_person(index, others)
    if not graph.people.counts(int(person.sum())):
        codes = codes[~person]
    kinds, counts = np.unique(np.asarray(codes) >> 1, return_counts=True)
    return {
        str(index.relation(int(kind) << 1)): int(count)
        for kind, count in zip(kinds.tolist(), counts.tolist(), strict=True)
    }
