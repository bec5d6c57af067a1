"""Locks on folders, which end with their process at the latest."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def held(folder: Path, *, wait: bool = False) -> Iterator[bool]:
    """Hold a lock on ``folder`` while the block runs; yields False where there are no such locks.

    With ``wait`` the block starts once others have released it. Raises BlockingIOError where
    another writer holds it, and OSError where the folder can't be opened.
    """
    handle = os.open(folder, os.O_RDONLY) if os.name == "posix" else None
    if handle is None:
        yield False
        return
    try:
        locked = _lock(handle, wait)
        try:
            yield locked
        finally:
            if locked:
                _unlock(handle)
    finally:
        os.close(handle)


def _lock(handle: int, wait: bool) -> bool:
    import fcntl

    try:
        fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        raise
    except OSError:  # some network disks have no locks
        return False
    return True


def _unlock(handle: int) -> None:
    """Also for a forked child, which has the same handle and may live longer."""
    import fcntl

    fcntl.flock(handle, fcntl.LOCK_UN)
