"""A service in a process of its own, on one core, for benchmarks."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.request
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
        """Megabytes that its processes hold; what several share counts once."""
        return round(sum(map(_proportional, self._processes())) / 1024, 1)

    def files(self) -> int:
        """Open files and connections."""
        return sum(len(os.listdir(f"/proc/{one}/fd")) for one in self._processes())

    def _processes(self) -> list[int]:
        first = self.process.pid
        children = Path(f"/proc/{first}/task/{first}/children").read_text("ascii").split()
        return [first, *map(int, children)]


def _proportional(process: int) -> int:
    """Kilobytes of a process, of what it shares with others its part."""
    text = Path(f"/proc/{process}/smaps_rollup").read_text("ascii")
    line = next(line for line in text.splitlines() if line.startswith("Pss:"))
    return int(line.split()[1])


def processor_seconds(process: int, *, children: bool = False) -> float:
    """What a process has used of the processor, with ``children`` also those that have ended."""
    fields = Path(f"/proc/{process}/stat").read_text("ascii").rpartition(")")[2].split()
    return sum(map(int, fields[11 : 15 if children else 13])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def serving(root: Path, *arguments: str, core: int = 0, processes: int = 1) -> Iterator[Server]:
    """A service of ``root`` on one core, and this process on the others; several ``processes``
    have all cores, which this process shares.

    Raises ServiceError where it doesn't start.
    """
    cores = os.sched_getaffinity(0)
    arguments = ("--processes", str(processes), *arguments)
    process = subprocess.Popen(
        [sys.executable, "-c", _CODE, "serve", "--root", str(root), "--port", "0", *arguments],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    try:
        if processes == 1:
            os.sched_setaffinity(process.pid, {core})
            os.sched_setaffinity(0, cores - {core} or cores)
        found = Server(process, wait_until_served(process))
        while _answering(found.port) < processes:
            time.sleep(0.1)
        yield found
    finally:
        os.sched_setaffinity(0, cores)
        process.terminate()
        process.wait(timeout=60)


def _answering(port: int) -> int:
    """How many processes of a service answer."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/v1/status", timeout=60) as answer:
        return int(json.load(answer)["processes"])


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
