"""A service in a process of its own, on one core, for benchmarks."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from kgrec.errors import ServiceError

_CODE = "from kgrec.cli import app; app()"


@dataclass(frozen=True)
class Server:
    """The process of a service, and its port."""

    process: subprocess.Popen[str]
    port: int

    def memory(self) -> float:
        """Megabytes that the process holds."""
        text = Path(f"/proc/{self.process.pid}/status").read_text("ascii")
        line = next(line for line in text.splitlines() if line.startswith("VmRSS"))
        return round(int(line.split()[1]) / 1024, 1)

    def files(self) -> int:
        """Open files and connections."""
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))


def processor_seconds(process: int, *, children: bool = False) -> float:
    """What a process has used of the processor, with ``children`` also those that have ended."""
    fields = Path(f"/proc/{process}/stat").read_text("ascii").rpartition(")")[2].split()
    return sum(map(int, fields[11 : 15 if children else 13])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def serving(root: Path, *arguments: str, core: int = 0) -> Iterator[Server]:
    """A service of ``root`` on one core, and this process on the others.

    Raises ServiceError where it doesn't start.
    """
    cores = os.sched_getaffinity(0)
    process = subprocess.Popen(
        [sys.executable, "-c", _CODE, "serve", "--root", str(root), "--port", "0", *arguments],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    try:
        os.sched_setaffinity(process.pid, {core})
        os.sched_setaffinity(0, cores - {core} or cores)
        yield Server(process, wait_until_served(process))
    finally:
        os.sched_setaffinity(0, cores)
        process.terminate()
        process.wait(timeout=60)


def wait_until_served(process: subprocess.Popen[str]) -> int:
    """The port of a service that starts, once it listens there. Raises ServiceError where it
    doesn't start."""
    assert process.stderr is not None
    said = []
    for line in process.stderr:
        said.append(line)
        if line.startswith("serving "):
            return int(line.rsplit(":", 1)[1])
    raise ServiceError(f"the service did not start: {''.join(said)}")
