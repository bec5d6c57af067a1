"""The next model: what is held out, and when it may answer."""

from __future__ import annotations

import math
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kgrec import Recommender
from kgrec.serving.event_log import EventLog, Record, records_of
from kgrec.serving.fold import fold
from kgrec.serving.registry import Root
from kgrec.serving.retraining.gate import judge
from kgrec.serving.retraining.newest import NewestRows, split_newest
from kgrec.serving.retraining.settings import GateRule, TrainSettings
from kgrec.serving.retraining.train_next import train_and_activate
from tests.cli.conftest import kgrec, kgrec_json
from tests.recommender import catalogs
from tests.serving.running import running

LATE = 2_000_000_000


def _event(number: int, user: str, item: str, at: int, **more: Any) -> Record:
    record = {"kind": "event", "user": user, "item": item, "timestamp": at, "received": at}
    return {"number": number, **record, **more}


def test_the_newest_events_are_taken_out_by_their_time() -> None:
    records = [
        *(_event(number, f"u{number}", "i1", LATE + number) for number in range(1, 9)),
        _event(9, "u9", "i1", LATE - 50),  # came late, and is old
        _event(10, "back", "i1", LATE + 70),
        {"number": 11, "kind": "taken back", "user": "back", "of": 10, "received": LATE},
        _event(12, "gone", "i1", LATE + 80),
        {"number": 13, "kind": "no node", "label": "User", "id": "gone", "received": LATE},
        _event(14, "u8", "i2", LATE + 8),  # as late as another
    ]
    found = split_newest(records, 0.1)
    assert [one["number"] for one in found.newest] == [8, 14]
    assert [one["number"] for one in found.before] == [1, 2, 3, 4, 5, 6, 7, 9, 11, 13]
    assert split_newest([], 0.5).newest == []


def _news(model: Recommender, per_user: int = 3) -> list[Record]:
    """Events of all users: each chooses items of its own taste that it does not have."""
    frames, rng = catalogs.frames(), np.random.default_rng(5)
    had = frames["interactions"].groupby("user_id")["item_id"].agg(set)
    found = []
    for place, user in enumerate(model.snapshot.users.ids.tolist()):
        tastes = [int(item[1:]) % catalogs.TASTES for item in had[user]]
        taste = max(set(tastes), key=tastes.count)
        mine = [f"i{n}" for n in range(catalogs.N_ITEMS) if n % catalogs.TASTES == taste]
        left = sorted(set(mine) - had[user])
        for turn, item in enumerate(rng.permutation(left)[:per_user].tolist()):
            found.append({"user": user, "item": item, "at": LATE + 1_000 * turn + place})
    return found


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory, short: Recommender) -> Root:
    """A root whose model was trained for two epochs, and a log with three events of each user."""
    made = Root.open(tmp_path_factory.mktemp("training") / "service")
    short.save(made.new_folder("a"))
    made.add("a", made.new_folder("a"))
    made.activate("a", "test")
    log = EventLog(made.log)
    log.append(
        [
            {
                key: value
                for key, value in _event(0, one["user"], one["item"], one["at"]).items()
                if key != "number"
            }
            for one in _news(short)
        ]
    ).result()
    log.close()
    return made


@pytest.fixture
def own(root: Root, tmp_path: Path) -> Root:
    """A copy of the root for one test alone."""
    shutil.copytree(root.folder, tmp_path / "own")
    return Root.open(tmp_path / "own")


SETTINGS = TrainSettings("quick", share=0.4, rule=GateRule(users=20))


def test_a_better_model_answers_and_the_registry_says_why(own: Root) -> None:
    done = train_and_activate(own, SETTINGS, "ann")
    registry = own.read()
    assert registry.active == done.name == f"a-train{done.until}"
    assert registry.trainings == (done,)
    assert registry.history[-1].reason == done.reason
    overall = done.figures["overall"]
    assert overall["low"] <= overall["difference"] <= overall["high"]
    assert overall["difference"] > 0
    assert overall["users"] >= 20
    assert f"{done.figures['live']:.4f}" in done.reason
    assert registry.entry(done.name).folded_until == done.until
    fresh = Recommender.load(own.folder_of(registry.entry(done.name)))
    assert int((np.asarray(fresh.snapshot.interactions.timestamp) >= LATE).sum()) == done.until


