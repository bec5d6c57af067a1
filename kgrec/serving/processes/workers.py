"""Workers: further processes that answer for a service's folder, as its first process sees them.

A worker answers what only reads, from the same models and the same log. All else it hands to the
first process, which alone stores records and runs jobs. Both share an address: the operating system
gives each a part of the connections.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import msgspec

from kgrec.errors import KgrecError, ServiceError
from kgrec.serving.access import Cost, Rate
from kgrec.serving.lists import GivenList, list_of_plain
from kgrec.serving.processes.messages import App, Call, Link, Listener
from kgrec.serving.processes.shared_memory import SharedLimiter, SharedNumbers

MARK: Final = "."  # before the number of a worker, at the end of the ids of its lists
_CHANGES: Final = ("follow", "keep_out", "rules")  # calls after which files are read again
_LOOK: Final = 0.2  # seconds between two looks at whether the workers run
_STEP: Final = 0.002  # seconds between two looks at how far they have the log
_PATIENCE: Final = 10.0  # seconds in which a worker is to have a record
_LONGEST: Final = 120.0  # seconds of a call, in which a worker may load a model
_PAUSES: Final = (1.0, 2.0, 4.0, 8.0, 15.0, 30.0)  # before a worker is started again
_LONGEST_PATH: Final = 100  # bytes of the name of a socket; systems take 104 or more
_STOP: Final = 15.0  # seconds in which it may end its answers


class WorkerStart(msgspec.Struct, frozen=True):
    """What a worker is to do.

    Attributes
    ----------
    number : int
        From 0.
    count : int
        Of all workers.
    root : str
        The folder of the service.
    place : str
        The folder of sockets and shared memory.
    config : dict
        Fields of ServiceConfig.
    host, port : str, int
    certificate, key : str or None
        Files for TLS.
    """

    number: int
    count: int
    root: str
    place: str
    config: dict[str, Any]
    host: str
    port: int
    certificate: str | None = None
    key: str | None = None


@dataclass(eq=False)
class _Worker:
    """One worker: its process, the way to it once it answers, and how often it has ended."""

    process: subprocess.Popen[bytes]
    link: Link | None = None
    ended: int = 0
    begun: float = field(default_factory=time.monotonic)


class Workers:
    """See the module.

    Parameters
    ----------
    count : int
        How many; at least one.

    Raises
    ------
    ServiceError
        Where this operating system can't share an address, or the name of the folder for temporary
        files is too long for a socket.
    """

    def __init__(self, count: int) -> None:
        if not hasattr(socket, "SO_REUSEPORT"):
            raise ServiceError(
                "this operating system does not share an address among processes; serve with one."
            )
        self.count = count
        self.place = Path(tempfile.mkdtemp(prefix="kgrec-"))  # for its owner alone
        if len(os.fsencode(worker_socket(self.place, count))) > _LONGEST_PATH:
            self.place.rmdir()
            raise ServiceError(
                f"{self.place.parent}: the name of this folder is too long for the socket of a "
                "process; set TMPDIR to a shorter one."
            )
        self.shared = SharedNumbers(numbers_of(self.place), count)
        self.trouble = ""
        self._workers: list[_Worker] = []
        self._asked: WorkerStart | None = None
        self._listener: Listener | None = None
        self._stopping = False

    @property
    def answering(self) -> int:
        """How many of them answer now."""
        return sum(one.link is not None for one in self._workers)

    def limiter(self, rates: dict[Cost, Rate]) -> SharedLimiter:
        """Limits of keys that hold for all processes together."""
        return SharedLimiter(rates, limits_of(self.place))

    def start(
        self,
        root: Path,
        config: Mapping[str, Any],
        host: str,
        port: int,
        certificate: Path | None,
        key: Path | None,
    ) -> None:
        """Start the processes; each answers once it has loaded the model and this one listens.
        Raises ServiceError."""
        tls = [None if file is None else str(file) for file in (certificate, key)]
        self._asked = WorkerStart(
            0, self.count, str(root), str(self.place), dict(config), host, port, *tls
        )
        self._workers = [_Worker(self._started(number)) for number in range(self.count)]

    async def run(self, app: App, calls: Mapping[str, Call]) -> None:
        """Answer the workers' calls and requests, and start again those that end."""
        self._listener = Listener(first_socket(self.place), {**calls, "ready": self._ready}, app)
        await self._listener.start()
        while not self._stopping:
            await asyncio.sleep(_LOOK)
            for number, worker in enumerate(self._workers):
                if worker.process.poll() is not None:
                    self._start_again(number, worker)

    async def tell(self, name: str, **arguments: Any) -> list[Any]:
        """What each worker answers to a call. One that can't is ended, and started anew."""
        if name in _CHANGES:
            self.shared.count_change()
        workers = [one for one in self._workers if one.link is not None]
        found = await asyncio.gather(*(_told(one, name, arguments) for one in workers))
        return [one for one in found if one is not None]

    async def have(self, number: int) -> None:
        """Wait until all workers that answer have the records up to this one."""
        end = time.monotonic() + _PATIENCE
        while time.monotonic() < end:
            ready = [place for place, one in enumerate(self._workers) if one.link is not None]
            if all(self.shared.has(place) >= number for place in ready):
                return
            await asyncio.sleep(_STEP)

    async def given(self, list_id: str) -> GivenList | None:
        """A list that a worker has given, by its id; None for others."""
        number = list_id.rpartition(MARK)[2]
        if not number.isdecimal() or int(number[:4]) >= len(self._workers):
            return None
        link = self._workers[int(number[:4])].link
        if link is None:
            return None
        try:
            found = await link.call("given", list_id=list_id)
        except KgrecError:
            return None
        return None if found is None else list_of_plain(found)

    async def stop(self) -> None:
        """End the workers, once they have given the answers that they have begun."""
        self._stopping = True
        for worker in self._workers:
            with suppress(OSError):
                worker.process.terminate()
        await asyncio.to_thread(self._wait)
        for worker in self._workers:
            if worker.link is not None:
                worker.link.close()
        if self._listener is not None:
            self._listener.close()

    def close(self) -> None:
        """End what still runs, and remove the folder of sockets."""
        self._stopping = True
        for worker in self._workers:
            if worker.process.poll() is None:
                worker.process.kill()
                worker.process.wait()
        shutil.rmtree(self.place, ignore_errors=True)

    def _wait(self) -> None:
        end = time.monotonic() + _STOP
        for worker in self._workers:
            try:
                worker.process.wait(max(end - time.monotonic(), 0.0))
            except subprocess.TimeoutExpired:
                worker.process.kill()
                worker.process.wait()

    async def _ready(self, number: int, changes: int) -> bool:
        """A worker will answer; False where it read the files before they changed last."""
        if changes != self.shared.changes:
            return False
        worker = self._workers[number]
        worker.link, worker.ended = Link(worker_socket(self.place, number)), 0
        if self.answering == self.count:
            self.trouble = ""
        return True

    def _start_again(self, number: int, worker: _Worker) -> None:
        """Start a worker that has ended, after a pause that grows if it ends soon again."""
        code = worker.process.returncode
        self.trouble = f"worker {number} ended (exit code {code}) and is started again."
        if worker.link is not None:
            worker.link.close()
            worker.link, worker.begun = None, time.monotonic()
        pause = _PAUSES[min(worker.ended, len(_PAUSES) - 1)]
        if time.monotonic() < worker.begun + pause:
            return
        worker.ended += 1
        worker.begun = time.monotonic()
        with suppress(OSError):  # no processes or memory left: at the next look
            worker.process = self._started(number)

    def _started(self, number: int) -> subprocess.Popen[bytes]:
        assert self._asked is not None
        asked = msgspec.structs.replace(self._asked, number=number)
        process = subprocess.Popen(
            [sys.executable, "-m", "kgrec.serving.processes"], stdin=subprocess.PIPE
        )
        assert process.stdin is not None
        self.shared.set_has(number, 0)
        with suppress(OSError):  # it has ended already
            process.stdin.write(json.dumps(msgspec.to_builtins(asked)).encode() + b"\n")
            process.stdin.flush()  # it stays open: a worker ends when this process does
        return process


async def _told(worker: _Worker, name: str, arguments: dict[str, Any]) -> Any:
    assert worker.link is not None
    try:
        return await asyncio.wait_for(worker.link.call(name, **arguments), _LONGEST)
    except (KgrecError, TimeoutError):
        with suppress(OSError):
            worker.process.kill()
        return None


def numbers_of(place: Path) -> Path:
    """The file of shared numbers."""
    return place / "numbers"


def limits_of(place: Path) -> Path:
    """The file of shared limits."""
    return place / "limits"


def first_socket(place: Path) -> str:
    """The socket of the first process."""
    return str(place / "first")


def worker_socket(place: Path, number: int) -> str:
    """The socket of a worker."""
    return str(place / f"worker-{number}")
