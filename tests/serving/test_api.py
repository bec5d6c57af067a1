"""The answers of the service are those of Python, and its errors say the cure."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from kgrec import Recommender, show_people
from tests.serving.running import Reply, Running


@pytest.fixture(scope="module")
def model(saved: Path) -> Recommender:
    return Recommender.load(saved)


def _problem(reply: Reply, status: int, code: str) -> str:
    assert (reply.status, reply.json["code"]) == (status, code), reply.content
    assert reply.headers["content-type"] == "application/problem+json"
    assert reply.json["instance"] == reply.headers["x-request-id"]
    return str(reply.json["detail"])


@pytest.mark.parametrize(
    "asked",
    [
        {"k": 5},
        {"k": 3, "exclude_seen": False},
        {"k": 40},
        {"k": 4, "candidates": ["i1", "i2", "i3", "i5"]},
        {"k": 4, "exclude": ["i1", "i2"]},
        {"k": 4, "horizon": "later"},
    ],
)
def test_lists_are_those_of_recommend(
    service: Running, model: Recommender, asked: dict[str, object]
) -> None:
    reply = service.post("/v1/recommend", {"user": "u1", **asked}).json
    frame = model.recommend(["u1"], **asked)  # type: ignore[arg-type]
    assert [item["id"] for item in reply["items"]] == frame["item_id"].tolist()
    assert [item["score"] for item in reply["items"]] == frame["score"].tolist()
    assert [item["rank"] for item in reply["items"]] == frame["rank"].tolist()


def test_a_typed_history_needs_no_user(service: Running, model: Recommender) -> None:
    reply = service.post("/v1/recommend", {"history": ["i1", "i4"], "k": 3}).json
    expected = model.recommend(histories=[["i1", "i4"]], k=3)["item_id"].tolist()
    assert [item["id"] for item in reply["items"]] == expected
    timed = [{"item": "i4", "timestamp": 20}, {"item": "i1", "timestamp": 10}]
    reply = service.post("/v1/recommend", {"history": timed, "k": 3}).json
    expected = model.recommend(histories=[[("i4", 20), ("i1", 10)]], k=3)["item_id"].tolist()
    assert [item["id"] for item in reply["items"]] == expected


def test_ranges_of_json_are_ranges(service: Running, model: Recommender) -> None:
    column = next(
        str(name)
        for name in model.snapshot.items.attributes
        if model.snapshot.items.attributes[name].dtype.kind in "if"
    )
    middle = float(model.snapshot.items.attributes[column].median())
    for given, where in (
        ({"min": middle}, (middle, None)),
        ({"max": middle}, (None, middle)),
        ({"not": {"min": middle}}, {"not": (middle, None)}),
    ):
        reply = service.post(
            "/v1/recommend", {"user": "u1", "k": 3, "where": {column: given}, "fields": [column]}
        ).json
        expected = model.recommend(["u1"], k=3, where={column: where})["item_id"].tolist()
        assert [item["id"] for item in reply["items"]] == expected
        assert all(column in item["fields"] for item in reply["items"])


def test_pages_repeat_nothing(service: Running, model: Recommender) -> None:
    first = service.post("/v1/recommend", {"user": "u2", "k": 4}).json
    pages = [first]
    for k in (3, None, 2):
        asked = {"list_id": first["list_id"]} | ({} if k is None else {"k": k})
        pages.append(service.post("/v1/recommend/next", asked).json)
    ids = [item["id"] for page in pages for item in page["items"]]
    assert ids == model.recommend(["u2"], k=13)["item_id"].tolist()
    ranks = [item["rank"] for page in pages for item in page["items"]]
    assert ranks == list(range(1, 14))
    _problem(service.post("/v1/recommend/next", {"list_id": "x"}), 404, "unknown_list")


def test_a_batch_answers_for_those_it_knows(service: Running, model: Recommender) -> None:
    reply = service.post("/v1/recommend/batch", {"users": ["u1", "nobody", "u3"], "k": 3}).json
    assert [one["user"] for one in reply["results"]] == ["u1", "u3"]
    frame = model.recommend(["u1", "u3"], k=3)
    ids = [item["id"] for one in reply["results"] for item in one["items"]]
    assert ids == frame["item_id"].tolist()
    assert [(error["index"], error["code"]) for error in reply["errors"]] == [(1, "unknown_user")]


def test_a_stranger_gets_a_list_and_is_called_cold(service: Running) -> None:
    reply = service.post("/v1/recommend", {"user": "stranger", "k": 3}).json
    assert reply["cold"]
    assert len(reply["items"]) == 3
    strict = {"user": "stranger", "strict": True}
    _problem(service.post("/v1/recommend", strict), 404, "unknown_user")
    assert "cold" not in service.post("/v1/recommend", {"user": "u1"}).json


def test_similar_and_search_and_score(service: Running, model: Recommender) -> None:
    reply = service.post("/v1/similar", {"items": ["i1", "i2"], "k": 3}).json
    frame = model.similar(["i1", "i2"], k=3)
    ids = [item["id"] for one in reply["results"] for item in one["items"]]
    assert ids == frame["similar_id"].tolist()
    title = str(model.snapshot.items.attributes["title"].iloc[0])
    found = service.post("/v1/search", {"text": title, "k": 3}).json["items"]
    assert [one["id"] for one in found] == model.search(title, k=3)["item_id"].tolist()
    pairs = [{"user": "u1", "item": "i2"}, {"user": "u2", "item": "i3"}]
    scores = service.post("/v1/score", {"pairs": pairs}).json["scores"]
    expected = model.score([("u1", "i2"), ("u2", "i3")])["score"].tolist()
    assert [row["score"] for row in scores] == expected


def test_explanations_add_up_and_name_no_other_person(service: Running, model: Recommender) -> None:
    item = model.recommend(["u1"], k=1)["item_id"].iloc[0]
    answer = service.post("/v1/explain", {"user": "u1", "item": item, "k": 10}).json["answer"]
    expected = model.explain("u1", item, k=10)
    assert answer["score"] == pytest.approx(expected.score)
    total = sum(path["contribution"] for path in answer["paths"])
    whole = answer["baseline"] + total + answer["not_shown"] + answer["rest"]
    assert whole == pytest.approx(answer["score"], abs=1e-4)
    operator = show_people(model).explain("u1", item, k=10)
    assert any("User" in str(path.nodes[2:]) for path in operator.paths)
    _check_private(answer, "u1")
    shown = service.post("/v1/explain?people=true", {"user": "u1", "item": item, "k": 10}).json
    assert shown["answer"]["paths"] == operator.to_dict()["paths"]


@pytest.mark.parametrize(
    ("path", "asked"),
    [
        ("/v1/counterfactual", {}),
        ("/v1/counterfactual", {"add": True}),
        ("/v1/why-not", {}),
        ("/v1/compare", {"other": "i7"}),
    ],
)
def test_other_questions(service: Running, path: str, asked: dict[str, object]) -> None:
    reply = service.post(path, {"user": "u1", "item": "i5", "k": 5, **asked})
    assert reply.status == 200, reply.content
    _check_private(reply.json["answer"], "u1")


def _check_private(answer: object, asker: str) -> None:
    """No node of another user is left in an answer."""
    if isinstance(answer, list):
        for part in answer:
            _check_private(part, asker)
    if isinstance(answer, dict):
        if answer.get("label") == "User":
            assert answer["id"] in (asker, None, "")
        for part in answer.values():
            _check_private(part, asker)
        assert not [value for value in answer.get("parameters", {}).values() if _is_other(value)]


def _is_other(value: object) -> bool:
    return isinstance(value, str) and value.startswith("u") and value != "u1"


def test_reasons_come_with_a_list(service: Running) -> None:
    items = service.post("/v1/recommend", {"user": "u1", "k": 4, "explain": 2}).json["items"]
    assert ["why" in item for item in items] == [True, True, False, False]


def test_people_are_shown_to_the_operator_alone(service: Running) -> None:
    edges = service.get("/v1/graph/nodes/Item/i1/neighbours?limit=200").json["edges"]
    assert "User" not in {edge["label"] for edge in edges}
    (people,) = (edge for edge in edges if edge["label"] == "People")
    assert re.fullmatch(r"\d+ people", people["name"])
    edges = service.get("/v1/graph/nodes/Item/i1/neighbours?limit=200&people=true").json["edges"]
    assert "User" in {edge["label"] for edge in edges}
    _problem(service.get("/v1/graph/nodes/User/u1"), 403, "person")


def test_neighbours_come_page_by_page(service: Running, model: Recommender) -> None:
    seen, cursor = [], ""
    while True:
        path = f"/v1/graph/nodes/Item/i1/neighbours?limit=3&people=true{cursor}"
        page = service.get(path).json
        seen += [(edge["relation"], edge["label"], edge["id"]) for edge in page["edges"]]
        if "next" not in page:
            break
        cursor = f"&cursor={page['next']}"
    frame = show_people(model).graph.neighbours("Item:i1", k=10_000)
    expected = zip(frame["relation"], frame["label"], frame["id"], strict=True)
    assert seen == list(expected)
    assert page["total"] == len(seen)
    counts = service.get("/v1/graph/nodes/Item/i1").json["counts"]
    assert sum(counts.values()) == len(seen)


def test_paths_and_parts_of_the_graph(service: Running, model: Recommender) -> None:
    asked = {"source": "Item:i1", "target": "Item:i5", "k": 5}
    paths = service.post("/v1/graph/paths", asked).json["paths"]
    assert len(paths) == len(model.graph.paths("Item:i1", "Item:i5", k=5))
    part = service.post("/v1/graph/subgraph", {"nodes": ["Item:i1"], "hops": 1}).json
    assert ["Item", "i1"] in [[node["label"], node["id"]] for node in part["nodes"]]
    assert {node["label"] for node in part["nodes"]} & {"User"} == set()


def test_nodes_are_found_by_a_part_of_their_names(service: Running, model: Recommender) -> None:
    title = str(model.snapshot.items.attributes["title"].iloc[3])
    nodes = service.get(f"/v1/graph/nodes?q={title[:5].upper().replace(' ', '%20')}").json["nodes"]
    assert title in [node["name"] for node in nodes]
    _problem(service.get("/v1/graph/nodes?q="), 422, "invalid_parameter")


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, "not_json"),
        (b"{", 400, "not_json"),
        (b"[]", 422, "invalid_body"),
        (b'{"user": "u1", "kk": 3}', 422, "invalid_body"),
        (b'{"user": "u1", "k": 0}', 422, "invalid_body"),
        (b'{"user": "u1", "k": 1000000000}', 422, "invalid_body"),
        (b'{"user": "u1", "k": NaN}', 400, "not_json"),
        (b'{"user": "u1", "k": 1e308}', 422, "invalid_body"),
        (b'{"user": "\\ud800"}', 400, "not_json"),
        (b'{"user": "\xff"}', 400, "not_json"),
        (b'{"user": ""}', 422, "invalid_body"),
        (b'{"user": ["u1"]}', 422, "invalid_body"),
        (b"{}", 422, "nobody"),
        (b'{"user": "u1", "scenario": "none such"}', 422, "invalid_request"),
        (b'{"user": "u1", "where": {"none such": 1}}', 422, "invalid_request"),
        (b'{"user": "u1", "candidates": ["none such"]}', 422, "invalid_request"),
        (b'{"user": "u1", "fields": ["none such"]}', 422, "invalid_request"),
        (b'{"history": ["none such"]}', 422, "invalid_request"),
        (b'{"history": ["i1", {"item": "i2", "timestamp": 5}]}', 422, "invalid_request"),
        (b'{"user": "u1", "context": {"a": [1]}}', 422, "invalid_body"),
        (b'{"user": "u1", "where": ' + b"[" * 5_000 + b"]" * 5_000 + b"}", 422, "invalid_body"),
        (b'{"user": "u1", "where": {"a":' + b"[" * 9_000 + b"]" * 9_000 + b"}}", 400, "too_deep"),
    ],
    ids=str,
)
def test_bad_bodies_are_refused_in_words(
    service: Running, body: bytes, status: int, code: str
) -> None:
    assert _problem(service.post("/v1/recommend", body), status, code)


def test_an_error_points_at_its_place(service: Running) -> None:
    body = {"events": [{"user": "u1", "item": "i1"}, {"user": "u1", "item": 1.5}]}
    reply = service.post("/v1/events", body)
    _problem(reply, 422, "invalid_body")
    assert reply.json["errors"][0]["pointer"] == "/events/1/item"


def test_bodies_are_plain_json_of_a_limited_size(service: Running) -> None:
    body = b'{"user": "u1"}'
    reply = service.post("/v1/recommend", body, content_encoding="gzip")
    _problem(reply, 415, "encoded")
    reply = service.post("/v1/recommend", body, content_type="text/plain")
    _problem(reply, 415, "not_json")
    large = b'{"user": "' + b"x" * 1_000_001 + b'"}'
    _problem(service.post("/v1/recommend", large), 413, "too_large")


def test_routes_and_methods(service: Running) -> None:
    _problem(service.get("/v1/nothing"), 404, "unknown_route")
    _problem(service.get("/v1/recommend"), 405, "wrong_method")
    _problem(service.get("/v1/users/u1/events?limit=0"), 422, "invalid_parameter")
    _problem(service.get("/v1/users/u1/events?offset=1"), 422, "unknown_parameter")
    _problem(service.get("/v1/users/u1/events?cursor=x"), 422, "invalid_cursor")
    _problem(service.get("/v1/users/nobody/events"), 404, "unknown_user")
    _problem(service.get("/v1/items/nothing"), 404, "unknown_node")


def test_only_this_machine_is_served_without_keys(service: Running) -> None:
    """A page of another site that a browser was led here by its name gets nothing."""
    reply = service.get("/v1/status", host="evil.example")
    _problem(reply, 403, "foreign_host")
    assert service.get("/v1/status", host="localhost:99").status == 200
    assert service.get("/health/live", host="evil.example").status == 200


def test_request_ids_are_kept_and_made(service: Running) -> None:
    assert service.get("/v1/status", x_request_id="mine-7").headers["x-request-id"] == "mine-7"
    made = service.get("/v1/status", x_request_id="x" * 500).headers["x-request-id"]
    assert made != service.get("/v1/status").headers["x-request-id"]
    assert len(made) == 16


def test_the_description_has_every_route(service: Running) -> None:
    described = service.get("/openapi.json").json
    assert described["openapi"] == "3.1.0"
    assert {"/v1/recommend", "/v1/events", "/v1/explain", "/health/ready"} <= set(
        described["paths"]
    )
    operations = [one for path in described["paths"].values() for one in path.values()]
    names = [one["operationId"] for one in operations]
    assert len(names) == len(set(names))
    assert all(one["summary"] for one in operations)
    references = set(json.dumps(described).split('"$ref": "#/components/schemas/')[1:])
    known = set(described["components"]["schemas"])
    assert {reference.partition('"')[0] for reference in references} <= known


def test_metrics_count_all_statuses(service: Running) -> None:
    service.post("/v1/recommend", {"user": "u1", "k": 0})
    text = service.get("/metrics").content.decode()
    line = 'kgrec_requests_total{method="POST",route="/v1/recommend",status="422"}'
    assert line in text
    assert 'kgrec_model_info{model="model"} 1.0' in text
    assert "u1" not in text


def test_status_and_health(service: Running, model: Recommender) -> None:
    assert service.get("/health/live").json == {"status": "live"}
    assert service.get("/health/ready").json == {"status": "ready"}
    status = service.get("/v1/status").json
    assert status["items"] == len(model.snapshot.items)
    assert status["model"] == "model"
    settings = service.get("/v1/models/model").json["settings"]
    assert settings["training"] == model.state.config.training.model_dump(mode="json")
