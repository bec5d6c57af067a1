"""StoreSync: the task of a service that keeps the store of the graph and its log alike."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from typing import Any, Final, TypeVar

from kgrec.serving.event_log import now
from kgrec.serving.live_graph import EVENT, keeps
from kgrec.serving.problems import words_of
from kgrec.serving.service import Service
from kgrec.serving.store_sync.following import graph_news, records_of_news, start_of
from kgrec.serving.store_sync.opened_store import OpenedStore
from kgrec.serving.store_sync.refused import RefusedRecords
from kgrec.serving.store_sync.writing import StoreWriter
from kgrec.stores.following.changes import MOST, Changes, read_changes
from kgrec.stores.people.erased_people import Tombstones

_T = TypeVar("_T")
_LONGEST: Final = 60.0  # seconds between two attempts
_CLOCKS: Final = 60  # seconds by which a change may be seen later than its time says
_LAST: Final = 5.0  # seconds in which the last batch may end when the service stops
_NAMED: Final = 20  # refused records in the status
_LEAST: Final = 0.05  # seconds between two batches of many


@dataclass
class StoreState:
    """How a store and the log differ.

    Attributes
    ----------
    trouble : str
        Why the store can't be written or read now; "" where it can.
    since : int or None
        Unix seconds since which that is so.
    followed, passed_over : int
        Rows of the store that came into the log since the start, and those that could not.
    """

    trouble: str = ""
    since: int | None = None
    followed: int = 0
    passed_over: int = 0


class StoreSync:
    """Writes the log of a service into its store, and takes in what others write there.

    One batch or one look at the store at a time, in a thread beside the answers.

    Parameters
    ----------
    service : Service
        It has a store.
    store : OpenedStore
        This store.

    Raises
    ------
    ServiceError
        Where the files in the service's folder can't be read or written.
    """

    def __init__(self, service: Service, store: OpenedStore) -> None:
        self.service, self.store, self.state = service, store, StoreState()
        self.refused = RefusedRecords(service.root.refused)
        self.writer = StoreWriter(
            service.log, store, service.root.positions, self.refused, lambda: service.tombstones
        )
        self._one = asyncio.Lock()
        self._failures = 0
        self._thread: threading.Thread | None = None
        self._mark: object = None
        self._due = 0.0

    @property
    def lacks(self) -> int:
        """How many records of the log the store does not have yet."""
        if not self.service.config.store_write_seconds:
            return 0
        return max(self.service.log.last - self.writer.position.written_until, 0)

    async def run(self) -> None:
        """Work until the service stops. Where the store can't be used the answers go on, and it is
        tried again after growing pauses."""
        while not self.service.stopping:
            await asyncio.sleep(await self._turn())

    async def _turn(self) -> float:
        """Write and look once; the seconds to wait then."""
        try:
            async with self._one:
                pause = await self._work()
        except Exception as error:  # it is said in /v1/status, and tried again
            return self._failed(error)
        self.state.trouble, self.state.since, self._failures = "", None, 0
        return pause

    async def _work(self) -> float:
        config, pauses = self.service.config, []
        if config.store_write_seconds:
            started = time.perf_counter()
            written = await self._beside(self.writer.step)
            if written:
                self.service.metrics.store_seconds.observe(time.perf_counter() - started)
            pauses.append(_LEAST if written and self.lacks else config.store_write_seconds)
        if config.store_follow_seconds:
            loop = asyncio.get_running_loop()
            if loop.time() >= self._due:
                await self._follow()
                self._due = loop.time() + config.store_follow_seconds
            pauses.append(max(self._due - loop.time(), _LEAST))
        return min(pauses)

    def _failed(self, error: Exception) -> float:
        self.state.trouble = words_of(error, "keeping the store and the log alike")
        self.state.since = self.state.since or now()
        self._failures += 1
        least = self.service.config.store_write_seconds or self.service.config.store_follow_seconds
        return float(min(least * 2.0 ** min(self._failures, 20), _LONGEST))

    def status(self) -> dict[str, Any]:
        """How the store and the log differ, for ``/v1/status``."""
        return {
            "address": self.store.address,
            "lacks": self.lacks,
            "written_until": self.writer.position.written_until,
            "refused": len(self.refused.numbers),
            "last_refused": self.refused.numbers[-_NAMED:],
            **asdict(self.state),
        }

    def measure(self) -> None:
        """Set the gauges of the store to what is so now."""
        metrics = self.service.metrics
        metrics.store_up.set(0 if self.state.trouble else 1)
        metrics.store_lag.set(self.lacks)
        metrics.store_refused.set(len(self.refused.numbers))

    async def _follow(self) -> None:
        """Take in what others wrote since the last look, and note until when."""
        mark = await self._beside(lambda: self.store.get().write_mark())
        if mark is not None and mark == self._mark:
            return
        started, position = now(), self.writer.position
        late = int(self.service.config.store_late_seconds)
        if position.events is None or position.nodes is None:
            events = nodes = start_of(self.service.served)
        else:
            events, nodes = position.events - late, position.nodes - _CLOCKS
        changes = await self._beside(lambda: self._changes(events, nodes))
        await self._take_in(changes)
        until = started if changes.events_until is None else changes.events_until + late
        seen = started if changes.nodes_until is None else changes.nodes_until + _CLOCKS
        moved = replace(self.writer.position, events=until, nodes=seen)
        await self._beside(lambda: self.writer.move(moved))
        whole = changes.events_until is None and changes.nodes_until is None
        self._mark = mark if whole else None

    def _changes(self, events: int, nodes: int) -> Changes:
        own, most = f"{self.writer.positions.service}-", MOST
        while True:
            found = read_changes(self.store.get(), events, nodes, own, most=most)
            if found.events_until != events and found.nodes_until != nodes:
                return found
            most *= 4  # more rows than that are of the first second

    async def _take_in(self, changes: Changes) -> None:
        """Let answers count what is new, as if it had been posted."""
        served = self.service.served
        news = await self._beside(lambda: graph_news(served, changes))
        records, refused = await records_of_news(self.service, changes.interactions, news)
        if records:
            await self.service.store(records)
        if any(record["kind"] != EVENT for record in records):
            await self.service.grow()
        self.state.followed += len(records)
        self.state.passed_over += refused
        self.service.metrics.store_followed.inc(len(records))

    async def erase(self, users: Sequence[str]) -> dict[str, Any]:
        """Erase people from the store and the refused records, and keep them out of the store.

        Returns the place for a receipt. Raises StoreError and ErasureError.
        """
        async with self._one:
            removed = await self._beside(lambda: self._erase(users))
        return {"kind": "store", "place": self.store.address, "removed": removed}

    def _erase(self, users: Sequence[str]) -> int:
        self.refused.keep(keeps((), set(users).__contains__))
        store = self.store.get()
        if store.tombstones is not None:
            known = Tombstones.read(store.tombstones) or Tombstones()
            known.with_users(users).write(store.tombstones)
        return sum(store.remove(users=list(users), missing="ignore").rows.values())

    async def stop(self) -> None:
        """Wait a while for what is done now: a batch that is cut off is written again."""
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join, _LAST)

    async def _beside(self, work: Callable[[], _T]) -> _T:
        """Do work in a thread that does not hold up the end of the process, as those of a pool
        do."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[_T] = loop.create_future()

        def run() -> None:
            try:
                result = work()
            except BaseException as error:
                _tell(loop, done, done.set_exception, error)
            else:
                _tell(loop, done, done.set_result, result)

        self._thread = threading.Thread(target=run, name="kgrec-store", daemon=True)
        self._thread.start()
        return await done


def _tell(
    loop: asyncio.AbstractEventLoop,
    done: asyncio.Future[Any],
    end: Callable[[Any], None],
    what: object,
) -> None:
    """Let the loop have a result, unless nobody waits for it any more."""
    with suppress(RuntimeError):  # the loop is closed
        loop.call_soon_threadsafe(lambda: None if done.done() else end(what))
