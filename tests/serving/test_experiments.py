"""Experiments: who gets which model, what is logged, when they end."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from kgrec import Recommender
from kgrec.errors import RequestError, ServiceError
from kgrec.metrics.agreement import overlap, rank_correlation
from kgrec.serving.event_log import records_of
from kgrec.serving.experiments.arm_record import ArmRecord, tripped
from kgrec.serving.experiments.experiment import Arm, Experiment, Experiments, Guard, Reward
from kgrec.serving.experiments.rewards import rewards_of
from kgrec.serving.experiments.shadow import Shadow
from kgrec.serving.experiments.shadow_process import answer
from kgrec.serving.live_graph import keeps
from kgrec.serving.metrics import Metrics
from kgrec.serving.registry import Root
from kgrec.serving.service import Served
from tests.serving.running import Running, running

HALVES = [{"model": "a", "share": 0.5}, {"model": "b", "share": 0.5}]
USERS = [f"u{number}" for number in range(40)]


def _experiment(**changed: Any) -> Experiment:
    given = {"live": "a", "salt": "s", "started": 0, "who": "test", **changed}
    arms = given.pop("arms", (Arm("a", 0.5), Arm("b", 0.5)))
    return Experiment("x", "ab", arms, **given)


def test_users_are_dealt_by_share_always_alike_and_anew_by_salt() -> None:
    experiment = _experiment(arms=(Arm("a", 0.8), Arm("b", 0.2)))
    people = [f"person {number}" for number in range(20_000)]
    arms = np.array([experiment.arm_of(one) for one in people])
    assert abs(arms.mean() - 0.2) < 0.01
    assert [experiment.arm_of(one) for one in people[:100]] == arms[:100].tolist()
    other = _experiment(arms=experiment.arms, salt="t")
    both = np.mean([other.arm_of(one) for one in people] * arms)
    assert abs(both - 0.2 * 0.2) < 0.01  # independent of the other salt's
    assert experiment.arm_of("\udcff") in (0, 1)


@pytest.fixture
def root(tmp_path: Path) -> Root:
    """A root with three models that are not there; "a" answers."""
    made = Root.open(tmp_path / "root")
    for name in ("a", "b", "c"):
        made.add(name, tmp_path / name)
    made.activate("a", "test")
    return made


@pytest.mark.parametrize(
    ("mode", "arms", "why"),
    [
        ("ab", [("a", 0.5)], "has 2"),
        ("ab", [("a", 0.5), ("b", 0.6)], "sum to 1.1"),
        ("ab", [("a", 1.0), ("b", 0.0)], "above 0"),
        ("ab", [("a", float("nan")), ("b", 0.5)], "above 0"),
        ("ab", [("a", 0.5), ("z", 0.5)], "no model is called 'z'"),
        ("ab", [("b", 0.5), ("c", 0.5)], "no arm is the model that answers"),
        ("ab", [("a", 0.5), ("a", 0.5)], "the same model"),
        ("shadow", [("b", 0.5), ("c", 0.5)], "has 1"),
        ("shadow", [("a", 0.5)], "answers already"),
    ],
)
def test_arms_that_are_no_experiment(root: Root, mode: Any, arms: Any, why: str) -> None:
    with pytest.raises(RequestError, match=why):
        Experiments(root).start("x", mode, tuple(Arm(*one) for one in arms), "test")
    assert Experiments(root).read() == {}


def test_one_of_a_mode_runs_and_names_are_kept(root: Root) -> None:
    file, arms = Experiments(root), (Arm("a", 0.3), Arm("b", 0.7))
    started = file.start("x", "ab", arms, "ann", reward=Reward(event="buy", most=3))
    assert file.read() == {"x": started}
    with pytest.raises(RequestError, match="'x' runs"):
        file.start("y", "ab", arms, "ann")
    file.start("z", "shadow", (Arm("c", 0.1),), "ann")
    assert file.stop("x", "enough").why == "enough"
    assert file.stop("x", "again").why == "enough"
    with pytest.raises(RequestError, match="another experiment"):
        file.start("x", "ab", arms, "ann")
    with pytest.raises(RequestError, match="there are: x, z"):
        file.stop("nothing", "")


@pytest.mark.parametrize("content", ["", "[]", '{"version": 9, "experiments": []}', "\x00"])
def test_a_damaged_file_is_refused_and_kept(root: Root, content: str) -> None:
    file = Experiments(root)
    file.file.write_text(content)
    with pytest.raises(ServiceError, match="put back a copy"):
        file.start("x", "ab", (Arm("a", 0.5), Arm("b", 0.5)), "ann")
    assert file.file.read_text() == content


def test_rewards_are_counted_in_their_time_and_without_what_was_taken_back() -> None:
    shown = {"kind": "exposure", "experiment": "x", "model": "a"}
    records = [
        {"kind": "event", "user": "early", "item": "i", "received": 1},
        {**shown, "user": "early", "arm": "b", "received": 10},
        {**shown, "user": "none", "arm": "a", "received": 20},
        {**shown, "user": "late", "arm": "a", "received": 9_000},
        {**shown, "user": "early", "arm": "a", "received": 30},  # again, after a restart
        {**shown, "user": "stranger", "arm": "a", "experiment": "y", "received": 30},
        *({"kind": "event", "user": "early", "item": "i", "received": at} for at in (40, 50, 60)),
        {"kind": "event", "user": "early", "item": "i", "received": 3_611},
        {"kind": "event", "user": "stranger", "item": "i", "received": 50},
        {"kind": "taken back", "user": "early", "of": 8, "received": 70},
    ]
    records = [{"number": place, **record} for place, record in enumerate(records, 1)]
    experiment = _experiment(reward=Reward(hours=1))
    found = rewards_of(records, experiment, at=4_000)
    assert found.rewards.tolist() == [2.0, 0.0]
    assert found.in_b.tolist() == [True, False]
    assert found.waiting == 1
    capped = rewards_of(records, _experiment(reward=Reward(hours=1, most=1)), at=4_000)
    assert capped.rewards.tolist() == [1.0, 0.0]
    bought = rewards_of(records, _experiment(reward=Reward(hours=1, event="buy")), at=4_000)
    assert bought.rewards.tolist() == [0.0, 0.0]


def test_first_lists_of_people_who_are_erased_leave_the_log() -> None:
    shown = {"kind": "exposure", "experiment": "x", "arm": "a", "model": "a", "received": 1}
    keep = keeps((), {"ann"}.__contains__)
    assert keep({**shown, "user": "ann"}) is None
    assert keep({**shown, "user": "bob"}) == {**shown, "user": "bob"}


def test_a_guard_ends_what_fails_or_is_slow() -> None:
    guard, fine = Guard(errors=0.05, seconds=0.1), ArmRecord()
    for _ in range(300):
        fine.add(False, 0.01)
    failing, slow, young = ArmRecord(), ArmRecord(), ArmRecord()
    for number in range(300):
        failing.add(number % 10 == 0, 0.01)
        slow.add(False, 0.2)
    young.add(True, 9.0)
    assert tripped(guard, [fine, young]) == ""
    assert "arm b, 10.0% failed" in tripped(guard, [fine, failing])
    assert tripped(guard, [failing, failing]) == ""  # what callers send, in both arms alike
    assert "arm a, 95 % came within 0.200 s" in tripped(guard, [slow, fine])


def test_likeness_of_lists() -> None:
    assert overlap(["a", "b", "c", "d"], ["b", "a", "x", "y", "c"]) == 0.5
    assert overlap([], []) == 1.0
    assert rank_correlation(["a", "b", "c"], ["a", "x", "b", "c"]) == 1.0
    assert rank_correlation(["a", "b", "c"], ["c", "b", "a"]) == -1.0
    assert rank_correlation(["a", "b"], ["b", "y"]) is None


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, saved: Path, short: Recommender) -> Path:
    """A root with "a", which answers, and another model, "b"."""
    root = Root.open(tmp_path_factory.mktemp("experiments") / "service")
    shutil.copytree(saved, root.new_folder("a"))
    short.save(root.new_folder("b"))
    for name in ("a", "b"):
        root.add(name, root.new_folder(name))
    root.activate("a", "test")
    return root.folder


@pytest.fixture(scope="module")
def service(folder: Path) -> Iterator[Running]:
    with running("--root", folder) as found:
        yield found


def _put(service: Running, name: str, **body: Any) -> Any:
    reply = service.ask("PUT", f"/v1/experiments/{name}", {"arms": HALVES, **body})
    assert reply.status == 200, reply.content
    return reply.json


def _models(service: Running, asked: list[dict[str, Any]]) -> list[str]:
    """The model of each answer, which body, header and the arm agree on."""
    found = []
    for body in asked:
        reply = service.post("/v1/recommend", {"k": 5, **body})
        assert reply.headers["x-kgrec-model"] == reply.json["model"]
        assert reply.json.get("arm") in (reply.json["model"], None)
        found.append(reply.json["model"])
    return found


@pytest.mark.slow
def test_two_models_answer_their_users(service: Running, folder: Path) -> None:
    asked: list[dict[str, Any]] = [{"user": user} for user in USERS]
    asked += [{"user": f"unknown {user}"} for user in USERS]
    asked += [{"history": [f"i{number}", "i9"]} for number in range(12)]
    assert set(_models(service, asked)) == {"a"}
    _put(service, "first", salt="s", reward={"hours": 1e-4, "event": "buy"})
    models = _models(service, asked)
    assert set(models[:40]) == set(models[40:80]) == set(models[80:]) == {"a", "b"}
    assert _models(service, asked) == models
    longer = [{"history": [*body["history"], "i3"]} for body in asked[80:]]
    assert _models(service, longer) == models[80:]
    of_b = USERS[models.index("b")]
    reply = service.post("/v1/recommend", {"user": of_b, "k": 3})
    wanted = Recommender.load(folder / "models" / "b").rank([of_b], k=3).ids[0].tolist()
    assert [item["id"] for item in reply.json["items"]] == wanted
    given = {"list_id": reply.json["list_id"]}
    assert service.post("/v1/recommend/next", given).json["model"] == "b"
    item = {"user": of_b, "item": wanted[0]}
    assert service.post("/v1/explain", item).json["model"] == "b"
    batch = service.post("/v1/recommend/batch", {"users": [*USERS, "nobody"], "k": 3}).json
    assert [one["model"] for one in batch["results"]] == models[:40]
    listed = batch["results"][USERS.index(of_b)]["items"]
    assert [item["id"] for item in listed] == wanted
    assert [one["index"] for one in batch["errors"]] == [40]
    pairs = service.post("/v1/score", {"pairs": [{"user": u, "item": "i1"} for u in USERS]}).json
    assert [one["user"] for one in pairs["scores"]] == USERS

    service.post("/v1/impressions", {**given, "items": wanted})
    event = {"user": of_b, "item": wanted[0], "event": "buy", "list_id": given["list_id"]}
    service.post("/v1/events", {"events": [event]})
    assert wanted[0] not in service.items(of_b)  # the other model's events count at once, too
    service.ask("PUT", "/v1/items/fresh", {"attributes": {"title": "New"}})
    for user in (of_b, USERS[models.index("a")]):  # and new items
        asked_for = {"user": user, "candidates": ["fresh"]}
        items = service.post("/v1/recommend", asked_for).json["items"]
        assert [item["id"] for item in items] == ["fresh"]
    time.sleep(1.5)
    records = list(records_of(folder / "events.log"))
    [shown] = [record for record in records if record["kind"] == "impressions"]
    assert {"model": "b", "experiment": "first", "arm": "b", "user": of_b}.items() <= shown.items()
    exposed = [record["user"] for record in records if record["kind"] == "exposure"]
    assert sorted(exposed) == sorted([*USERS, *(f"unknown {user}" for user in USERS)])
    report = service.get("/v1/experiments/first").json
    assert [arm["model"] for arm in report["arms"]] == ["a", "b"]
    assert sum(arm["users"] for arm in report["arms"]) == 80
    assert report["comparison"]["verdict"] == "go on"
    assert all(arm["answers"] > 20 and arm["errors"] == 0 for arm in report["arms"])
    said = service.get("/metrics").content.decode()
    assert 'kgrec_arm_answers_total{arm="b",experiment="first",model="b",result="done"}' in said
    assert service.get("/v1/status").json["experiment"] == "first"

    ended = service.ask("DELETE", "/v1/experiments/first").json
    assert (ended["state"], ended["why"]) == ("ended", "local stopped it.")
    assert set(_models(service, asked)) == {"a"}


@pytest.mark.slow
def test_a_shadow_answers_beside_unseen(service: Running, folder: Path) -> None:
    shadow = [{"model": "b", "share": 0.5}]
    _put(service, "beside", arms=shadow, mode="shadow")
    service.post("/v1/events", {"events": [{"user": "seen only live", "item": "i1"}]})
    bodies = [{"user": user} for user in ["seen only live", *USERS[1:]]]
    assert set(_models(service, bodies)) == {"a"}
    found = _beside(service, 20)
    assert found["failed"] == 0
    assert found["answered"] > 0
    assert 0.0 < found["overlap"] < 1.0
    assert -1.0 <= found["rank_correlation"] <= 1.0
    assert found["shadow_50%_below_ms"] > 0
    said = service.get("/metrics").content.decode()
    assert f'kgrec_shadow_total{{result="answered"}} {float(found["answered"])}' in said
    for _ in range(100):  # more than may wait
        service.post("/v1/recommend", {"user": "u1", "k": 30})
    crowded = _beside(service, 70)
    assert crowded["failed"] == 0
    service.ask("DELETE", "/v1/experiments/beside")
    assert "shadow" not in service.get("/v1/status").json


def _beside(service: Running, asked: int) -> Any:
    """What the shadow did, once it is done with so many requests."""
    deadline = time.monotonic() + 60
    while True:
        found = service.get("/v1/status").json["shadow"]
        done = found["answered"] + found["dropped"] + found["failed"]
        if done >= asked:
            assert done == asked
            return found
        assert time.monotonic() < deadline, found
        time.sleep(0.1)


def test_the_process_of_a_shadow_answers_as_its_model(folder: Path) -> None:
    """Line by line, with the records that came since."""
    root = Root.open(folder)
    served = Served.load(root, root.read().entry("b"), ())
    body = msgspec.json.encode({"user": "u1", "k": 5})
    wanted = Recommender.load(folder / "models" / "b").rank(["u1"], k=5).ids[0].tolist()
    found = answer(served, msgspec.Raw(body))
    assert found is not None
    assert (found["ids"], found["seconds"] > 0) == (wanted, True)
    served.live.add({"number": 1, "received": 1, **_seen("u1", wanted[0])})
    again = answer(served, msgspec.Raw(body))
    assert again is not None
    assert wanted[0] not in again["ids"]
    unknown = msgspec.json.encode({"user": "u1", "scenario": "none such"})
    assert answer(served, msgspec.Raw(unknown)) is None


def _seen(user: str, item: str) -> dict[str, Any]:
    return {"kind": "event", "user": user, "item": item, "timestamp": 2_000_000_000}


def test_a_shadow_that_cannot_start_says_so(tmp_path: Path) -> None:
    shadow = Shadow(1.0, str(tmp_path), "nothing", lambda: False, Metrics())
    shadow.offer({"user": "u1"}, ["i1"], 0.01)
    deadline = time.monotonic() + 60
    while not shadow.ended:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert "no model is called 'nothing'" in shadow.ended
    shadow.offer({"user": "u1"}, ["i1"], 0.01)
    shadow.stop()
    assert (shadow.record.failed, shadow.record.dropped) == (1, 1)


@pytest.mark.slow
def test_another_active_model_ends_an_experiment(service: Running, folder: Path) -> None:
    _put(service, "second")
    service.post("/v1/models/b/activate", {})
    deadline = time.monotonic() + 20
    while service.get("/v1/experiments/second").json["state"] != "ended":
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert "'b' was activated" in service.get("/v1/experiments/second").json["why"]
    assert set(_models(service, [{"user": user} for user in USERS])) == {"b"}
    service.post("/v1/models/a/activate", {})


@pytest.mark.slow
def test_folds_keep_an_experiment_and_its_models(service: Running, folder: Path) -> None:
    _put(service, "third", salt="s")
    bodies = [{"user": user} for user in USERS]
    before = _models(service, bodies)
    service.post("/v1/events", {"events": [{"user": "u1", "item": "i2"}]})
    job = service.ended(service.post("/v1/jobs", {"kind": "fold"}).json)
    assert job["state"] == "done", job
    replies = [service.post("/v1/recommend", body).json for body in bodies]
    assert [one["model"].split("-")[0] for one in replies] == before
    assert all("-fold" in one["model"] for one in replies)
    registry = json.loads((folder / "registry.json").read_text())
    made = {one["name"].split("-")[0]: one["made_from"] for one in registry["models"][2:]}
    assert made == {"a": "a", "b": "b"}
    service.ask("DELETE", "/v1/experiments/third")


@pytest.mark.slow
def test_a_guard_gives_everybody_the_active_model_back(service: Running) -> None:
    active = service.get("/v1/status").json["model"]
    arms = [{"model": active, "share": 0.99}, {"model": "b", "share": 0.01}]
    _put(service, "slow", arms=arms, guard={"seconds": 1e-6})
    for number in range(230):
        service.post("/v1/recommend", {"user": f"person {number}", "k": 1})
    deadline = time.monotonic() + 20
    while service.get("/v1/experiments/slow").json["state"] != "ended":
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert "of arm a, 95 % came within" in service.get("/v1/experiments/slow").json["why"]
    status = service.get("/v1/status").json
    assert "experiment" not in status
    assert "'slow' was stopped" in status["trouble"]


def test_wrong_experiments_are_named(service: Running) -> None:
    for body, code, said in (
        ({"arms": []}, 422, "arms"),
        ({"arms": [{"model": "a", "share": 2}]}, 422, "share"),
        ({"arms": HALVES[:1]}, 422, "has 2"),
        ({"arms": HALVES, "mode": "c"}, 422, "mode"),
        ({"arms": [HALVES[0], {"model": "z", "share": 0.5}]}, 422, "no model is called"),
        ({"arms": HALVES, "stop": {"error": 0.9}}, 422, "error"),
    ):
        reply = service.ask("PUT", "/v1/experiments/wrong", body)
        assert (reply.status, said in reply.content.decode()) == (code, True), reply.content
    assert service.get("/v1/experiments/wrong").status == 404
    assert service.ask("DELETE", "/v1/experiments/wrong").status == 404
    assert service.ask("PUT", "/v1/experiments/..%2Fx", {"arms": HALVES}).status in (404, 422)


@pytest.mark.slow
def test_a_model_that_cannot_be_loaded_starts_no_experiment(service: Running, folder: Path) -> None:
    root = Root.open(folder)
    shutil.copytree(folder / "models" / "b", root.new_folder("broken"))
    (root.new_folder("broken") / "model.safetensors").write_bytes(b"")
    root.add("broken", root.new_folder("broken"))
    arms = [{"model": root.read().active, "share": 0.5}, {"model": "broken", "share": 0.5}]
    reply = service.ask("PUT", "/v1/experiments/fourth", {"arms": arms})
    assert reply.status == 422
    assert service.get("/v1/experiments/fourth").status == 404
    assert service.items("u1")
