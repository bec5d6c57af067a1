"""Progress of long work on stderr: bars on a terminal, plain lines anywhere else."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from graph_schema.output.printable import printable_line
from kgrec.cli._console import show
from kgrec.progress import Progress

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID

LINE_EVERY_SECONDS = 5.0


@contextmanager
def progress_on_stderr() -> Iterator[Progress]:
    """Show on stderr how far the work is; a total of 0 means that it is unknown."""
    if not sys.stderr.isatty():
        yield PlainLines()
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )
    from rich.progress import Progress as RichProgress

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with RichProgress(*columns, console=Console(stderr=True)) as bars:
        yield Bars(bars)


class Bars:
    """One bar for each kind of work; a text after a colon ("training: loss 3.1") only relabels it.

    Work that is done within a second leaves no bar behind: a graph has dozens of small relations.
    """

    def __init__(self, bars: RichProgress) -> None:
        self._bars = bars
        self._tasks: dict[str, TaskID] = {}
        self._began: dict[str, float] = {}

    def __call__(self, what: str, done: int, total: int) -> None:
        kind = what.partition(":")[0]
        if kind not in self._tasks:
            self._tasks[kind] = self._bars.add_task(
                printable_line(what), total=total or None, rate=""
            )
            self._began[kind] = time.monotonic()
        seconds = time.monotonic() - self._began[kind]
        brief = seconds < 1.0
        self._bars.update(
            self._tasks[kind],
            description=printable_line(what),
            completed=done,
            total=total or None,
            visible=not (brief and done >= total),
            rate="" if brief else _rate(done / seconds),
        )


class PlainLines:
    """A line every few seconds, and the last one of each kind of work that had a line."""

    def __init__(self) -> None:
        self._kind = ""
        self._counted = ""
        self._began = (0.0, 0)  # when this kind of work was first reported, and how far it was
        self._last = -math.inf
        self._said = ""

    def __call__(self, what: str, done: int, total: int) -> None:
        kind = what.partition(":")[0]
        now = time.monotonic()
        finished = kind == self._kind and 0 < total <= done
        if kind != self._counted:
            self._counted, self._began = kind, (now, done)
        line = f"{what} {done:,}/{total:,}" if total else f"{what} {done:,}"
        if line == self._said or (not finished and now - self._last < LINE_EVERY_SECONDS):
            return
        show(line + self._speed(now, done, total), err=True)
        self._kind, self._last, self._said = kind, now, line

    def _speed(self, now: float, done: int, total: int) -> str:
        """The rate, and the time that is left, of work that has taken a while."""
        seconds, steps = now - self._began[0], done - self._began[1]
        if seconds < 1.0 or steps <= 0:
            return ""
        left = f", {(total - done) * seconds / steps:,.0f} s left" if done < total else ""
        return f" ({_rate(steps / seconds)}{left})"


def _rate(steps: float) -> str:
    """Steps a second; few of them with their decimals."""
    return f"{steps:,.0f}/s" if steps >= 10 else f"{steps:.2g}/s"


def say(message: str) -> None:
    """Print a note for a person on stderr, so that stdout holds the answer alone."""
    show(message, err=True)
