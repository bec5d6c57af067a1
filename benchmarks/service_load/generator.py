"""Requests at a constant rate, whether or not earlier ones are answered (an open loop).

The time of an answer counts from the moment at which its request was due, so that a service that
falls behind is not asked less (no coordinated omission, Tene 2015).
"""

from __future__ import annotations

import asyncio
import gc
import json
import selectors
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np

_T = TypeVar("_T")


def generate(load: Coroutine[Any, Any, _T]) -> _T:
    """Run a load to its end, with little lateness of its own.

    ``select`` waits for microseconds where Python's ``epoll`` waits for whole milliseconds, and the
    garbage collector, which looks at everything in this process, rests meanwhile.
    """
    gc.collect()
    gc.disable()
    try:
        with asyncio.Runner(loop_factory=_precise_loop) as runner:
            return runner.run(load)
    finally:
        gc.enable()


def _precise_loop() -> asyncio.AbstractEventLoop:
    return asyncio.SelectorEventLoop(selectors.SelectSelector())


@dataclass(frozen=True)
class Request:
    """One request, and what to do with the JSON of its answer."""

    path: str
    body: dict[str, Any]
    seen: Callable[[Any], None] | None = None

    def bytes(self, host: str) -> bytes:
        """The request as HTTP/1.1."""
        content = json.dumps(self.body).encode()
        head = (
            f"POST {self.path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(content)}\r\n\r\n"
        )
        return head.encode() + content


@dataclass
class Answers:
    """Seconds of the answers that were 200 or 202, and how many there were of each status; status 0
    is a connection that broke. ``late``: seconds from when a request was due until it was sent,
    which are the generator's own."""

    seconds: list[float] = field(default_factory=list)
    late: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    elapsed: float = 0.0

    def row(self) -> dict[str, Any]:
        """Milliseconds at some quantiles, answers a second, and what was not answered well."""
        times = np.array(self.seconds) * 1000
        found = {
            name: round(float(np.quantile(times, at)), 2) if len(times) else None
            for name, at in (("p50_ms", 0.5), ("p99_ms", 0.99), ("p999_ms", 0.999))
        }
        good = sum(self.statuses[status] for status in (200, 202))
        others = {str(s): n for s, n in sorted(self.statuses.items()) if s not in (200, 202)}
        return {
            **found,
            "late_p50_ms": round(float(np.median(self.late)) * 1000, 2) if self.late else None,
            "answers": good,
            "per_second": round(good / self.elapsed) if self.elapsed else None,
            "refused": others,
        }


async def at_rate(
    port: int, rate: float, requests: Sequence[Request], connections: int = 32
) -> Answers:
    """Send ``requests`` at ``rate`` a second over some connections."""
    waiting: asyncio.Queue[tuple[float, Request] | None] = asyncio.Queue()
    answers = Answers()
    workers = [asyncio.create_task(_work(port, waiting, answers)) for _ in range(connections)]
    start = time.perf_counter()
    for number, request in enumerate(requests):
        due = start + number / rate
        pause = due - time.perf_counter()
        if pause > 0:
            await asyncio.sleep(pause)
        waiting.put_nowait((due, request))
    for _ in workers:
        waiting.put_nowait(None)
    await asyncio.gather(*workers)
    answers.elapsed = time.perf_counter() - start
    return answers


async def at_most(
    port: int, seconds: float, make: Callable[[], Request], connections: int = 8
) -> Answers:
    """Send requests as fast as they are answered (a closed loop), for some seconds."""
    answers, end = Answers(), time.perf_counter() + seconds

    async def work() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while time.perf_counter() < end:
            await _ask(reader, writer, make(), time.perf_counter(), answers)
        writer.close()

    start = time.perf_counter()
    await asyncio.gather(*(work() for _ in range(connections)))
    answers.elapsed = time.perf_counter() - start
    return answers


async def _work(
    port: int, waiting: asyncio.Queue[tuple[float, Request] | None], answers: Answers
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    while (one := await waiting.get()) is not None:
        due, request = one
        try:
            await _ask(reader, writer, request, due, answers)
        except (OSError, asyncio.IncompleteReadError):
            answers.statuses[0] += 1
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.close()


async def _ask(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    request: Request,
    due: float,
    answers: Answers,
) -> None:
    answers.late.append(time.perf_counter() - due)
    writer.write(request.bytes("localhost"))
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    status = int(head[9:12])
    length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
    content = await reader.readexactly(length)
    if status in (200, 202):
        answers.seconds.append(time.perf_counter() - due)
    if request.seen is not None:
        request.seen(json.loads(content) if status in (200, 202) else None)
    answers.statuses[status] += 1
    if b"connection: close" in head:
        raise ConnectionResetError
