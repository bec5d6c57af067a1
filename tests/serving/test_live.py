"""Events count at once, models change without a gap, and the graph follows the log."""

from __future__ import annotations

import json
import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from graph_schema import Catalog
from kgrec import FeedbackConfig, Recommender
from kgrec.serving.config import ServiceConfig
from kgrec.serving.live_graph import RecentIds
from kgrec.serving.registry import Root
from tests.recommender import catalogs
from tests.serving.running import Running, new_root, running, running_here, until

LATE = 1_600_000_000


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory, saved: Path) -> Path:
    """The folder of a service with two models, "a" and "b", of which "a" answers."""
    return _root(tmp_path_factory.mktemp("changing") / "service", saved)


def _root(folder: Path, saved: Path) -> Path:
    made = Root.open(folder)
    for name in ("a", "b"):
        shutil.copytree(saved, made.new_folder(name))
        made.add(name, made.new_folder(name))
    made.activate("a", "test")
    return made.folder


@pytest.fixture(scope="module")
def changing(root: Path) -> Iterator[Running]:
    """A service for tests that change its model; each ends with "a" as the one that answers."""
    with running("--root", root) as service:
        yield service


def _events(*events: tuple[str, str]) -> dict[str, object]:
    return {"events": [{"user": user, "item": item, "timestamp": LATE} for user, item in events]}


def test_every_event_is_in_the_very_next_answer(service: Running) -> None:
    for place in range(20):
        user = f"probe{place}"
        first = service.items(user, k=1)[0]
        reply = service.post("/v1/events", _events((user, first)))
        assert (reply.status, reply.json["accepted"]) == (202, 1)
        assert first not in service.items(user, k=40)
        assert not service.post("/v1/recommend", {"user": user}).json.get("cold")


def test_an_event_with_an_id_counts_once(service: Running) -> None:
    event = {"id": "order-1", "user": "twice", "item": "i1"}
    first = service.post("/v1/events", {"events": [event, event]}).json
    assert (first["accepted"], first["duplicate"]) == (1, 1)
    again = service.post("/v1/events", {"events": [event]}).json
    assert (again["accepted"], again["duplicate"]) == (0, 1)
    assert service.get("/v1/users/twice/events").json["total"] == 1
    other = {"events": [{"user": "twice", "item": "i2"}]}
    for _ in range(2):
        service.post("/v1/events", other, idempotency_key="retry-7")
    assert service.get("/v1/users/twice/events").json["total"] == 2