def test_neither_model_has_the_rows_that_they_are_compared_on(
    own: Root, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even where a fold has put them into the graph of the model that answers."""
    last = max(record["number"] for record in records_of(own.log))
    fold(own, "a", "a-fold", last)
    own.activate("a-fold", "test")
    seen: list[tuple[int, int]] = []

    def spy(live: Recommender, candidate: Recommender, rows: NewestRows, rule: GateRule) -> Any:
        held = rows.graph.interactions.select(np.asarray(rows.graph.interactions.split) == "test")
        assert len(held) == rows.rows == math.ceil(0.4 * last)
        first = int(held.timestamp.min())
        for model in (live, candidate):
            times = np.asarray(model.state.full_snapshot.interactions.timestamp)
            seen.append((int((times >= first).sum()), int((times >= LATE).sum())))
        return judge(live, candidate, rows, rule)

    monkeypatch.setattr("kgrec.serving.retraining.train_next.judge", spy)
    done = train_and_activate(own, SETTINGS, None)
    assert seen == [(0, last - math.ceil(0.4 * last))] * 2
    assert own.read().active == "a-fold"  # nobody activated it
    assert done.name in own.read().models


def test_a_worse_model_loses_overall_and_in_its_scenario(
    fitted: Recommender, short: Recommender
) -> None:
    """Here the new events are what the one that answers has at the top of its lists."""
    users = fitted.snapshot.users.ids.tolist()
    best = fitted.rank(users, k=1).ids[:, 0].tolist()
    scenario = str(fitted.state.engine.vocabulary.scenarios[0])
    pairs = zip(users, best, strict=True)
    records = [_event(n, user, item, LATE + n) for n, (user, item) in enumerate(pairs, 1)]
    for record in records[:40]:
        record["scenario"] = scenario
    rows = NewestRows.of(fitted, [*records, _event(99, "stranger", "i1", LATE)])
    assert rows.left_out == 1
    verdict = judge(fitted, short, rows, GateRule(users=20))
    assert not verdict.passed
    assert "the new model loses, overall" in verdict.reason
    assert verdict.figures["scenarios"][scenario]["users"] == 40
    same = judge(fitted, fitted, rows, GateRule(users=20, margin=0.0))
    assert same.passed
    assert same.figures["overall"]["difference"] == 0.0
    few = judge(fitted, fitted, rows, GateRule(users=50))
    assert few.figures["not_compared"] == [scenario]


def test_too_few_rows_keep_the_model_and_say_why(own: Root) -> None:
    done = train_and_activate(own, TrainSettings("quick"), "ann")
    assert done.name == ""
    assert "a comparison needs 100" in done.reason
    registry = own.read()
    assert (registry.active, registry.trainings) == ("a", (done,))
    assert list(registry.models) == ["a"]
    said = kgrec("models", "trainings", "--root", own.folder).stdout
    assert "not kept" in said
    assert "wait for more events" in said


def test_no_events_at_all_and_no_model(tmp_path: Path, saved: Path) -> None:
    made = Root.open(tmp_path / "empty")
    assert (
        "no model answers" in kgrec("models", "train-next", "--root", made.folder, expect=1).stderr
    )
    made.add("a", saved)
    made.activate("a", "test")
    done = kgrec_json("models", "train-next", "--root", made.folder, "--json")
    assert done["model"] is None
    assert "of 0 users" in done["reason"]
    for wrong in (["--share", "0"], ["--users", "1"], ["--margin", "-1"]):
        said = kgrec("models", "train-next", "--root", made.folder, *wrong, expect=1).stderr
        assert "give" in said or "needs" in said


@pytest.mark.slow
def test_a_service_trains_beside_its_answers(own: Root, tmp_path: Path) -> None:
    (tmp_path / "limits.toml").write_text(
        'train_effort = "quick"\ngate_users = 20\ngate_share = 0.4\n'
    )
    with running("--root", own.folder, "--config", tmp_path / "limits.toml") as service:
        job = service.post("/v1/jobs", {"kind": "train"}).json
        assert service.post("/v1/jobs", {"kind": "train"}).status == 409
        for _ in _until_done():
            assert service.items("u1")
            job = service.get(f"/v1/jobs/{job['id']}").json
            if job["state"] != "running":
                break
        assert job["state"] == "done", job
        assert service.get("/v1/status").json["model"] == job["model"]
        found = service.get("/v1/models").json
        assert found["trainings"][0]["name"] == job["model"] == found["active"]
        assert found["trainings"][0]["reason"] == job["detail"]


def _until_done() -> Iterator[None]:
    end = time.monotonic() + 120
    while time.monotonic() < end:
        time.sleep(0.2)
        yield
