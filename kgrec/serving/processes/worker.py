"""WorkerService: a further process of a service, which answers what only reads.

It follows the log of the first process before each answer, and loads the models that the first one
activates. What writes or runs jobs it hands over.
"""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Final, cast

import msgspec

from kgrec.errors import ServiceError
from kgrec.rules import RuleFolder
from kgrec.serving.access import Cost, Limiter, Rate
from kgrec.serving.audit import AuditLog
from kgrec.serving.config import ServiceConfig
from kgrec.serving.event_log import EventLog, Record
from kgrec.serving.experiments.shadow import WAITING as SHADOW_WAITING
from kgrec.serving.experiments.shadow import Offers, ShadowLike, ShadowRecord
from kgrec.serving.lists import plain_list
from kgrec.serving.live_graph import GRAPH
from kgrec.serving.processes.followed_log import FollowedLog
from kgrec.serving.processes.listening import bound, server_of
from kgrec.serving.processes.messages import Link, Listener
from kgrec.serving.processes.shared_memory import SharedLimiter, SharedNumbers
from kgrec.serving.processes.workers import (
    MARK,
    WorkerStart,
    first_socket,
    limits_of,
    numbers_of,
    worker_socket,
)
from kgrec.serving.registry import Root
from kgrec.serving.service import Service, Warm
from kgrec.stores.people.erased_people import Tombstones

_LOOK: Final = 0.01  # seconds between two looks at the log, beside those before answers


class AuditSender:
    """Hands the entries of the audit log to the process that writes it."""

    def __init__(self, first: Link) -> None:
        self._first, self._tasks = first, set[asyncio.Task[Any]]()
        self.lost = 0  # entries that did not arrive

    def add(self, *entry: Any, people: bool = False) -> None:
        """See ``AuditLog``."""
        task = asyncio.get_running_loop().create_task(self._send(list(entry), people))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def close(self) -> None:
        """Nothing is open here."""

    async def _send(self, entry: list[Any], people: bool) -> None:
        try:
            await self._first.call("audit", entry=entry, people=people)
        except ServiceError:
            self.lost += 1


class ShadowSender:
    """Hands requests to the process that has the shadow; see ``Shadow``."""

    def __init__(self, share: float, first: Link) -> None:
        self.record, self.ended = ShadowRecord(), ""  # the first process has them
        self._offers, self._first, self._tasks = Offers(share), first, set[asyncio.Task[Any]]()

    def offer(self, body: object, sent: list[str], seconds: float) -> None:
        """See ``Shadow``."""
        if not self._offers.take() or len(self._tasks) >= SHADOW_WAITING:
            return
        given = {"body": msgspec.json.encode(body), "sent": sent, "seconds": seconds}
        task = asyncio.get_running_loop().create_task(self._send(given))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def add(self, records: Iterable[Record]) -> None:
        """The shadow has them from the first process."""

    def stop(self) -> None:
        """Nothing runs here."""

    async def _send(self, given: dict[str, Any]) -> None:
        with suppress(ServiceError):  # where the first process is gone, so is the shadow
            await self._first.call("shadow", **given)


