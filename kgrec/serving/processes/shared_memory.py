"""What the processes of a service share in memory: how far the log is, and the limits of keys."""

from __future__ import annotations

import hashlib
import mmap
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Final

import numpy as np

from kgrec.serving.access import Cost, Limiter, Rate, taken

_BYTES, _REWRITES, _CHANGES, _FIRST = 0, 1, 2, 3  # the places of numbers; then one for each worker
_SLOTS: Final = 4_096
_TRIED: Final = 8  # slots after the first where a bucket may be
_SLOT: Final = np.dtype([("bucket", "<i8"), ("tokens", "<f8"), ("seen", "<f8")])


class SharedNumbers:
    """How far the log is, which the first process says, and how far each worker has it.

    Each number has eight bytes of its own, which a processor writes at once.

    Parameters
    ----------
    path : Path
        A file in a folder of the user alone; it is made where there is none.
    workers : int
    """

    def __init__(self, path: Path, workers: int) -> None:
        self._numbers = _mapped(path, 8 * (_FIRST + workers)).view(np.int64)

    @property
    def log_bytes(self) -> int:
        """Bytes of the log that the disk has."""
        return int(self._numbers[_BYTES])

    @property
    def rewrites(self) -> int:
        """How often the file of the log was replaced."""
        return int(self._numbers[_REWRITES])

    def publish(self, log_bytes: int, rewrites: int) -> None:
        """Say how far the log is; who sees the new file's size knows that it is new."""
        self._numbers[_REWRITES] = rewrites
        self._numbers[_BYTES] = log_bytes

    @property
    def changes(self) -> int:
        """How often what the processes share in their folder has changed, beside the log."""
        return int(self._numbers[_CHANGES])

    def count_change(self) -> None:
        """Say that it has changed, as the first process."""
        self._numbers[_CHANGES] += 1

    def has(self, worker: int) -> int:
        """The number of the last record that a worker answers with."""
        return int(self._numbers[_FIRST + worker])

    def set_has(self, worker: int, number: int) -> None:
        """Say so, as this worker."""
        self._numbers[_FIRST + worker] = number


class SharedLimiter(Limiter):
    """Token buckets that all processes take from.

    Parameters
    ----------
    rates : dict of Cost to Rate
    path : Path
        A file in a folder of the user alone; it is made where there is none.
    """

    def __init__(self, rates: dict[Cost, Rate], path: Path) -> None:
        super().__init__(rates)
        self._slots = _mapped(path, _SLOTS * _SLOT.itemsize).view(_SLOT)
        self._file = os.open(path, os.O_RDWR)
        self._fcntl = import_module("fcntl")  # Windows has none, and no workers

    def wait(self, key: str, cost: Cost, at: float | None = None) -> float:
        """See ``Limiter``. The clock is the same in all processes of a machine."""
        at = time.monotonic() if at is None else at
        bucket = _bucket(key, cost)
        first = bucket % (_SLOTS - _TRIED)
        with self._alone(first):
            slots = self._slots[first : first + _TRIED]
            place = _place(slots, bucket)
            slot, rate = slots[place], self.rates[cost]
            if slot["bucket"] != bucket:
                slot["bucket"], slot["tokens"], slot["seen"] = bucket, rate.burst, at
            tokens, seconds = taken(rate, float(slot["tokens"]), float(slot["seen"]), at)
            slot["tokens"], slot["seen"] = tokens, at
        return seconds

    @contextmanager
    def _alone(self, first: int) -> Iterator[None]:
        """No other process changes these slots meanwhile."""
        lock, length, start = self._fcntl, _TRIED * _SLOT.itemsize, first * _SLOT.itemsize
        lock.lockf(self._file, lock.LOCK_EX, length, start)
        try:
            yield
        finally:
            lock.lockf(self._file, lock.LOCK_UN, length, start)


def _bucket(key: str, cost: str) -> int:
    """A number other than 0 for a key and a cost."""
    digest = hashlib.blake2b(f"{cost}/{key}".encode("utf-8", "replace"), digest_size=7).digest()
    return int.from_bytes(digest, "little") + 1


def _place(slots: np.ndarray, bucket: int) -> int:
    """Where a bucket is, or will be: a free slot, else the one that was not used for longest."""
    there = np.flatnonzero(slots["bucket"] == bucket)
    if len(there):
        return int(there[0])
    return int(np.where(slots["bucket"] == 0, -np.inf, slots["seen"]).argmin())


def _mapped(path: Path, size: int) -> np.ndarray:
    """uint8 ``[size]``: a file in memory, which all who map it share."""
    file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        if os.fstat(file).st_size < size:
            os.ftruncate(file, size)
        return np.frombuffer(mmap.mmap(file, size), dtype=np.uint8)
    finally:
        os.close(file)
