"""People leave the log and all models of a service, while it runs or not, and stay out."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from graph_schema.disk.locks import held
from kgrec import Recommender, erase
from kgrec.erasure import lift
from kgrec.erasure.traces import find_traces
from kgrec.errors import ErasureError
from kgrec.serving.event_log import EventLog, records_of
from kgrec.serving.fold import fold
from kgrec.serving.registry import Root
from kgrec.serving.service import Served
from tests.erasure.planted import Planted, planted, quick
from tests.serving.running import Running, running, until


@pytest.fixture(scope="module")
def plant() -> Planted:
    return planted(2)


@pytest.fixture(scope="module")
def made(plant: Planted, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("service") / "model"
    quick(plant.catalog).save(folder)
    return folder


@pytest.fixture
def root(made: Path, tmp_path: Path) -> Root:
    """A service with two models of the same folder, of which "b" answers."""
    found = Root.open(tmp_path / "service")
    for name in ("a", "b"):
        shutil.copytree(made, found.new_folder(name))
        found.add(name, found.new_folder(name))
    found.activate("b", "test")
    return found


def records(plant: Planted) -> list[dict[str, Any]]:
    """What a service may have in its log of a person, and of others."""
    gone, other = plant.people
    event = {"kind": "event", "item": "i1", "timestamp": 5, "received": 5}
    fact = {"relation": "FOLLOWS", "head_type": "user", "tail_type": "user"}
    return [
        {**event, "user": gone, "event_id": f"{gone}/1", "list_id": "mine"},
        {**event, "user": "u1", "event_id": "one"},
        {"kind": "impressions", "list_id": "mine", "items": ["i1"], "received": 5},
        {"kind": "impressions", "list_id": "seen", "items": ["i1"], "user": gone, "received": 5},
        {"kind": "impressions", "list_id": "other", "items": ["i1"], "received": 5},
        {"kind": "taken back", "user": gone, "of": 1, "received": 5, "who": "x"},
        {"kind": "node", "label": "User", "id": gone, "attributes": {}, "received": 5},
        {"kind": "node", "label": "Item", "id": gone[:5], "attributes": {}, "received": 5},
        {
            "kind": "facts",
            "facts": [{**fact, "head": "u1", "tail": gone}, {**fact, "head": "u1", "tail": other}],
        },
        {"kind": "no node", "label": "User", "id": gone, "received": 5},
    ]


def test_a_log_and_every_model_lose_them(plant: Planted, root: Root) -> None:
    log = EventLog(root.log)
    log.append(records(plant)).result()
    log.close()
    gone, other = plant.people
    receipt = erase(gone, services=[root.folder], check=True)
    assert receipt.traces == {}
    assert [one.kind for one in receipt.places] == ["service log", "model", "model"]
    kept = list(records_of(root.log))
    assert [one["number"] for one in kept] == [2, 5, 8, 9, 10]
    assert [one["tail"] for one in kept[3]["facts"]] == [other]
    assert kept[-1] == {"number": 10, "kind": "nothing"}
    again = EventLog(root.log)
    assert again.append([{"kind": "impressions", "list_id": "x", "items": []}]).result() == 11
    again.close()
    assert not erase(gone, services=[root.folder]).places[0].removed


def test_older_copies_do_not_bring_them_back(plant: Planted, root: Root, made: Path) -> None:
    """A log and a model that were put back, and a model that is added later."""
    log = EventLog(root.log)
    log.append(records(plant)).result()
    log.close()
    copy = root.log.read_bytes()
    erase(plant.people[0], services=[root.folder])
    root.log.write_bytes(copy)
    root.add("old", Path(shutil.copytree(made, root.folder.with_name("old"))))
    assert fold(root, "old", "new", 10) == []
    users = Recommender.load(root.new_folder("new")).snapshot.users.ids.tolist()
    assert plant.people[0] not in users
    assert plant.people[1] in users
    receipt = erase(services=[root.folder], again=True)
    assert sum(bool(one.removed) for one in receipt.places) == 2
    assert find_traces([root.folder], plant.people[:1]) == {}
    assert lift(plant.people[0], services=[root.folder]) == 1
    assert fold(root, "new", "back", 10) == []


def test_a_service_that_runs_is_asked_instead(plant: Planted, root: Root) -> None:
    before = root.log.exists()
    with held(root.folder), pytest.raises(ErasureError, match="POST /v1/erase"):
        erase(plant.people, services=[root.folder])
    assert (root.log.exists(), root.tombstones.exists()) == (before, False)


@pytest.mark.slow
def test_a_service_erases_while_it_runs(plant: Planted, root: Root) -> None:
    gone = plant.people[0]
    with running("--root", root.folder) as service:
        _send(service, gone)
        assert service.get(f"/v1/users/{gone}/events").json["total"] == 10
        reply = service.post("/v1/erase", {"users": [gone]})
        assert reply.status == 202
        assert service.get(f"/v1/users/{gone}/events").status == 404
        assert service.post("/v1/erase", {"users": [gone]}).json["code"] == "job_runs"
        job = service.ended(reply.json)
        assert job["state"] == "done", job
        assert find_traces([root.folder], [gone]) == {}
        assert [one["kind"] for one in job["receipt"]["places"]] == [
            "service log",
            "model",
            "model",
        ]
        assert gone not in str(job)
        refused = service.post("/v1/events", {"events": [{"user": gone, "item": "i1"}]}).json
        assert [one["code"] for one in refused["rejected"]] == ["erased"]
        assert service.ask("PUT", f"/v1/users/{gone}", {"attributes": {}}).status == 409
        fact = {"head": gone, "relation": "FOLLOWS", "tail": "u1"}
        fact |= {"head_type": "user", "tail_type": "user"}
        before = root.log.read_bytes()
        assert service.ask("DELETE", f"/v1/users/{gone}").status == 200
        assert root.log.read_bytes() == before
        assert service.ask("PUT", "/v1/facts", {"facts": [fact]}).status == 409
        assert service.get(f"/v1/users/{gone}/events").status == 404
        assert len(service.items("u1", k=3)) == 3
        assert service.get("/v1/status").json["live_events"] == 1
        assert service.get("/v1/models").json["models"][0].get("erased", 0) == 0
        other = f"/v1/users/{plant.people[1]}/events"
        assert service.get(other).status == 200
        erase(plant.people[1], models=[root.new_folder("b")])
        until(lambda: service.get(other).status == 404, "the person is unknown", 300)
    served = Served.load(root, root.read().entry("b"), records_of(root.log))
    assert (served.knows_user(gone), served.erased, len(served.live.events)) == (False, 0, 1)


def test_a_model_that_was_put_back_answers_without_them(
    plant: Planted, root: Root, made: Path
) -> None:
    erase(plant.people, services=[root.folder])
    shutil.rmtree(root.new_folder("b"))
    shutil.copytree(made, root.new_folder("b"))
    log = [{"number": number, **one} for number, one in enumerate(records(plant), 1)]
    served = Served.load(root, root.read().entry("b"), log)
    assert not any(map(served.knows_user, plant.people))
    assert served.erased == 2


def _send(service: Running, user: str) -> None:
    events = [{"user": user, "item": "i2"}, {"user": "u1", "item": "i3"}]
    assert service.post("/v1/events", {"events": events}).json["accepted"] == 2
    assert len(service.items(user)) == 10
