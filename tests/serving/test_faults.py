"""What the service does when it is killed, stopped, refused and asked too much."""

from __future__ import annotations

import http.client
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from graph_schema.disk.locks import held
from kgrec import Recommender, connect
from kgrec.errors import ModelError, RequestError, ServiceError
from kgrec.serving.access import Keys
from kgrec.serving.config import ServiceConfig
from kgrec.serving.event_log import EventLog, records_of
from kgrec.serving.fold import fold
from kgrec.serving.registry import Root
from kgrec.serving.server import serve
from tests.recommender import catalogs
from tests.serving.running import Running, new_root, running, until
from tests.serving.test_store_sync import events_of

_LIMITS = "fast_per_second = 8.0\nslow_queue = 2\nbody_seconds = 0.5\n"


@pytest.fixture
def root(tmp_path: Path, saved: Path) -> Root:
    """The folder of a service with the model "a"."""
    return new_root(tmp_path / "service", saved)


@pytest.fixture(scope="module")
def locked(
    tmp_path_factory: pytest.TempPathFactory, saved: Path
) -> Iterator[tuple[Running, Root, dict[str, str]]]:
    """A service with a key for each scope, and low limits; its folder, and the keys."""
    folder = tmp_path_factory.mktemp("locked")
    (folder / "limits.toml").write_text(_LIMITS)
    root = Root.open(folder / "service")
    keys = Keys(root.keys)
    texts = {scope: keys.add(scope, [scope]) for scope in ("read", "write", "explore", "admin")}
    arguments = ["--root", root.folder, "--model", saved, "--config", folder / "limits.toml"]
    with running(*arguments, "--host", "0.0.0.0") as service:
        yield service, root, texts


def test_what_was_acknowledged_is_there_after_a_kill(root: Root, tmp_path: Path) -> None:
    """Killed while events are posted: every acknowledged one is there, and once, also in the
    store."""
    acknowledged: list[str] = []
    with connect(tmp_path / "catalog.kgl") as store:
        store.write(catalogs.catalog())
    (tmp_path / "often.toml").write_text("store_write_seconds = 0.01\n")
    more = ("--store", tmp_path / "catalog.kgl", "--config", tmp_path / "often.toml")
    with running("--root", root.folder, *more) as service:

        def post(thread: int) -> None:
            for number in range(10_000):
                key = f"{thread}-{number}"
                event = {"id": key, "user": f"k{thread}", "item": f"i{number % 40}"}
                try:
                    reply = service.post("/v1/events", {"events": [event]})
                except (OSError, http.client.HTTPException):  # it was killed
                    return
                assert reply.status == 202
                acknowledged.append(key)

        threads = [threading.Thread(target=post, args=(place,)) for place in range(4)]
        for thread in threads:
            thread.start()
        while len(acknowledged) < 100:
            assert all(thread.is_alive() for thread in threads)
            time.sleep(0.01)
        service.kill()
        for thread in threads:
            thread.join()
    stored = [record["event_id"] for record in records_of(root.log)]
    assert len(stored) == len(set(stored))
    assert set(acknowledged) <= set(stored)
    with running("--root", root.folder, *more) as service:
        again = [{"id": key, "user": "other", "item": "i1"} for key in acknowledged[-50:]]
        reply = service.post("/v1/events", {"events": again}).json
        assert (reply["accepted"], reply["duplicate"]) == (0, len(again))
        totals = [service.get(f"/v1/users/k{place}/events").json["total"] for place in range(4)]
        assert sum(totals) == len(stored)
        until(lambda: service.get("/v1/status").json["store"]["lacks"] == 0, "the store has all")
        with connect(tmp_path / "catalog.kgl") as store:
            assert sum(len(events_of(store, f"k{place}")) for place in range(4)) == len(stored)
        _end_in_order(service)


def _end_in_order(service: Running) -> None:
    """Asked to stop while it works: what was begun is answered, and nothing is an error."""
    statuses: list[int] = []

    def ask() -> None:
        statuses.append(service.post("/v1/why-not", {"user": "u1", "item": "i5"}).status)

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    while service.get("/v1/status").json["slow"] == 0 and any(one.is_alive() for one in threads):
        time.sleep(0.001)
    assert service.process is not None
    service.process.terminate()
    assert service.process.wait(timeout=30) in (0, -signal.SIGTERM)
    for thread in threads:
        thread.join()
    assert set(statuses) <= {200, 503}
    assert 200 in statuses
    assert "Traceback" not in "".join(service.said)


def test_a_fold_that_is_killed_leaves_no_model(root: Root) -> None:
    """The folder is complete or not there, and the registry names complete ones alone."""
    log = EventLog(root.log)
    event = {"kind": "event", "user": "fan", "item": "i2", "timestamp": 5, "received": 5}
    log.append([event]).result()
    log.close()
    process = subprocess.Popen(
        [sys.executable, "-m", "kgrec.serving.fold", str(root.folder), "a", "f", "1"]
    )
    while process.poll() is None and not list((root.folder / "models").glob("*f*")):
        time.sleep(0.001)
    process.kill()
    process.wait()
    if "f" not in root.read().models:
        assert fold(root, "a", "f", 1) == []
    assert "fan" in Recommender.load(root.new_folder("f")).snapshot.users.ids.tolist()


