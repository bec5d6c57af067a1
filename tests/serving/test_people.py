"""Whom the service names: nobody but the one who asks, unless the operator wants it."""

from __future__ import annotations

import re

import pytest

from tests.serving.running import Running

USER = re.compile(rb"\bu\d+\b")
ASKERS = ("u1", "u7", "u12")
QUESTIONS = (
    ("/v1/recommend", {"k": 5, "explain": 5}),
    ("/v1/explain", {"item": "i5", "k": 20}),
    ("/v1/explain", {"item": "i9", "k": 20, "language": "de"}),
    ("/v1/explain", {"item": "i5", "k": 20, "relations": ["INTERACTED"]}),
    ("/v1/counterfactual", {"item": "i5"}),
    ("/v1/counterfactual", {"item": "i5", "add": True}),
    ("/v1/why-not", {"item": "i5", "k": 3}),
    ("/v1/compare", {"item": "i5", "other": "i7"}),
    ("/v1/search", {"text": "tale"}),
    ("/v1/recognise", {}),
)
GRAPH = (
    ("GET", "/v1/graph/nodes/Item/i1", None),
    ("GET", "/v1/graph/nodes/Item/i1/neighbours?limit=200", None),
    ("GET", "/v1/graph/nodes/Entity/e1/neighbours", None),
    ("POST", "/v1/graph/paths", {"source": "Item:i1", "target": "Item:i5", "k": 20}),
    ("POST", "/v1/graph/subgraph", {"nodes": ["Item:i1"], "hops": 2, "max_nodes": 200}),
    ("GET", "/v1/graph/nodes?q=u", None),
)


@pytest.mark.parametrize("asker", ASKERS)
@pytest.mark.parametrize(("path", "body"), QUESTIONS)
def test_answers_name_the_asker_alone(
    service: Running, asker: str, path: str, body: dict[str, object]
) -> None:
    reply = service.post(path, {"user": asker, **body})
    assert reply.status == 200, reply.content
    assert set(USER.findall(reply.content)) <= {asker.encode()}


@pytest.mark.parametrize(("method", "path", "body"), GRAPH)
def test_the_graph_names_nobody(
    service: Running, method: str, path: str, body: dict[str, object] | None
) -> None:
    reply = service.get(path) if method == "GET" else service.post(path, body)
    assert reply.status == 200, reply.content
    assert USER.findall(reply.content) == []


def test_the_operator_sees_them(service: Running) -> None:
    asked = {"user": "u1", "item": "i5", "k": 20}
    assert len(set(USER.findall(service.post("/v1/explain?people=true", asked).content))) > 1
    for _, path, body in GRAPH[1:5]:
        more = f"{path}{'&' if '?' in path else '?'}people=true"
        reply = service.get(more) if body is None else service.post(more, body)
        assert reply.status == 200, reply.content
    assert USER.findall(reply.content)


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/v1/graph/paths", {"source": "User:u1", "target": "Item:i5"}, 403),
        ("/v1/graph/subgraph", {"nodes": ["User:u1"]}, 403),
        ("/v1/graph/paths", {"source": "Item:i1", "target": "Item:i5", "via": ["User:u3"]}, 422),
        ("/v1/explain", {"user": "u1", "item": "i5", "via": ["User:u3"]}, 422),
        ("/v1/explain", {"user": "u1", "item": "i5", "avoid": ["User:u3"]}, 422),
    ],
)
def test_others_can_not_be_asked_about(
    service: Running, path: str, body: dict[str, object], status: int
) -> None:
    reply = service.post(path, body)
    assert reply.status == status, reply.content
    assert b"u3" not in reply.content
    assert service.post(f"{path}?people=true", body).status == 200
