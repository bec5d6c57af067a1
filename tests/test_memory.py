"""Freed memory goes back to the system."""

from __future__ import annotations

import subprocess
import sys

import pytest

HELD = """
from kgrec.memory import give_back_memory

def held():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("RssAnon"))

kept = [bytearray(50_000) for _ in range(4_000)]
last = bytearray(50_000)  # above the others, so that the heap can't shrink by itself
del kept
before = held()
give_back_memory()
print(before - held())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="glibc alone keeps freed memory")
def test_freed_memory_is_given_back() -> None:
    done = subprocess.run([sys.executable, "-c", HELD], capture_output=True, text=True, check=True)
    assert int(done.stdout) > 100_000  # kB of the 200,000
