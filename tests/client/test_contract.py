"""The same questions asked in Python and of a running service have the same answers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

from kgrec import Constraints, Query, Recommender, why_model
from kgrec.client import AsyncClient, Client
from kgrec.client.clients import (
    _ExperimentVerbs,
    _GraphVerbs,
    _JobVerbs,
    _ModelVerbs,
    _NodeVerbs,
    _RuleVerbs,
    _Verbs,
)
from kgrec.client.exchange import Pause
from kgrec.errors import RequestError
from tests.serving.running import Running

Question = Callable[[Any], Any]
SAID = {"i1": "yes", "i2": "no", "i3": "unknown"}
PAIRS = [("u1", "i1"), ("u2", "i3")]

FRAMES: dict[str, Question] = {
    "one user": lambda m: m.recommend("u1", k=5),
    "several users": lambda m: m.recommend(["u1", "u2", "u3"], k=4),
    "users left out": lambda m: m.recommend(["u1", "nobody", "u2"], k=4, missing="ignore"),
    "seen items": lambda m: m.recommend(["u1"], k=6, exclude_seen=False),
    "candidates": lambda m: m.recommend("u1", candidates=["i1", "i2", "i3", "i5"]),
    "constraints": lambda m: m.recommend(
        "u1", k=4, constraints=Constraints(candidates=["i1", "i2", "i3", "i5"], exclude=["i3"])
    ),
    "later": lambda m: m.recommend("u2", k=3, horizon="later"),
    "histories": lambda m: m.recommend(histories=[["i1", "i4"], ["i2"]], k=3),
    "named histories": lambda m: m.recommend(histories={"guest": ["i1", "i4"]}, k=3),
    "timed histories": lambda m: m.recommend(histories=[[("i4", 20), ("i1", 10)]], k=3),
    "a query": lambda m: m.recommend(Query(users=["u1"], horizon="later"), k=3),
    "answers": lambda m: m.recommend(answers=SAID, k=4),
    "whom to follow": lambda m: m.recommend("u1", target="users", k=3),
    "similar": lambda m: m.similar(["i1", "i2"], k=4),
    "similar, excluded": lambda m: m.similar("i1", k=4, exclude=["i2"]),
    "search": lambda m: m.search("comedy", k=5),
    "score": lambda m: m.score(PAIRS),
    "score of a frame": lambda m: m.score(pd.DataFrame(PAIRS, columns=["user_id", "item_id"])),
    "users of items": lambda m: m.recommend_users(["i1", "i2"], 3),
    "similar users": lambda m: m.similar_users(["u1", "u2"], 3),
    "ask": lambda m: m.ask(3, SAID, about="both"),
    "unsure": lambda m: m.unsure("items", 3),
    "unsure of users": lambda m: m.unsure("users", 3),
    "recognise": lambda m: m.recognise(["u1", "u2"]),
    "importance": lambda m: m.importance("relation", users=5, k=3),
    "rule effects": lambda m: m.rule_effects(["u1", "u2"], 3),
    "neighbours": lambda m: m.graph.neighbours("Item:i1", k=5),
}

# Python scores these together and the client one by one: the last digit of float32 may differ.
NEARLY = {"histories", "rule effects"}

VALUES: dict[str, Question] = {
    "explain": lambda m: m.explain("u1", "i3", k=3),
    "explain, German": lambda m: m.explain("u1", "i3", k=3, max_hops=2, writer="de"),
    "explain a history": lambda m: m.explain("u1", "i3", history=["i1", "i4"]),
    "explain answers": lambda m: m.explain_answers(SAID, "i5"),
    "explain a user": lambda m: m.explain_user("u1", "u2"),
    "why not": lambda m: m.why_not("u1", "i3", k=2),
    "compare": lambda m: m.compare("u1", "i3", "i5"),
}


@pytest.mark.parametrize("name", FRAMES)
def test_frames_are_those_of_python(name: str, client: Client, model: Recommender) -> None:
    expected, found = FRAMES[name](model), FRAMES[name](client)
    assert len(expected)
    exact = name not in NEARLY
    pd.testing.assert_frame_equal(found, expected, check_exact=exact, rtol=1e-12 if exact else 1e-6)


@pytest.mark.parametrize("name", VALUES)
def test_explanations_are_those_of_python(name: str, client: Client, model: Recommender) -> None:
    expected, found = VALUES[name](model).to_dict(), VALUES[name](client)
    assert _rounded(found.to_dict()) == _rounded(expected)


def test_counterfactuals_are_those_of_python(client: Client, model: Recommender) -> None:
    best = model.recommend("u1", k=1)["item_id"][0]
    expected, found = (m.counterfactual("u1", best, k=3) for m in (model, client))
    assert found.pop("text") == str(expected)
    assert _rounded(found.to_dict()) == _rounded(expected.to_dict())


def test_the_graph_and_vectors_are_those_of_python(client: Client, model: Recommender) -> None:
    found = client.graph.paths("Item:i1", "Item:i3", k=3)
    assert [one.to_dict() for one in found] == [
        one.to_dict() for one in model.graph.paths("Item:i1", "Item:i3", k=3)
    ]
    assert client.graph.neighbours("Item:i1", k=2).attrs["total"] > 2
    part = client.graph.subgraph("Item:i1", max_nodes=5)
    assert len(part.nodes) == len(model.graph.subgraph("Item:i1", max_nodes=5))
    node = client.graph.node(("Item", "i1"))
    assert (node.label, node.id) == ("Item", "i1")
    assert set(client.graph.find(node.name[:3])["label"]) <= {"Item", "Entity"}
    expected = model.vectors("item", ["i1", "i2"]).to_frame().drop(columns="bias")
    pd.testing.assert_frame_equal(client.vectors("item", ["i1", "i2"]), expected)


def test_pages_go_on_and_reasons_come_with_lists(client: Client, model: Recommender) -> None:
    whole = model.recommend("u2", k=9)
    first = client.recommend("u2", k=4, explain=2)
    assert [bool(why) for why in first["why"]] == [True, True, False, False]
    second = client.next_page(first.attrs["list_id"], 5)
    assert [*first["item_id"], *second["item_id"]] == whole["item_id"].tolist()
    assert second["rank"].tolist() == [5, 6, 7, 8, 9]
    cold = client.recommend("never seen", k=3, missing="cold")
    assert len(cold) == 3
    assert cold.attrs["cold"]


def test_events_count_at_once_and_only_once(client: Client) -> None:
    before = client.recommend("buyer", k=3, missing="cold")
    events = [{"user": "buyer", "item": item, "event": "buy"} for item in before["item_id"]]
    first = client.add_events(events, key="order-1")
    again = client.add_events(events, key="order-1")
    assert (first.accepted, again.accepted, again.duplicate) == (3, 0, 3)
    history = client.events_of("buyer")
    assert sorted(history["item_id"]) == sorted(before["item_id"])
    assert set(history["event"]) == {"buy"}
    after = client.recommend("buyer", k=3)
    assert not set(after["item_id"]) & set(before["item_id"])
    frame = pd.DataFrame({"user_id": ["buyer"], "item_id": ["i1"], "id": ["e1"], "rating": [None]})
    assert client.add_events(frame).accepted == 1
    assert client.take_back("e1").accepted == 1
    refused = client.add_events([{"user": "a", "item": "unknown"}], missing="reject")
    assert [(one.index, one.code) for one in refused.rejected] == [(0, "unknown_item")]
    assert client.add_impressions(after.attrs["list_id"], ["i1"]).accepted == 1


def test_nodes_models_jobs_and_state(client: Client, model: Recommender) -> None:
    odd = "new/item ü?&{x}"
    assert client.nodes.put("items", odd, {"title": "New"}).accepted == 1
    assert client.nodes.get("items", odd).attributes.title == "New"
    fact = {"head": odd, "relation": "IN_GENRE", "tail": "e0"}
    assert client.nodes.put_facts([fact]).accepted == client.nodes.delete_facts([fact]).accepted
    assert client.nodes.delete("items", odd).effective == "now"
    active = client.models.all().active
    assert client.models.one(active).active
    found = [dict(one) for one in client.models.one(active).choices]
    assert found == list(why_model(model).to_dict()["choices"])
    assert client.status().model == active
    assert client.models.changes()[0].name == active
    assert client.jobs.all() == []
    assert client.ready()
    assert "kgrec_requests_total" in client.metrics()
    assert client.rules.read().rules == ()
    assert client.rules.held().empty
    assert client.call("GET", "/health/live") == {"status": "live"}


def test_unknown_users_are_the_errors_of_python(client: Client, model: Recommender) -> None:
    for asked in (["nobody"], ["u1", "nobody"]):
        for one in (model, client):
            with pytest.raises(RequestError, match="nobody"):
                one.recommend(asked)
    with pytest.raises(RequestError, match="function"):
        client.recommend("u1", where=lambda frame: frame)  # type: ignore[arg-type]


def test_the_async_client_answers_the_same(service: Running, client: Client) -> None:
    async def ask() -> tuple[pd.DataFrame, ...]:
        async with AsyncClient(f"http://127.0.0.1:{service.port}") as later:
            lists = [later.recommend(user, k=3) for user in ("u1", "u2", "u3")]
            with pytest.raises(RequestError, match="nobody"):
                await later.explain("nobody", "i1")
            edges = await later.graph.neighbours("Item:i1", k=3)
            return (*await asyncio.gather(*lists), edges)

    *lists, edges = asyncio.run(ask())
    for user, found in zip(("u1", "u2", "u3"), lists, strict=True):
        pd.testing.assert_frame_equal(found, client.recommend(user, k=3))
    pd.testing.assert_frame_equal(edges, client.graph.neighbours("Item:i1", k=3))


def test_every_route_that_is_asked_exists(service: Running) -> None:
    """The first request of each verb, with stand-in arguments, is one of the OpenAPI's."""
    paths = service.get("/openapi.json").json["paths"]
    parts = (
        *(_Verbs, _GraphVerbs, _NodeVerbs, _ModelVerbs, _JobVerbs),
        *(_RuleVerbs, _ExperimentVerbs),
    )
    given = {
        "users": "u1",
        "user": "u1",
        "histories": None,
        "pairs": PAIRS,
        "node": "Item:i1",
        "kind": "items",
        "events": [{}],
        "facts": [{}],
        "lines": [{}],
        "arms": {"a": 1.0},
        "attributes": {},
        "answers": SAID,
        "method": "GET",
        "path": "/health/live",
        "rules": "",
        "nodes": "Item:i1",
    }
    missing = []
    for part in parts:
        for name in vars(part):
            if name.startswith("_"):
                continue
            asked = _first(getattr(part, name), given)
            path = asked.path.replace("/v1/items/{id}", "/v1/{kind}/{id}")
            if asked.method.lower() not in paths.get(path, {}):
                missing.append((name, asked.method, path))
    assert missing == []


def _first(verb: Any, given: dict[str, Any]) -> Any:
    import inspect

    names = [
        name
        for name, one in inspect.signature(verb).parameters.items()
        if one.default is inspect.Parameter.empty or name in ("users", "user")
    ]
    steps = verb(**{name: given.get(name, "i1") for name in names})
    first = next(steps)
    assert not isinstance(first, Pause)
    return first


def _rounded(value: Any) -> Any:
    """Floats to nine digits: two processes may add in another order."""
    if isinstance(value, float):
        return float(f"{value:.9g}")
    if isinstance(value, dict):
        return {str(name): _rounded(part) for name, part in value.items()}
    return [_rounded(part) for part in value] if isinstance(value, list | tuple) else value