class WorkerService(Service):
    """See the module.

    Parameters
    ----------
    asked : WorkerStart
    warm : callable
        As of ``Service``.
    """

    is_first = False

    def __init__(self, asked: WorkerStart, warm: Warm) -> None:
        place = Path(asked.place)
        self.number, self.mark = asked.number, f"{MARK}{asked.number}"
        self.shared = SharedNumbers(numbers_of(place), asked.count)
        self.first = Link(first_socket(place))
        self._limits = limits_of(place)
        self._graph_waits = False
        self._changes = self.shared.changes  # before anything is read
        config = ServiceConfig(**{**asked.config, "drift_per_second": 0})  # the first one's part
        super().__init__(Root(Path(asked.root)), config, warm)

    def _limiter(self, rates: dict[Cost, Rate]) -> Limiter:
        return SharedLimiter(rates, self._limits)

    def _logs(self) -> tuple[EventLog, AuditLog]:
        self._followed = FollowedLog(self.root.log, self.shared)
        return cast(EventLog, self._followed), cast(AuditLog, AuditSender(self.first))

    async def store(self, records: Sequence[Record]) -> int:
        """Let the first process store records, and count them. Raises ServiceError."""
        if not records:
            return self.log.last
        first = int(await self.first.call("store", records=list(records)))
        self.catch_up()
        return first

    def catch_up(self) -> None:
        """Let answers count what other processes have stored. Raises ServiceError."""
        records = self._followed.new_records()
        if not records:
            return
        self._graph_waits |= any(record["kind"] in GRAPH for record in records)
        self._take(records)

    async def follow_log(self) -> None:
        """Take in new records also without requests, with nodes and facts, and say how far it
        is."""
        await self.repeat(_LOOK, self._follow_log, "following the log")

    async def _follow_log(self) -> None:
        self.catch_up()
        until = self.log.last
        if self._graph_waits:
            self._graph_waits = False
            await self.grow()
        self.shared.set_has(self.number, until)

    async def greet(self) -> None:
        """Tell the first process that this one will answer, with all that it knows."""
        while not await self.first.call("ready", number=self.number, changes=self._changes):
            self._changes = self.shared.changes
            self.tombstones = Tombstones.read(self.root.tombstones)
            await self._swap_to(self.root.read().active or self.served.entry.name)
            await self.experiments.follow(anew=True)

    def calls(self) -> dict[str, Callable[..., Awaitable[Any]]]:
        """What the first process calls."""
        return {
            "arms": self._arms,
            "follow": self._follow_first,
            "forget": self._forget,
            "given": self._given,
            "keep_out": self._keep_out,
            "metrics": self._metrics,
            "rules": self._read_rules,
        }

    def new_shadow(self, share: float, model: str) -> ShadowLike:
        """Nothing answers here: the first process has the shadow."""
        return ShadowSender(share, self.first)

    async def _arms(self, experiment: str) -> list[list[Any]] | None:
        return self.experiments.take_answers(experiment)

    async def _follow_first(self) -> None:
        """Load what was activated, and run the experiments that run."""
        await self._follow_once()
        async with self.swapping:
            active = self.root.read().active
            if active not in (None, self.served.entry.name):
                raise ServiceError(f"model {active!r} could not be loaded.")
        await self.experiments.follow(anew=True)

    async def _read_rules(self) -> None:
        async with self.swapping:
            served = self.served
            served.model.rules = RuleFolder(self.root.folder_of(served.entry)).rules

    async def _keep_out(self, users: list[str]) -> None:
        tombstones = Tombstones.read(self.root.tombstones)
        assert tombstones is not None
        self._leave_out(users, tombstones)

    async def _forget(self, users: list[str]) -> list[str]:
        return sorted(self.lists.forget(set(users)))

    async def _given(self, list_id: str) -> Any:
        found = self.lists.find(list_id)
        return None if found is None else plain_list(found)

    async def _metrics(self) -> str:
        return self.metrics.text().decode()


def run_worker(
    asked: WorkerStart, warm: Warm, application: Callable[[WorkerService, Any], Any]
) -> None:
    """Answer until the first process ends, or asks for the end.

    ``application(service, lifespan)`` makes the ASGI application. Raises ServiceError, ModelError.
    """
    threading.Thread(target=_end_with_input, daemon=True).start()
    service = WorkerService(asked, warm)
    service.load()
    service.shared.set_has(service.number, service.log.last)

    @asynccontextmanager
    async def lifespan(app: Any) -> AsyncIterator[None]:
        path = worker_socket(Path(asked.place), asked.number)
        with suppress(FileNotFoundError):
            os.unlink(path)  # of one that was killed
        listener = Listener(path, service.calls())
        await listener.start()
        tasks = [
            asyncio.create_task(service.follow_log()),
            asyncio.create_task(service.follow()),
            asyncio.create_task(service.experiments.run()),
        ]
        await service.greet()
        yield
        service.stopping = True
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        listener.close()
        service.first.close()
        await service.stop()

    certificate, key = (
        None if one is None else Path(one) for one in (asked.certificate, asked.key)
    )
    _wait_for(first_socket(Path(asked.place)))
    with bound(asked.host, asked.port, shared=True) as socket:  # it listens once this one knows all
        server_of(application(service, lifespan), certificate, key).run(sockets=[socket])


def _wait_for(path: str) -> None:
    """Wait until the first process listens, which may still load its model; ``_end_with_input``
    ends this one where that fails."""
    while not Path(path).exists():
        time.sleep(_LOOK)


def _end_with_input() -> None:
    """End this process when the first one has ended, which holds the other end of its input."""
    while os.read(0, 1):
        pass
    os._exit(0)  # at once: it has nothing that is not stored