def test_posts_of_one_id_at_the_same_time_count_once(service: Running) -> None:
    body = {"events": [{"id": "same", "user": "many", "item": "i1"}]}
    replies = []

    def post() -> None:
        replies.append(service.post("/v1/events", body).json["accepted"])

    threads = [threading.Thread(target=post) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(replies) == 1
    assert service.get("/v1/users/many/events").json["total"] == 1


def test_an_event_can_be_taken_back(service: Running) -> None:
    service.post("/v1/events", {"events": [{"id": "wrong", "user": "regret", "item": "i1"}]})
    assert service.ask("DELETE", "/v1/events/wrong").json["accepted"] == 1
    assert service.ask("DELETE", "/v1/events/wrong").json["duplicate"] == 1
    assert service.post("/v1/recommend", {"user": "regret"}).json["cold"]
    assert service.ask("DELETE", "/v1/events/never").status == 404


def test_single_events_are_refused_beside_others(service: Running) -> None:
    future = int(time.time()) + 10**6
    events = [
        {"user": "some", "item": "i1"},
        {"user": "some", "item": "nothing"},
        {"user": "some", "item": "i2", "timestamp": future},
        {"user": "some", "item": "i3", "timestamp": -5},
    ]
    reply = service.post("/v1/events", {"events": events, "missing": "reject"}).json
    assert reply["accepted"] == 2
    assert [(one["index"], one["code"]) for one in reply["rejected"]] == [
        (1, "unknown_item"),
        (2, "from_the_future"),
    ]
    assert service.get("/v1/users/some/events").json["total"] == 2


def test_histories_are_paged_the_latest_first(service: Running) -> None:
    seen, cursor = [], ""
    while True:
        page = service.get(f"/v1/users/u7/events?limit=3{cursor}").json
        seen += page["events"]
        if "next" not in page:
            break
        cursor = f"&cursor={page['next']}"
    assert len(seen) == page["total"] == 9  # its tenth event is held out for testing
    times = [event["timestamp"] for event in seen]
    assert times == sorted(times, reverse=True)


def test_arriving_events_are_judged_by_the_list_of_before(service: Running) -> None:
    def evaluated() -> int:
        return int(service.get("/v1/drift").json["evaluated"])

    before, end = evaluated(), time.monotonic() + 30
    assert service.post("/v1/events", _events(("drifting", "i3"))).status == 202
    while evaluated() == before and time.monotonic() < end:
        time.sleep(0.05)
        service.post("/v1/events", _events((f"drifting{time.monotonic()}", "i3")))
    said = service.get("/v1/drift").json
    assert said["evaluated"] > before
    assert said["streams"][0]["name"] == "all events"
    assert 0 <= said["streams"][0]["gain"] <= 1
    assert said["alarms"] == []
    assert b'kgrec_drift_gain{stream="all events"}' in service.get("/metrics").content
    assert "drift" not in service.get("/v1/status").json, "left out without alarms"


def test_a_damaged_model_changes_nothing(changing: Running, root: Path) -> None:
    damaged = Root.open(root).new_folder("damaged")
    shutil.copytree(root / "models" / "b", damaged)
    (damaged / "model.safetensors").write_bytes(b"\0" * 100)
    Root.open(root).add("damaged", damaged)
    reply = changing.post("/v1/models/damaged/activate", {})
    assert (reply.status, reply.json["code"]) == (422, "invalid_request")
    assert changing.get("/v1/status").json["model"] == "a"
    assert changing.get("/v1/models").json["active"] == "a"
    assert changing.post("/v1/models/nothing/activate", {}).status == 404
    reply = changing.post("/v1/models/b/activate", {"if_current": "b"})
    assert (reply.status, reply.json["code"]) == (409, "changed")


def test_a_model_changes_while_others_ask(changing: Running) -> None:
    """No request fails or waits for it, and events before and during the change count."""
    changing.post("/v1/events", _events(("mover", "i1")))
    failed, stop = [], threading.Event()

    def ask() -> None:
        while not stop.is_set():
            reply = changing.post("/v1/recommend", {"user": "mover", "k": 40})
            if reply.status != 200 or "i1" in [item["id"] for item in reply.json["items"]]:
                failed.append(reply)

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    for name in ("b", "a", "b", "a"):
        reply = changing.post(f"/v1/models/{name}/activate", {"reason": "try"})
        assert (reply.status, reply.json["name"]) == (200, name)
    changing.post("/v1/events", _events(("mover", "i2")))
    stop.set()
    for thread in threads:
        thread.join()
    assert failed == []
    assert {"i1", "i2"} & set(changing.items("mover", k=40)) == set()
    history = changing.get("/v1/models/history").json["history"]
    changes = [(one.get("before"), one["name"], one["who"]) for one in history]
    assert changes[:2] == [("b", "a", "local"), ("a", "b", "local")]


def test_a_service_follows_the_registry(changing: Running, root: Path) -> None:
    Root.open(root).activate("b", "somebody else")
    for _ in range(100):
        if changing.get("/v1/status").json["model"] == "b":
            break
        time.sleep(0.1)
    else:
        raise AssertionError("the service did not follow")
    assert changing.post("/v1/models/rollback", {}).json["name"] == "a"


def test_a_removed_item_is_in_no_list_from_now_on(changing: Running) -> None:
    best = changing.items("u1", k=1)[0]
    reply = changing.ask("DELETE", f"/v1/items/{best}")
    assert (reply.status, reply.json["effective"]) == (200, "now")
    assert best not in changing.items("u1", k=40)
    assert best not in changing.items("stranger", k=40)
    batch = changing.post("/v1/recommend/batch", {"users": ["u1", "u5"], "k": 40}).json
    assert best not in json.dumps(batch)
    similar = changing.post("/v1/similar", {"items": ["i2"], "k": 40}).json
    assert best not in [one["id"] for one in similar["results"][0]["items"]]
    found = changing.post("/v1/search", {"text": "tale", "k": 100}).json
    assert best not in [one["id"] for one in found["items"]]
    assert changing.get(f"/v1/items/{best}").status == 404


def test_the_graph_follows_the_log(changing: Running, root: Path) -> None:
    """New nodes, facts, events and removals are part of the graph after a fold, wrong ones not."""
    changing.ask("PUT", "/v1/items/n1", {"attributes": {"title": "New tale", "year": 2020}})
    changing.ask("PUT", "/v1/items/n1", {"attributes": {"genres": "Drama"}})
    odd = {"attributes": {"title": "Odd", "year": "no number"}}
    refused = changing.ask("PUT", "/v1/items/n2", odd).json
    assert (refused["accepted"], refused["effective"]) == (0, "never")
    assert "no number" in refused["rejected"][0]["detail"]
    facts = {"facts": [{"head": "n1", "relation": "made_by", "tail": "e1"}]}
    assert changing.ask("PUT", "/v1/facts", facts).json["effective"] == "now"
    changing.post("/v1/events", _events(("fan", "n1"), ("fan", "i2"), ("u1", "n1")))
    changing.ask("DELETE", "/v1/users/u9")
    assert changing.get("/v1/items/n1").json["name"] == "New tale"
    job = changing.ended(changing.post("/v1/jobs", {"kind": "fold"}).json)
    assert job["state"] == "done", job
    assert "no number" in job["detail"]
    status = changing.get("/v1/status").json
    assert (status["live_events"], status["folded_until"]) == (0, status["log_records"])
    assert status["model"] == job["model"]
    attributes = changing.get("/v1/items/n1").json["attributes"]
    assert (attributes["title"], attributes["genres"], attributes["year"]) == (
        "New tale",
        "Drama",
        2020,
    )
    assert changing.get("/v1/graph/nodes/Item/n1").json["counts"] == {"made_by": 1}
    shown = changing.get("/v1/graph/nodes/Item/n1?people=true").json["counts"]
    assert shown == {"made_by": 1, "INTERACTED": 2}
    assert changing.get("/v1/users/fan/events").json["total"] == 2
    assert changing.get("/v1/users/u9/events").status == 404
    # A user's events after the fold come on top of it.
    changing.post("/v1/events", _events(("fan", "i5")))
    assert changing.get("/v1/users/fan/events").json["total"] == 3
    # The model before knows them from the log.
    assert changing.post("/v1/models/rollback", {}).json["name"] == "a"
    assert changing.get("/v1/users/fan/events").json["total"] == 3
    assert {"n1", "i2", "i5"} & set(changing.items("fan", k=40)) == set()


def test_a_new_item_is_in_all_answers_at_once(changing: Running, root: Path) -> None:
    """As soon as its facts are acknowledged, without a fold; the same in a model that is activated
    later."""
    tale = {"attributes": {"title": "Quite another story", "genres": "Drama"}}
    assert changing.ask("PUT", "/v1/items/n7", tale).json["effective"] == "now"
    rows = [{"head": "n7", "relation": "made_by", "tail": one} for one in ("e1", "e77")]
    assert changing.ask("PUT", "/v1/facts", {"facts": rows}).json["effective"] == "now"
    named = {"attributes": {"name": "Ute Neu"}}
    assert changing.ask("PUT", "/v1/entities/e77", named).json["effective"] == "now"
    assert _knows_new(changing)
    changing.post("/v1/events", _events(("fan", "n7")))
    assert (
        changing.get("/v1/users/fan/events").json["events"][0]["title"]
        == tale["attributes"]["title"]
    )
    assert "n7" not in changing.items("fan", k=40)
    changing.post("/v1/models/b/activate", {"reason": "try"})
    assert _knows_new(changing)
    changing.ask("PUT", "/v1/items/n7", {"attributes": {"title": "Renamed"}})
    found = changing.post("/v1/search", {"text": "renamed", "k": 5}).json["items"]
    assert found[0]["id"] == "n7"
    gone = {"facts": rows[:1]}
    assert changing.ask("DELETE", "/v1/facts", gone).json["effective"] == "now"
    assert changing.get("/v1/graph/nodes/Item/n7").json["counts"] == {"made_by": 1}
    changing.ask("DELETE", "/v1/items/n7")
    assert "n7" not in changing.items("u1", k=60)
    assert changing.get("/v1/items/n7").status == 404
    assert "unknown Item id" in changing.get("/v1/graph/nodes/Item/n7").json["detail"]


def _knows_new(service: Running) -> bool:
    """Whether the item n7 is in lists, similar items, search, explanations and the graph."""
    assert "n7" in service.items("u1", k=60)
    similar = service.post("/v1/similar", {"items": ["n7"], "k": 3}).json
    assert len(similar["results"][0]["items"]) == 3
    found = service.post("/v1/search", {"text": "Ute Neu", "k": 5}).json["items"]
    assert found[0]["id"] == "n7"
    paths = service.post("/v1/explain", {"user": "u1", "item": "n7", "k": 3})
    assert paths.status == 200, paths.json
    assert service.get("/v1/graph/nodes/Item/n7").json["counts"] == {"made_by": 2}
    return True


def test_events_count_by_their_kind(tmp_path: Path) -> None:
    """As in the model's settings; a kind without a weight is refused."""
    frames = catalogs.frames()
    frames["interactions"]["event"] = "buy"
    config = catalogs.config().model_copy(
        update={"feedback": FeedbackConfig(events={"buy": 1.0, "return": -1.0})}
    )
    model = Recommender(config).fit(Catalog.from_frames(**frames), effort="quick")
    model.save(tmp_path / "model")
    with running("--model", tmp_path / "model") as service:
        liked = {"user": "liker", "item": "i1", "event": "buy"}
        returned = {"user": "returner", "item": "i1", "event": "return"}
        odd = {"user": "liker", "item": "i2", "event": "glance"}
        reply = service.post("/v1/events", {"events": [liked, returned, odd]}).json
        assert (reply["accepted"], reply["rejected"][0]["code"]) == (2, "no_weight")
        lists = [
            {
                item["id"]: item["score"]
                for item in service.post("/v1/recommend", body).json["items"]
            }
            for body in ({"user": "liker", "k": 40}, {"user": "returner", "k": 40})
        ]
        alike = [f"i{number}" for number in range(5, 40, 4)]  # of the taste of i1
        assert sum(lists[0][item] for item in alike) > sum(lists[1][item] for item in alike)


def test_ids_are_remembered_for_seven_days() -> None:
    ids, day = RecentIds(), 86_400
    for number, received in enumerate((0, 4 * day, 5 * day, 5 * day), start=1):
        ids.add({"event_id": f"e{number}", "number": number, "received": received})
    ids.add({"number": 5, "received": 5 * day})  # without an id
    assert [ids.get(f"e{number}") for number in range(1, 6)] == [1, 2, 3, 4, None]
    ids.add({"event_id": "e3", "number": 9, "received": 7 * day})
    assert ids.get("e3") == 9
    ids.add({"event_id": "late", "number": 10, "received": 12 * day})
    known = ("e1", "e2", "e3", "e4", "late")
    assert [one in ids for one in known] == [False, False, True, True, True]
    ids.add({"event_id": "after the clock was set back", "number": 11, "received": 0})
    assert "after the clock was set back" in ids


def test_many_records_are_folded_by_themselves(tmp_path: Path, saved: Path) -> None:
    root = new_root(tmp_path / "service", saved)
    with running_here(root, ServiceConfig(fold_records=20)) as service:
        events = [{"id": f"e{n}", "user": "fan", "item": f"i{n}"} for n in range(25)]
        service.post("/v1/events", {"events": events[:19]})
        assert service.get("/v1/status").json["model"] == "a"
        service.post("/v1/events", {"events": events[19:]})
        status = until(
            lambda: (one := service.get("/v1/status").json)["folded_until"] == 25 and one,
            "the fold",
            300,
        )
        assert (status["model"], status["live_events"]) == ("a-fold25", 0)
        again = service.post("/v1/events", {"events": events}).json
        assert (again["accepted"], again["duplicate"]) == (0, 25)
