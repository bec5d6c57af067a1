"""Progress of long work on stderr: bars on a terminal, plain lines anywhere else."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)

Report = Callable[[str, int, int], None]

LINE_EVERY_SECONDS = 5.0


@contextmanager
def progress_on_stderr() -> Iterator[Report]:
    """A callable (what, done, total) that shows how far the work is; total 0 means unknown."""
    if not sys.stderr.isatty():
        yield PlainLines()
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as bars:
        yield Bars(bars)


class Bars:
    """One bar for each kind of work; texts after a colon ("training: loss 3.1") only relabel it."""

    def __init__(self, bars: Progress) -> None:
        self._bars = bars
        self._tasks: dict[str, TaskID] = {}

    def __call__(self, what: str, done: int, total: int) -> None:
        kind = what.partition(":")[0]
        if kind not in self._tasks:
            self._tasks[kind] = self._bars.add_task(what, total=total or None)
        self._bars.update(self._tasks[kind], description=what, completed=done, total=total or None)


class PlainLines:
    """A line when a kind of work begins and ends, and every few seconds in between."""

    def __init__(self) -> None:
        self._kind = ""
        self._last = 0.0
        self._said = ""

    def __call__(self, what: str, done: int, total: int) -> None:
        kind = what.partition(":")[0]
        now = time.monotonic()
        finished = total > 0 and done >= total
        if kind == self._kind and not finished and now - self._last < LINE_EVERY_SECONDS:
            return
        line = f"{what} {done:,}/{total:,}" if total else f"{what} {done:,}"
        if line != self._said:
            print(line, file=sys.stderr, flush=True)
        self._kind, self._last, self._said = kind, now, line


def say(message: str) -> None:
    """A note for a person, on stderr, so that stdout stays what was asked for."""
    print(message, file=sys.stderr, flush=True)
