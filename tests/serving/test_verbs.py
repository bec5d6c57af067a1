"""Questions, people, rules, measures and explored lists over HTTP are those of Python."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from kgrec import Recommender
from kgrec.rules import RuleFolder
from kgrec.serving.registry import Root
from tests.cli.conftest import kgrec_json
from tests.serving.running import Running, running

_RULES = """[[rule]]
name = "no i1"
effect = "never"
items = "i1"

[[rule]]
name = "look at i2"
effect = "hold"
items = "i2"
"""


@pytest.fixture(scope="module")
def model(saved: Path) -> Recommender:
    return Recommender.load(saved)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory, saved: Path) -> Path:
    """The folder of a service whose model the tests may change."""
    made = Root.open(tmp_path_factory.mktemp("verbs") / "service")
    shutil.copytree(saved, made.new_folder("a"))
    made.add("a", made.new_folder("a"))
    made.activate("a", "test")
    return made.folder


@pytest.fixture(scope="module")
def changing(root: Path) -> Iterator[Running]:
    with running("--root", root) as found:
        yield found


def test_questions_and_the_list_from_answers(service: Running, model: Recommender) -> None:
    said = {"i1": "yes", "i2": "no", "i3": "unknown"}
    rows = service.post("/v1/ask", {"answers": said, "k": 3, "about": "both"}).json["rows"]
    expected = model.ask(3, said, about="both")
    assert [row["id"] for row in rows] == expected["id"].tolist()
    assert [row["gain"] for row in rows] == expected["gain"].tolist()
    reply = service.post("/v1/recommend", {"answers": said, "k": 4, "explain": 1}).json
    listed = model.recommend(answers=said, k=4)
    assert [item["id"] for item in reply["items"]] == listed["item_id"].tolist()
    assert reply["items"][0]["why"]
    asked = {"answers": said, "item": reply["items"][0]["id"]}
    answer = service.post("/v1/explain", asked).json["answer"]
    expected_score = model.explain_answers(said, asked["item"]).score
    assert answer["score"] == pytest.approx(expected_score)


@pytest.mark.parametrize("other", [{"user": "u1"}, {"history": ["i1"]}, {"explore": 0.1}])
def test_answers_stand_alone(service: Running, other: dict[str, object]) -> None:
    reply = service.post("/v1/recommend", {"answers": {"i1": "yes"}, **other})
    assert (reply.status, reply.json["code"]) == (422, "invalid_request")
    assert next(iter(other)) in reply.json["detail"]


def test_the_measures_are_those_of_python(service: Running, model: Recommender) -> None:
    rows = service.post("/v1/unsure", {"of": "items", "k": 3}).json["rows"]
    assert [row["id"] for row in rows] == model.unsure("items", 3)["id"].tolist()
    rows = service.post("/v1/importance", {"users": 5, "k": 3}).json["rows"]
    expected = model.importance(users=5, k=3)
    assert [row["mean"] for row in rows] == pytest.approx(expected["mean"].tolist())
    answer = service.post("/v1/vectors", {"ids": ["i1", "i2"]}).json
    assert answer["vectors"] == model.vectors("item", ["i1", "i2"]).vectors.tolist()
    rows = service.post("/v1/recognise", {"user": "u1"}).json["rows"]
    assert [row["scenario"] for row in rows] == [
        None if one is None else one for one in model.recognise(["u1"])["scenario"]
    ]


def test_people_are_answers_where_they_are_asked_for(service: Running, model: Recommender) -> None:
    for path, body in (
        ("/v1/recommend/users", {"items": ["i1"], "k": 3}),
        ("/v1/similar/users", {"user": "u1", "k": 3}),
        ("/v1/unsure", {"of": "users"}),
        ("/v1/vectors", {"ids": ["u1"], "kind": "user"}),
        ("/v1/words", {"user": "u1", "item": "i1", "source": "reviews"}),
    ):
        reply = service.post(path, body)
        assert (reply.status, reply.json["code"]) == (403, "person"), path
    rows = service.post("/v1/recommend/users?people=true", {"items": ["i1"], "k": 3}).json["rows"]
    assert [row["user_id"] for row in rows] == model.recommend_users("i1", 3)["user_id"].tolist()
    rows = service.post("/v1/similar/users?people=true", {"user": "u1", "k": 3}).json["rows"]
    assert [row["similar_id"] for row in rows] == model.similar_users("u1", 3)[
        "similar_id"
    ].tolist()


def test_whom_to_follow_comes_with_reasons(service: Running, model: Recommender) -> None:
    rows = service.post("/v1/follow", {"user": "u1", "k": 3}).json["rows"]
    expected = model.recommend("u1", target="users", k=3)
    assert [row["recommended_id"] for row in rows] == expected["recommended_id"].tolist()
    other = rows[0]["recommended_id"]
    answer = service.post("/v1/follow/explain", {"user": "u1", "other": other}).json["answer"]
    assert answer["score"] == pytest.approx(model.explain_user("u1", other).score)


def test_explored_lists_are_logged_with_probabilities(
    changing: Running, root: Path, tmp_path: Path
) -> None:
    shown = 0
    for user in ("u1", "u2", "u3", "u4"):
        reply = changing.post("/v1/recommend", {"user": user, "k": 5, "explore": 0.5}).json
        assert all(0 < item["probability"] <= 1 for item in reply["items"])
        ids = [item["id"] for item in reply["items"][:4]]
        changing.post("/v1/impressions", {"list_id": reply["list_id"], "items": ids})
        event = {"user": user, "item": ids[2], "list_id": reply["list_id"], "event": "buy"}
        changing.post("/v1/events", {"events": [event]})
        page = changing.post("/v1/recommend/next", {"list_id": reply["list_id"]}).json
        assert not any("probability" in item for item in page["items"])
        shown += len(ids)
    plain = changing.post("/v1/recommend", {"user": "u1", "k": 2}).json
    changing.post("/v1/impressions", {"list_id": plain["list_id"], "items": ["i1"]})
    file = tmp_path / "shown.parquet"
    done = kgrec_json("models", "feedback-log", file, "--root", root, "--event", "buy", "--json")
    assert done == {"places": shown, "rewards": 4.0}
    none = kgrec_json("models", "feedback-log", file, "--root", root, "--event", "view", "--json")
    assert none["rewards"] == 0.0


def test_events_since_the_fold_have_kind_and_rating(service: Running) -> None:
    event = {"user": "rater", "item": "i1", "event": "buy", "rating": 4.5}
    service.post("/v1/events", {"events": [event]})
    [row] = service.get("/v1/users/rater/events").json["events"]
    assert (row["event"], row["rating"]) == ("buy", 4.5)


def test_rules_are_set_decided_and_outlive_a_fold(changing: Running, root: Path) -> None:
    wanted = ["i1", "i2"]
    before = changing.items("u1", candidates=wanted, exclude_seen=False)
    assert sorted(before) == wanted
    wrong = changing.ask("PUT", "/v1/rules", {"toml": _RULES.replace('"i1"', '"nothing"')})
    assert (wrong.status, wrong.json["code"]) == (422, "invalid_request")
    assert changing.get("/v1/rules").json["toml"] == ""
    done = changing.ask("PUT", "/v1/rules", {"toml": _RULES, "reason": "season"}).json
    assert done["toml"] == _RULES
    refused = changing.post("/v1/recommend", {"user": "u1", "candidates": wanted})
    assert refused.status == 422 or not refused.json["items"]
    rows = changing.post("/v1/rules/effects", {"user": "nobody yet", "k": 40}).json["rows"]
    assert {row["rule"] for row in rows} >= {"no i1", "look at i2"}
    asked = {"user": "nobody yet", "k": 40}
    waiting = changing.post("/v1/rules/held?people=true", asked).json["rows"]
    assert {row["item_id"] for row in waiting} == {"i2"}
    hidden = changing.get("/v1/rules/held").json["rows"]
    assert [(row["rule"], row["item_id"]) for row in hidden] == [("look at i2", "i2")]
    assert "user_id" not in hidden[0]
    decision = {"rule": "look at i2", "item": "i2", "approve": True, "reason": "checked"}
    decided = changing.post("/v1/rules/decide", decision).json
    assert decided["hash"] != done["hash"]
    assert changing.items("u1", candidates=wanted, exclude_seen=False) == ["i2"]
    again = changing.post("/v1/rules/decide", decision)
    assert again.status == 422
    changing.ask("PUT", "/v1/items/new1", {"attributes": {"title": "New"}})
    job = changing.ended(changing.post("/v1/jobs", {"kind": "fold"}).json)
    assert job["state"] == "done", job
    assert changing.get("/v1/rules").json["hash"] == decided["hash"]
    assert changing.items("u1", candidates=wanted, exclude_seen=False) == ["i2"]
    entry = Root.open(root).read().entry(job["model"])
    log = RuleFolder(Root.open(root).folder_of(entry)).log
    assert [one.author for one in log.entries] == ["local", "local"]
