"""Memory of the process: large arrays that come and go are given the same pages again.

The C library returns a large array's pages to the system as soon as it is freed, and the system
clears every page that it gives out. A step of training frees and asks for hundreds of megabytes:
clearing them took a quarter of a small fit's time.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final

# glibc's parameters of mallopt, see its manual page.
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
_KEPT: Final = 2**30  # bytes; larger arrays are rare, and go back at once
_USUAL: Final = 2**25  # the most that glibc takes for its threshold by itself

_keeping: ContextVar[bool] = ContextVar("keeping", default=False)


@contextmanager
def keeping_pages() -> Iterator[None]:
    """In the block, pages of freed arrays stay with the process; afterwards they go back.

    Changes nothing where the C library is not glibc.
    """
    library = None if _keeping.get() else _glibc()
    if library is None:
        yield
        return
    token = _keeping.set(True)
    _set_thresholds(library, _KEPT)
    try:
        yield
    finally:
        _keeping.reset(token)
        _set_thresholds(library, _USUAL)
        library.malloc_trim(0)


def _set_thresholds(library: Any, size: int) -> None:
    """Arrays from ``size`` bytes on are mapped by themselves; twice that stays free at the top."""
    library.mallopt(_MMAP_THRESHOLD, size)
    library.mallopt(_TRIM_THRESHOLD, min(2 * size, 2**31 - 1))


def _glibc() -> Any:
    """The C library; None where it is not glibc."""
    if sys.platform != "linux":
        return None
    library = ctypes.CDLL(None)
    return library if hasattr(library, "gnu_get_libc_version") else None
