"""Kill an operation at a point, see what a reader finds, complete it, and see what is left.

A point is a file operation of the process ("step"), a moment ("time"), or a moment at which the
process of the embedded store's engine is killed in its place ("worker").
"""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np

from benchmarks.fault_points.children import COMPLETED, REFUSED, Ended, start, wait_for, workers_of
from benchmarks.fault_points.contents import Content, is_between, names_below
from benchmarks.fault_points.operations import Operation

Contents = Mapping[str, Content]
_MOST_POINTS: Final = 4  # for each kill
_SHORTER: Final = 0.9


@dataclass(frozen=True)
class Reference:
    """An operation that nothing interrupted: what is there after each step, the names of files in
    the end, its duration, and the number of file operations."""

    contents: tuple[Contents, ...]
    names: set[str]
    seconds: float
    operations: int


@dataclass
class Tally:
    """What came of the points of one operation: how many processes were stopped, by a kill or with
    an error, and in how many places a reader found what."""

    operation: str
    points: int = 0
    stopped: int = 0
    found: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)

    @contextmanager
    def noting(self, where: str) -> Iterator[None]:
        """An error of a reader or of the completion is a finding, not the end of the campaign."""
        try:
            yield
        except Exception as error:
            self.problems.append(f"{where}: {type(error).__name__}: {error}")

    def row(self) -> dict[str, Any]:
        return {
            "operation": self.operation,
            "points": self.points,
            "stopped": self.stopped,
            **{name: self.found[name] for name in ("old", "new", "between")},
            "problems": len(self.problems),
        }


def measure(operation: Operation, kills: int, folder: Path, rng: np.random.Generator) -> Tally:
    """Kill the operation so many times, in turn at points of each kind.

    A point that comes after the operation's end is checked too; then another is drawn, from a
    shorter time.
    """
    tally = Tally(operation.name)
    before = folder / "before"
    before.mkdir(parents=True)
    operation.prepare(before)
    reference = refer(operation, before, folder / "reference")
    seconds = reference.seconds
    while tally.stopped < kills and tally.points < _MOST_POINTS * kills:
        kind = operation.kills[tally.points % len(operation.kills)]
        place = restored(operation, before, folder / "killed")
        if kind == "step":
            at: float = int(rng.integers(reference.operations))
        else:
            at = float(rng.random() * seconds)
        with tally.noting(f"{kind} {at:.3f}"):
            stopped = _one(operation, reference, place, kind, at, tally)
            seconds *= 1.0 if stopped else _SHORTER
        shutil.rmtree(place)
    return tally


def refer(operation: Operation, before: Path, place: Path) -> Reference:
    """The operation twice: step by step, then in a forked process. Raises AssertionError where the
    two differ."""
    contents = [operation.read(restored(operation, before, place))]
    for step in operation.steps:
        step(place)
        contents.append(operation.read(place))
    names = names_below(place)
    restored(operation, before, place)
    started = time.perf_counter()
    ended = start(operation.steps, place).end()
    seconds = time.perf_counter() - started
    if ended.code != COMPLETED or operation.read(place) != contents[-1]:
        raise AssertionError(f"{operation.name} differs from run to run: {ended.words}")
    shutil.rmtree(place)
    return Reference(tuple(contents), names, seconds, ended.operations)


def restored(operation: Operation, before: Path, place: Path) -> Path:
    """``place``, with what is there before the operation."""
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(before, place)
    if operation.on_server:
        operation.prepare(place)
    return place


def _one(
    operation: Operation, reference: Reference, place: Path, kind: str, at: float, tally: Tally
) -> bool:
    """Kill the operation at one point and check what follows; whether it was stopped there."""
    tally.points += 1
    ended = _killed(operation, place, kind, at)
    stopped = ended.code == -signal.SIGKILL or (kind == "worker" and ended.code == REFUSED)
    tally.stopped += stopped
    where = f"{kind} {at:.3f}"
    if ended.code not in (COMPLETED, -signal.SIGKILL, REFUSED if kind == "worker" else COMPLETED):
        tally.problems.append(f"{where}: exit code {ended.code}: {ended.words}")
    low = reference.contents[ended.done]
    high = reference.contents[min(ended.done + 1, len(operation.steps))]
    for name, content in operation.read(place).items():
        state = state_of(content, low[name], high[name], name in operation.counted)
        tally.found[state] += 1
        if state == "mixed":
            tally.problems.append(f"{where}: {name} holds {content}, not {low[name]}")
    operation.complete(place)
    if operation.read(place) != reference.contents[-1]:
        tally.problems.append(f"{where}: the completion gives {operation.read(place)}")
    left = names_below(place) ^ reference.names
    if left:
        tally.problems.append(f"{where}: files left or missing: {sorted(left)[:5]}")
    return stopped


def _killed(operation: Operation, place: Path, kind: str, at: float) -> Ended:
    """The end of the operation, and of the processes that it had started."""
    child = start(operation.steps, place, kill_before=int(at) if kind == "step" else None)
    workers: set[int] = set()
    if kind != "step":
        time.sleep(at)
        workers = workers_of(child.pid)
        for pid in workers if kind == "worker" else {child.pid}:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
    ended = child.end()
    workers |= workers_of(child.pid)  # a process that is ending may have no command line any more
    if not wait_for(workers):
        raise AssertionError(f"processes {workers} go on without the one that started them")
    return ended


def state_of(found: Content, low: Content, high: Content, counted: bool) -> str:
    """Whether a place is as before a step ("old") or after it ("new"), or in a valid state between
    them; else it is "mixed"."""
    if found == high:
        return "new"
    if found == low:
        return "old"
    return "between" if counted and is_between(found, low, high) else "mixed"