def test_what_can_not_be_served_is_said_at_the_start(root: Root) -> None:
    with pytest.raises(ServiceError, match="there are no keys"):
        serve(root, ServiceConfig(), "0.0.0.0", 0)
    with held(root.folder), pytest.raises(ServiceError, match="another process serves"):
        serve(root, ServiceConfig(), "127.0.0.1", 0)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ServiceError, match="choose another with --port"):
            serve(root, ServiceConfig(), "127.0.0.1", port)
    (root.new_folder("a") / "manifest.json").unlink()
    with pytest.raises(ModelError, match=r"manifest\.json is missing"):
        serve(root, ServiceConfig(), "127.0.0.1", 0)
    root.log.write_bytes(b"damaged\n" + b'00000000 {"number": 1}\n')
    root.registry_file.write_text("{")
    with pytest.raises(ServiceError, match="put back a copy"):
        serve(root, ServiceConfig(), "127.0.0.1", 0)
    assert root.registry_file.read_text() == "{"


def test_an_empty_folder_needs_a_model(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="no model is active"):
        serve(Root.open(tmp_path / "new"), ServiceConfig(), "127.0.0.1", 0)


def test_keys_say_who_may_do_what(locked: tuple[Running, Root, dict[str, str]]) -> None:
    service, root, texts = locked
    asked = {"user": "u1", "k": 2}
    assert service.post("/v1/recommend", asked).status == 401
    assert service.post("/v1/recommend", asked, key="kgrec_wrong").status == 401
    assert service.post("/v1/recommend", asked, x_api_key=texts["read"]).status == 200
    event = {"events": [{"user": "u1", "item": "i1"}]}
    allowed = {
        scope: [
            service.post("/v1/recommend", asked, text).status,
            service.post("/v1/events", event, text).status,
            service.get("/v1/graph/nodes/Item/i1", text).status,
            service.post("/v1/models/model/activate", {"if_current": "x"}, text).status,
            service.get("/v1/graph/nodes/Item/i1/neighbours?people=true", text).status,
        ]
        for scope, text in texts.items()
    }
    assert allowed == {
        "read": [200, 403, 403, 403, 403],
        "write": [403, 202, 403, 403, 403],
        "explore": [403, 403, 200, 403, 403],
        "admin": [200, 202, 200, 409, 200],
    }
    assert service.get("/health/ready").status == 200
    assert service.get("/metrics").status == 401
    files = [path for path in root.folder.iterdir() if path.is_file()]
    everything = "".join([*service.said, *(path.read_text("utf-8") for path in files)])
    assert [text for text in texts.values() if text in everything] == []


def test_keys_change_while_it_runs(locked: tuple[Running, Root, dict[str, str]]) -> None:
    service, root, _ = locked
    keys = Keys(root.keys)
    text = keys.add("guest", ["read"])
    until(lambda: service.get("/v1/models", text).status == 200, "the key is let in", 10)
    keys.remove("guest")
    until(lambda: service.get("/v1/models", text).status == 401, "the key is refused", 10)


def test_a_key_that_asks_too_often_waits(locked: tuple[Running, Root, dict[str, str]]) -> None:
    service, root, texts = locked
    often = Keys(root.keys).add("often", ["read"])
    until(lambda: service.get("/v1/models", often).status == 200, "the key is let in", 10)
    replies = [service.post("/v1/recommend", {"user": "u1"}, often) for _ in range(60)]
    refused = [reply for reply in replies if reply.status == 429]
    assert refused
    assert {reply.status for reply in replies} == {200, 429}
    assert all(int(reply.headers["retry-after"]) >= 1 for reply in refused)
    assert service.get("/v1/models", texts["admin"]).status == 200


def test_slow_work_is_refused_when_much_waits(
    locked: tuple[Running, Root, dict[str, str]],
) -> None:
    """Lists are answered all the same."""
    service, _, texts = locked
    statuses: list[int] = []

    def ask() -> None:
        asked = {"user": "u1", "item": "i5", "k": 20}
        statuses.append(service.post("/v1/why-not", asked, texts["read"]).status)

    threads = [threading.Thread(target=ask) for _ in range(24)]
    for thread in threads:
        thread.start()
    assert service.post("/v1/recommend", {"user": "u2"}, texts["admin"]).status == 200
    for thread in threads:
        thread.join()
    assert set(statuses) == {200, 503}


def test_slow_and_idle_connections_hold_nobody_up(
    locked: tuple[Running, Root, dict[str, str]],
) -> None:
    service, _, texts = locked
    idle = [socket.create_connection(("127.0.0.1", service.port)) for _ in range(50)]
    slow = socket.create_connection(("127.0.0.1", service.port), timeout=30)
    slow.sendall(
        b"POST /v1/recommend HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        b"Authorization: Bearer %s\r\nContent-Length: 100\r\n\r\n{" % texts["admin"].encode()
    )
    assert service.post("/v1/recommend", {"user": "u2"}, texts["admin"]).status == 200
    assert b" 408 " in slow.recv(200)
    for one in [*idle, slow]:
        one.close()
