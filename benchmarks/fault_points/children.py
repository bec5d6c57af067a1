"""An operation in a forked process, which may be killed before a file operation or at any time."""

from __future__ import annotations

import os
import select
import signal
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from graph_schema.errors import KgrecError

Step = Callable[[Path], object]
COMPLETED, REFUSED, FAILED = 0, 3, 4  # exit codes
LONGEST: Final = 600.0  # seconds after which a process that does not end is reported
# Events of Python's audit hooks that change files, or are about to.
_EVENTS: Final = ("open", "os.rename", "os.mkdir", "os.remove", "os.rmdir", "os.truncate")
_EXCHANGE: Final = "ctypes.dlsym"  # before two folders change places


@dataclass(frozen=True)
class Ended:
    """How a process ended: its exit code, or minus the signal; how many steps it had reported as
    done; the words of its error; and how many file operations it made, where these were counted.
    """

    code: int
    done: int
    words: str
    operations: int = 0


@dataclass
class Child:
    """A running process and the pipe that it reports to."""

    pid: int
    pipe: int

    def end(self, seconds: float = LONGEST) -> Ended:
        """Wait for the end; a process that takes longer is killed and counts as failed."""
        received, until, hangs = b"", time.monotonic() + seconds, False
        while True:
            left = until - time.monotonic()
            if left <= 0 or not select.select([self.pipe], [], [], left)[0]:
                os.kill(self.pid, signal.SIGKILL)
                hangs, until = True, time.monotonic() + seconds
                continue
            part = os.read(self.pipe, 65_536)
            if not part:
                break
            received += part
        os.close(self.pipe)
        code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        done, _, rest = received.partition(b"|")
        count, _, words = rest.decode("utf-8", "replace").partition("|")
        if hangs:
            return Ended(FAILED, len(done), f"did not end within {seconds:.0f} seconds")
        return Ended(code, len(done), words, int(count or 0))


def start(
    steps: Sequence[Step],
    folder: Path,
    *,
    kill_before: int | None = None,
    prepare: Callable[[], None] | None = None,
) -> Child:
    """Run the steps in a forked process; ``kill_before``: kill it before its file operation of this
    number below ``folder``."""
    reader, writer = os.pipe()
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid:
        os.close(writer)
        return Child(pid, reader)
    code, words = FAILED, ""
    counted = [0]
    try:
        os.close(reader)
        if prepare is not None:
            prepare()
        sys.addaudithook(_counting(folder, counted, kill_before))
        for step in steps:
            step(folder)
            os.write(writer, b".")
        code = COMPLETED
    except KgrecError as error:
        code, words = REFUSED, f"{type(error).__name__}: {error}"
    except BaseException:
        words = traceback.format_exc()
    finally:
        os.write(writer, f"|{counted[0]}|{words}".encode("utf-8", "replace")[:60_000])
        os._exit(code)


def _counting(
    folder: Path, counted: list[int], kill_before: int | None
) -> Callable[[str, tuple[Any, ...]], None]:
    """An audit hook that counts file operations below ``folder``, and kills before one of them."""
    root = str(folder)

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event == _EXCHANGE or (event in _EVENTS and _path(arguments).startswith(root)):
            if counted[0] == kill_before:
                os.kill(os.getpid(), signal.SIGKILL)
            counted[0] += 1

    return hook


def _path(arguments: tuple[Any, ...]) -> str:
    first = arguments[0] if arguments else None
    return os.fsdecode(first) if isinstance(first, str | bytes | os.PathLike) else ""


def workers_of(pid: int) -> set[int]:
    """The processes of embedded stores that a process has started, also where it has ended."""
    found = set()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        place = next((at for at, word in enumerate(words) if b"embedded.worker" in word), None)
        if place is not None and words[place + 1] == str(pid).encode():
            found.add(int(folder.name))
    return found


def wait_for(pids: set[int], seconds: float = LONGEST) -> bool:
    """Whether the processes end; those of a killed parent end by themselves."""
    until = time.monotonic() + seconds
    while any(map(_runs, pids)):
        if time.monotonic() > until:
            return False
        time.sleep(0.02)
    return True


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
