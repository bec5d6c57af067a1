"""Memory that a process has freed and not given back."""

from __future__ import annotations

import ctypes
import sys


def give_back_memory() -> None:
    """Give freed memory back to the system: glibc keeps what many small arrays leave behind.

    After the tables of a graph of 1e7 edges are made, that is more than a third of all. Does
    nothing on other systems.
    """
    if sys.platform != "linux":
        return
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # other C libraries have none
    if trim is not None:
        trim(ctypes.c_size_t(0))
