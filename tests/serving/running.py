"""A service in a process of its own, and a plain client of it."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uvicorn

from kgrec.serving.config import ServiceConfig
from kgrec.serving.registry import Root
from kgrec.serving.service import Service
from kgrec.serving.verbs.lists import warm
from kgrec.serving.web.app import make_app

_COMMAND = [sys.executable, "-c", "from kgrec.cli import app; app()", "serve"]
JOB_SECONDS = 300.0  # within which a job of a test ends, on however busy a machine


@dataclass(frozen=True)
class Reply:
    """The answer to a request; ``json`` is what its body says."""

    status: int
    headers: dict[str, str]
    content: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.content)


@dataclass
class Running:
    """A service that runs: its process (None: this one) and port."""

    process: subprocess.Popen[str] | None
    port: int
    said: list[str] = field(default_factory=list)

    def ask(
        self, method: str, path: str, body: Any = None, key: str | None = None, **headers: str
    ) -> Reply:
        """Ask for one answer. ``body``: bytes as they are, or what becomes JSON."""
        content = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        given = {"Content-Type": "application/json"} if content is not None else {}
        given |= {name.replace("_", "-"): value for name, value in headers.items()}
        if key is not None:
            given["Authorization"] = f"Bearer {key}"
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path, content, given)
            reply = connection.getresponse()
            names = {name.lower(): value for name, value in reply.getheaders()}
            return Reply(reply.status, names, reply.read())
        finally:
            connection.close()

    def post(self, path: str, body: Any, key: str | None = None, **headers: str) -> Reply:
        """``ask`` with POST."""
        return self.ask("POST", path, body, key, **headers)

    def get(self, path: str, key: str | None = None, **headers: str) -> Reply:
        """``ask`` with GET."""
        return self.ask("GET", path, None, key, **headers)

    def items(self, user: str, **asked: Any) -> list[str]:
        """The ids of a user's list."""
        reply = self.post("/v1/recommend", {"user": user, **asked})
        assert reply.status == 200, reply.content
        return [item["id"] for item in reply.json["items"]]

    def ended(self, job: dict[str, Any]) -> dict[str, Any]:
        """A job of this answer as it is once it has ended; the test fails where it does not end."""
        end = time.monotonic() + JOB_SECONDS
        while job["state"] == "running":
            assert time.monotonic() < end, f"a job runs for ever: {job}"
            time.sleep(0.05)
            job = self.get(f"/v1/jobs/{job['id']}").json
        return job

    def kill(self) -> None:
        """End it as a power cut would."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()


def until(found: Callable[[], Any], what: str | Callable[[], str], seconds: float = 60.0) -> Any:
    """Wait until something is so, and return it."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = found()
        if value:
            return value
        time.sleep(0.02)
    said = what if isinstance(what, str) else what()
    raise AssertionError(f"not within {seconds:g} s: {said}")


@contextmanager
def running(*arguments: str | Path) -> Iterator[Running]:
    """A service with these arguments on a free port, until the end of the block."""
    process = subprocess.Popen(
        [*_COMMAND, "--port", "0", *map(str, arguments)],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    said: list[str] = []
    assert process.stderr is not None
    try:
        for line in process.stderr:
            said.append(line)
            if line.startswith("serving "):
                break
        else:
            raise AssertionError(f"the service did not start: {''.join(said)}")
        found = Running(process, int(said[-1].rsplit(":", 1)[1]), said)
        reader = threading.Thread(target=said.extend, args=(process.stderr,), daemon=True)
        reader.start()
        yield found
    finally:
        process.terminate()
        try:
            process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def running_here(root: Root, config: ServiceConfig | None = None, **more: Any) -> Iterator[Running]:
    """A service in a thread of this process, which starts in a fraction of the time."""
    service = Service(root, config or ServiceConfig(), warm, **more)
    service.load()
    server = uvicorn.Server(uvicorn.Config(make_app(service), log_level="warning", lifespan="on"))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            while not server.started and thread.is_alive():
                time.sleep(0.01)
            yield Running(None, listener.getsockname()[1])
        finally:
            server.should_exit = True
            thread.join(30)
    assert not thread.is_alive()


def new_root(folder: Path, saved: Path) -> Root:
    """The folder of a service with a copy of a saved model, "a", which answers."""
    made = Root.open(folder)
    shutil.copytree(saved, made.new_folder("a"))
    made.add("a", made.new_folder("a"))
    made.activate("a", "test")
    return made
