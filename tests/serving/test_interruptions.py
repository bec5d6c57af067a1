"""Kills, full disks, foreign models, a clock that goes back, and bodies that are made to hurt."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from kgrec.serving.event_log import records_of
from kgrec.serving.registry import Root
from tests.serving.running import Running, new_root, running_here

_ACTIVATE = """
import sys
from pathlib import Path
from kgrec.serving.registry import Root
root = Root(Path(sys.argv[1]))
for number in range(100_000):
    root.activate("ab"[number % 2], f"w{number}")
"""


@pytest.fixture
def root(tmp_path: Path, saved: Path) -> Root:
    return new_root(tmp_path / "service", saved)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory, saved: Path) -> Root:
    return new_root(tmp_path_factory.mktemp("kept") / "service", saved)


@pytest.fixture(scope="module")
def hurt(kept: Root) -> Iterator[Running]:
    """A service whose answers are still right at the end."""
    with running_here(kept) as service:
        yield service
        assert service.post("/v1/recommend", {"user": "u1"}).status == 200


def _event(**more: Any) -> dict[str, Any]:
    return {"events": [{"user": "hurt", "item": "i1", **more}]}


def test_a_kill_during_activations_leaves_one_model_active(root: Root) -> None:
    """The registry is that before or after a change, and a service starts from it."""
    root.add("b", root.new_folder("a"))
    process = subprocess.Popen([sys.executable, "-c", _ACTIVATE, str(root.folder)])
    end = time.monotonic() + 120
    while len(root.read().history) < 20:
        assert process.poll() is None
        assert time.monotonic() < end
        time.sleep(0.01)
    process.kill()
    process.wait()
    history = root.read().history
    names = [change.name for change in history]
    assert [change.before for change in history] == [None, *names[:-1]]
    root.activate("b", "afterwards")  # nothing is locked
    with running_here(root) as service:
        assert service.get("/v1/status").json["model"] == "b"


def test_a_kill_during_an_erasure_brings_nobody_back(root: Root) -> None:
    """From the answer on the person is unknown, also after a restart; asked again, it is done."""
    with running_here(root) as service:
        service.post("/v1/events", {"events": [{"user": "u3", "item": "i1"}]})
        job = service.post("/v1/erase", {"users": ["u3"]}).json
        assert service.get("/v1/users/u3/events").status == 404
        assert _kill_child()
        assert service.ended(job)["state"] == "failed"
        assert service.get("/v1/users/u3/events").status == 404
    with running_here(root) as service:
        assert service.get("/v1/users/u3/events").status == 404
        assert service.post("/v1/recommend", {"user": "u3"}).json["cold"]
        done = service.ended(service.post("/v1/erase", {"users": ["u3"]}).json)
        assert done["state"] == "done", done
    assert "u3" not in {record.get("user") for record in records_of(root.log)}


@pytest.mark.parametrize(
    ("begin", "why"),
    [(lambda: os._exit(9), "exit code 9"), (lambda: 1 // 0, "an error in kgrec itself")],
)
def test_a_job_whose_process_never_begins_has_failed(
    hurt: Running, monkeypatch: pytest.MonkeyPatch, begin: Callable[[], object], why: str
) -> None:
    """It does not run for ever, which would keep all other jobs out."""
    hurt.post("/v1/events", _event())
    for _ in range(5):  # whether its end is seen before its input is written differs
        with monkeypatch.context() as patched:
            patched.setattr("kgrec.serving.jobs._lowered", lambda: begin)
            job = hurt.ended(hurt.post("/v1/jobs", {"kind": "fold"}).json)
        assert (job["state"], why in job["detail"]) == ("failed", True), job
    assert hurt.ended(hurt.post("/v1/jobs", {"kind": "fold"}).json)["state"] == "done"
    assert hurt.post("/v1/models/a/activate", {}).status == 200


def _kill_child() -> bool:
    """Kill the process of the job, as soon as there is one; whether there was one."""
    folder = Path(f"/proc/{os.getpid()}/task")
    for _ in range(200):
        children = " ".join(
            (task / "children").read_text() for task in folder.iterdir() if task.exists()
        )
        for child in children.split():
            words = Path(f"/proc/{child}/cmdline")
            if words.exists() and b"kgrec.erasure" in words.read_bytes():
                os.kill(int(child), 9)
                return True
        time.sleep(0.02)
    return False


@pytest.mark.parametrize("kind", ["newer", "foreign", "truncated", "missing"])
def test_a_model_that_can_not_be_read_changes_nothing(hurt: Running, kept: Root, kind: str) -> None:
    folder = kept.new_folder(kind)
    if kind == "foreign":
        folder.mkdir()
        (folder / "config.json").write_text("{}")
    elif kind != "missing":
        shutil.copytree(kept.new_folder("a"), folder)
        place = folder / "manifest.json"
        text = place.read_text()
        if kind == "newer":
            values = json.loads(text)
            version = next(name for name in values if "version" in name)
            text = json.dumps({**values, version: 999})
        place.write_text(text if kind == "newer" else text[: len(text) // 2])
    kept.add(kind, folder)
    reply = hurt.post(f"/v1/models/{kind}/activate", {})
    assert (reply.status, reply.json["code"]) == (422, "invalid_request"), reply.content
    assert str(folder) in reply.json["detail"] or kind in reply.json["detail"]
    assert hurt.get("/v1/status").json["model"] == "a"


def test_a_full_disk_refuses_writes_and_no_lists(
    hurt: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(file: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("kgrec.serving.event_log.os.fsync", full)
        reply = hurt.post("/v1/events", _event(id="f1"))
        assert (reply.status, reply.json["code"]) == (503, "unavailable")
        assert int(reply.headers["retry-after"]) > 0
        assert hurt.post("/v1/bulk", [{"kind": "user", "id": "f2"}]).status == 503
        assert hurt.post("/v1/recommend", {"user": "u1"}).status == 200
    assert hurt.get("/v1/users/f2").status == 404
    reply = hurt.post("/v1/events", _event(id="f1")).json
    assert (reply["accepted"], reply.get("duplicate", 0)) == (1, 0)


def test_a_clock_that_goes_back_counts_nothing_twice(
    hurt: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = time.time
    hurt.post("/v1/events", _event(user="late", id="c1"))
    for days in (-30, 30, -1):
        with monkeypatch.context() as patched:
            patched.setattr("kgrec.serving.event_log.time.time", lambda d=days: real() + d * 86_400)
            sent = hurt.post("/v1/events", _event(user="late", id=f"c{days}")).json
            again = hurt.post("/v1/events", _event(user="late", id=f"c{days}")).json
        assert (sent["accepted"], again["accepted"]) == (1, 0)
    events = hurt.get("/v1/users/late/events").json
    assert events["total"] == 4
    times = [event["timestamp"] for event in events["events"]]
    assert times == sorted(times, reverse=True)
    assert "i1" not in hurt.items("late", k=40)


@pytest.mark.parametrize("rating", ["1e308", "-1e308", "1e400", "NaN", "Infinity", '"5"', "true"])
def test_ratings_are_numbers_of_a_scale(hurt: Running, rating: str) -> None:
    body = f'{{"events": [{{"user": "hurt", "item": "i1", "rating": {rating}}}]}}'.encode()
    assert hurt.post("/v1/events", body).status in (400, 422)


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/v1/recommend", "exclude"),
        ("/v1/recommend", "history"),
        ("/v1/similar", "items"),
        ("/v1/recommend/batch", "users"),
        ("/v1/score", "pairs"),
        ("/v1/erase", "users"),
        ("/v1/vectors", "ids"),
        ("/v1/graph/subgraph", "nodes"),
    ],
)
def test_a_million_ids_are_refused_before_they_are_read(
    hurt: Running, path: str, field: str
) -> None:
    for count, status in ((1_000_000, 413), (100_000, 422)):
        body = b'{"%s":[%s"a"]}' % (field.encode(), b'"a",' * count)
        assert hurt.post(path, body).status == status


def test_compressed_bodies_are_not_unpacked(hurt: Running) -> None:
    bomb = gzip.compress(b" " * 10_000_000)
    for path in ("/v1/recommend", "/v1/events", "/v1/bulk"):
        reply = hurt.post(path, bomb, content_encoding="gzip")
        assert (reply.status, reply.json["code"]) == (415, "encoded")


@pytest.mark.parametrize("text", ["\ud800", "\0", "a" * 513, "<script>", "'; DROP", "=1+1"])
def test_odd_ids_are_texts(hurt: Running, text: str) -> None:
    """They are refused, or come back as they were."""
    reply = hurt.post("/v1/events", json.dumps(_event(user=text)).encode())
    assert reply.status in (202, 400, 422)
    if reply.status == 202 and "\0" not in text:
        assert hurt.get(f"/v1/users/{quote(text, safe='')}/events").json["user"] == text
