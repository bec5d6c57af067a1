"""Two processes answer as one: the same events, models, rules, limits and metrics."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from kgrec.serving.access import Keys
from kgrec.serving.event_log import records_of
from kgrec.serving.registry import Root
from tests.serving.running import Running, new_root, running, until

LATE = 1_600_000_000
_MARK = ".0"  # of the lists of the worker
_RULES = """
[[rule]]
name = "no i1"
effect = "never"
items = "i1"
"""


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory, saved: Path) -> Root:
    """The folder of a service with the model "a"."""
    return new_root(tmp_path_factory.mktemp("processes") / "service", saved)


@pytest.fixture(scope="module")
def two(root: Root) -> Iterator[Running]:
    """A service whose two processes answer; tests leave it with the model "a" without rules."""
    with _two(root) as service:
        yield service


@pytest.fixture
def own(tmp_path: Path, saved: Path) -> Iterator[Running]:
    """Another one, for a test that ends processes."""
    with _two(new_root(tmp_path / "service", saved)) as service:
        yield service


@contextmanager
def _two(root: Root) -> Iterator[Running]:
    with running("--root", root.folder, "--processes", "2") as service:
        until(lambda: _processes(service) == 2, "both processes answer")
        yield service


def _processes(service: Running) -> int:
    return int(service.get("/v1/status").json["processes"])


def _left(service: Running) -> int:
    """The processes that answer; 0 where a connection was with one that was killed."""
    try:
        return _processes(service)
    except OSError:
        return 0


def _answer(service: Running, *, worker: bool, **asked: Any) -> dict[str, Any]:
    """The list of the worker, or of the first process; each connection reaches one of them."""

    def found() -> Any:
        reply = service.post("/v1/recommend", asked)
        assert reply.status == 200, reply.content
        return reply.json if reply.json["list_id"].endswith(_MARK) == worker else None

    answer: dict[str, Any] = until(found, "the process answers")
    return answer


def _both(service: Running, **asked: Any) -> list[list[str]]:
    """The ids of the lists of both processes."""
    answers = [_answer(service, worker=worker, **asked) for worker in (False, True)]
    return [[item["id"] for item in answer["items"]] for answer in answers]


def _event(user: str, item: str, **more: Any) -> dict[str, Any]:
    return {"events": [{"user": user, "item": item, "timestamp": LATE, **more}]}


def test_both_answer_the_same(two: Running) -> None:
    asked = {"user": "u1", "k": 5}
    answers = [_answer(two, worker=worker, **asked) for worker in (False, True)]
    scores = [[(item["id"], item["score"]) for item in answer["items"]] for answer in answers]
    assert scores[0] == scores[1]


def test_an_event_is_in_the_very_next_answer_of_both(two: Running) -> None:
    for place in range(40):
        user = f"probe{place}"
        first = two.items(user, k=1)[0]
        assert two.post("/v1/events", _event(user, first)).status == 202
        assert first not in two.items(user, k=40)  # of whichever process
    user = "probe0"
    lists = _both(two, user=user, k=40)
    assert lists[0] == lists[1]


def test_an_id_counts_once_whichever_process_gets_it(two: Running, root: Root) -> None:
    replies = [two.post("/v1/events", _event("twice", "i1", id="order-1")) for _ in range(12)]
    assert sum(reply.json["accepted"] for reply in replies) == 1
    assert [one.get("event_id") for one in records_of(root.log)].count("order-1") == 1


def test_further_pages_and_impressions_know_the_lists_of_both(two: Running, root: Root) -> None:
    for worker in (False, True):
        answer = _answer(two, worker=worker, user="u1", k=3, explore=0.5)
        shown = [item["id"] for item in answer["items"]]
        for _ in range(4):
            page = two.post("/v1/recommend/next", {"list_id": answer["list_id"]})
            assert page.status == 200, page.content
            shown += [item["id"] for item in page.json["items"]]
        assert len(shown) == len(set(shown)) == 15
        two.post("/v1/impressions", {"list_id": answer["list_id"], "items": shown[:2]})
        record = list(records_of(root.log))[-1]
        assert (record["user"], record["positions"]) == ("u1", [1, 2])
    assert two.post("/v1/recommend/next", {"list_id": "none.0"}).status == 404
    assert two.post("/v1/recommend/next", {"list_id": "none.99999999"}).status == 404


def test_new_nodes_and_rules_are_in_both_when_they_are_acknowledged(two: Running) -> None:
    item = {"attributes": {"title": "New"}}
    assert two.ask("PUT", "/v1/items/new1", item).json["effective"] == "now"
    assert all(found == ["new1"] for found in _both(two, user="u1", candidates=["new1"]))
    asked = {"user": "u1", "candidates": ["i1", "i2"], "exclude_seen": False}
    assert all("i1" in found for found in _both(two, **asked))
    done = two.ask("PUT", "/v1/rules", {"toml": _RULES, "reason": "season"})
    assert done.status == 200, done.content
    assert _both(two, **asked) == [["i2"], ["i2"]]
    assert two.ask("PUT", "/v1/rules", {"toml": ""}).status == 200
    assert all("i1" in found for found in _both(two, **asked))


def test_models_change_in_both_before_the_answer(two: Running, root: Root) -> None:
    two.ask("PUT", "/v1/items/new2", {"attributes": {"title": "New"}})
    two.post("/v1/events", _event("u1", "i1"))
    job = two.ended(two.post("/v1/jobs", {"kind": "fold"}).json)
    assert job["state"] == "done", job
    models = {_answer(two, worker=worker, user="u1")["model"] for worker in (False, True)}
    assert models == {job["model"]}
    back = two.post("/v1/models/rollback", {})
    assert back.status == 200, back.content
    models = {_answer(two, worker=worker, user="u1")["model"] for worker in (False, True)}
    assert models == {"a"}
    assert all(found == ["new2"] for found in _both(two, user="u1", candidates=["new2"]))


def test_who_is_erased_is_unknown_to_both_at_once(two: Running, root: Root) -> None:
    two.post("/v1/events", _event("gone", "i1"))
    lists = [_answer(two, worker=worker, user="gone") for worker in (False, True)]
    for answer in lists:
        two.post("/v1/impressions", {"list_id": answer["list_id"], "items": ["i2"]})
    job = two.post("/v1/erase", {"users": ["gone", "u2"]}).json
    for user in ("gone", "u2"):
        for worker in (False, True):
            assert _answer(two, worker=worker, user=user)["cold"]
    assert two.ended(job)["state"] == "done"
    gone = {answer["list_id"] for answer in lists}
    assert gone.isdisjoint(one.get("list_id") for one in records_of(root.log))
    assert two.post("/v1/events", _event("later", "i3")).json["accepted"] == 1
    assert all("i3" not in found for found in _both(two, user="later", k=40))


def test_limits_and_metrics_are_those_of_one_service(tmp_path: Path, saved: Path) -> None:
    root = new_root(tmp_path / "service", saved)
    keys = Keys(root.keys)
    reader, admin = keys.add("reader", ["read"]), keys.add("admin", ["admin"])
    (tmp_path / "limits.toml").write_text('fast_per_second = 5.0\naudit = "all"\n')
    given = ("--root", root.folder, "--processes", "2", "--config", tmp_path / "limits.toml")
    with running(*given) as service:
        until(lambda: service.get("/v1/status", admin).json.get("processes") == 2, "both answer")
        begun = time.monotonic()
        replies = [service.post("/v1/recommend", {"user": "u1"}, reader) for _ in range(60)]
        most = 10 + 5 * (time.monotonic() - begun)  # the burst, and what came back meanwhile
        done = [reply for reply in replies if reply.status == 200]
        assert 10 <= len(done) <= most + 1
        until(lambda: _answered(service, admin) == 60, "the metrics count both processes")
        entries = [
            row
            for row in service.get("/v1/audit?limit=500", admin).json["entries"]
            if row["route"] == "/v1/recommend"
        ]
        assert len(entries) == 60


def _answered(service: Running, key: str) -> float:
    """How many lists were asked for, by the metrics."""
    lines = service.get("/metrics", key).content.decode().splitlines()
    counts = [line for line in lines if line.startswith("kgrec_requests_total{")]
    return sum(float(one.split()[-1]) for one in counts if '"/v1/recommend"' in one)


def test_a_worker_that_is_killed_is_started_again(own: Running) -> None:
    assert own.process is not None
    [worker] = _children(own.process.pid)
    own.post("/v1/events", _event("before", "i1"))
    os.kill(worker, signal.SIGKILL)
    until(lambda: _left(own) == 1, "its end is noticed")
    assert own.get("/v1/status").json["trouble"].startswith("worker 0 ended (exit code -9)")
    own.post("/v1/events", _event("meanwhile", "i2"))
    assert own.ask("PUT", "/v1/rules", {"toml": _RULES}).status == 200
    assert own.ended(own.post("/v1/erase", {"users": ["u2"]}).json)["state"] == "done"
    until(lambda: _processes(own) == 2, "another one answers")
    for user, item in (("before", "i1"), ("meanwhile", "i2")):
        assert all(item not in found for found in _both(own, user=user, k=40))
    asked = {"user": "u1", "candidates": ["i1", "i2"], "exclude_seen": False}
    assert _both(own, **asked) == [["i2"], ["i2"]]
    assert all(_answer(own, worker=worker, user="u2")["cold"] for worker in (False, True))
    assert "trouble" not in own.get("/v1/status").json


def test_workers_end_with_the_first_process(own: Running) -> None:
    assert own.process is not None
    [worker] = _children(own.process.pid)
    own.kill()
    until(lambda: not Path(f"/proc/{worker}").exists(), "the worker ends")


def _children(process: int) -> list[int]:
    """The processes that a process has started."""
    text = Path(f"/proc/{process}/task/{process}/children").read_text("ascii")
    return [int(one) for one in text.split()]
