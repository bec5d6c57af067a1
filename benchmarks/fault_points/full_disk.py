"""Run an operation on a disk that is too small for it, with a little more space each time.

The disk is a tmpfs, which only the administrator can mount. Elsewhere the size of single files is
limited in the process (RLIMIT_FSIZE), which the engine of the embedded store takes for a crash.
"""

from __future__ import annotations

import os
import resource
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from benchmarks.fault_points.children import COMPLETED, REFUSED, Ended, start, wait_for, workers_of
from benchmarks.fault_points.contents import names_below
from benchmarks.fault_points.kills import Contents, Tally, restored, state_of
from benchmarks.fault_points.operations import Operation

_PAGE: Final = 4096
_AMPLE: Final = 1 << 30
_HALVINGS: Final = 6


def can_mount(folder: Path) -> bool:
    """Whether this process may mount a disk."""
    try:
        _mount(folder)
    except (OSError, subprocess.CalledProcessError):
        return False
    _unmount(folder)
    return True


@dataclass(frozen=True)
class _Trial:
    """An operation's last step on a small disk: what is there before it and after it."""

    operation: Operation
    before: Path
    place: Path
    old: Contents
    new: Contents
    allowed: set[str]  # names of files that an error may leave
    mounted: bool
    tally: Tally

    def run(self, free: int) -> bool:
        """Whether so many free bytes suffice; checks what is there afterwards."""
        restored(self.operation, self.before, self.place)
        names = names_below(self.place)
        if self.mounted:
            _leave(self.place.parent, free)
        limit = None if self.mounted else _limit_of_files(free + _PAGE)
        child = start(self.operation.steps[-1:], self.place, prepare=limit)
        ended = child.end()
        wait_for(workers_of(child.pid))
        self.tally.points += 1
        self.tally.stopped += ended.code != COMPLETED
        with self.tally.noting(f"{free:,} bytes"):
            problems = self._problems(ended, names)
            self.tally.problems += [f"{free:,} bytes: {problem}" for problem in problems]
        if self.mounted:
            _resize(self.place.parent, _AMPLE)
        return ended.code == COMPLETED

    def _problems(self, ended: Ended, names: set[str]) -> Iterator[str]:
        """``names``: those of the files before."""
        if ended.code not in (COMPLETED, REFUSED):
            yield f"no KgrecError: {ended.words}"
        for name, content in self.operation.read(self.place).items():
            counted = name in self.operation.counted
            state = state_of(content, self.old[name], self.new[name], counted)
            self.tally.found[state] += 1
            if state == "mixed" or (ended.code == COMPLETED and state != "new"):
                yield f"{name} holds {content}, which is {state}"
        left = names_below(self.place) - names - self.allowed
        if ended.code != COMPLETED and left:
            yield f"files left: {sorted(left)[:5]}"


def measure(operation: Operation, points: int, folder: Path) -> Tally:
    """The last step of the operation at sizes up to the least that suffices."""
    tally, before, disk = Tally(operation.name), folder / "before", folder / "disk"
    mounted = can_mount(disk)
    before.mkdir(parents=True)
    operation.prepare(before)
    for step in operation.steps[:-1]:
        step(before)
    place = disk / "place"
    if mounted:
        _mount(disk)
    try:
        restored(operation, before, place)
        old = operation.read(place)
        operation.steps[-1](place)
        allowed = names_below(place) if operation.counted else set()
        new, most = operation.read(place), _size(place) + _size(before)
        trial = _Trial(operation, before, place, old, new, allowed, mounted, tally)
        least = _least(trial, most)
        for free in np.linspace(0, least, points):
            trial.run(int(free))
    finally:
        if mounted:
            _unmount(disk)
    return tally


def _least(trial: _Trial, most: int) -> int:
    """About the least free bytes that suffice."""
    low, high = 0, most
    for _ in range(_HALVINGS):
        middle = (low + high) // 2
        low, high = (low, middle) if trial.run(middle) else (middle, high)
    return high


def _size(folder: Path) -> int:
    """The bytes of all files below a folder, in whole pages."""
    return sum(-(-path.stat().st_size // _PAGE) * _PAGE + _PAGE for path in folder.rglob("*"))


def _mount(disk: Path) -> None:
    disk.mkdir(parents=True, exist_ok=True)
    options = ["-t", "tmpfs", "-o", f"size={_AMPLE}", "tmpfs"]
    subprocess.run(["mount", *options, str(disk)], check=True, capture_output=True)


def _unmount(disk: Path) -> None:
    shutil.rmtree(disk / "place", ignore_errors=True)
    subprocess.run(["umount", str(disk)], check=True, capture_output=True)


def _resize(disk: Path, size: int) -> None:
    command = ["mount", "-o", f"remount,size={size}", str(disk)]
    subprocess.run(command, check=True, capture_output=True)


def _leave(disk: Path, free: int) -> None:
    """Leave so much space on the disk."""
    found = os.statvfs(disk)
    used = (found.f_blocks - found.f_bfree) * found.f_frsize
    _resize(disk, max(used + free, _PAGE))


def _limit_of_files(size: int) -> Callable[[], None]:
    """For a process: its files, and those of the processes that it starts, can't grow beyond."""

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    return limit
