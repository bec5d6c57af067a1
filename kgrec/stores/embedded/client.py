"""The process that holds a graph, seen from the process that uses kgrec."""

from __future__ import annotations

import atexit
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, BinaryIO, Final

import pyarrow as pa

import graph_schema.errors
from graph_schema.errors import StoreError
from kgrec.stores.base import Progress
from kgrec.stores.embedded.messages import Message, encoded, receive, send

_START: Final = (
    "import sys; sys.path[:] = sys.argv[3:]; "
    "from kgrec.stores.embedded.worker import main; main(int(sys.argv[1]), sys.argv[2] == 'write')"
)
_ERRORS: Final = {
    kind.__name__: kind
    for kind in vars(graph_schema.errors).values()
    if isinstance(kind, type) and issubclass(kind, StoreError)
}
_STOP_SECONDS: Final = 5.0
_SHOWN: Final = 2_000  # characters of a failed process's last output


class WorkerGone(Exception):
    """The worker had been closed or had ended before the call; nothing was sent to it."""


class Worker:
    """One worker process, which answers one call at a time, from any thread.

    It holds the graph of the file that the last call named. Only the process that started it may
    use it: a forked child starts its own.
    """

    def __init__(self, *, writing: bool = False) -> None:
        """``writing``: load at once what only a write needs."""
        self._owner = os.getpid()
        self._lock = threading.Lock()
        self._errors = _scratch_file()
        paths = [_absolute(path) for path in sys.path if isinstance(path, str)]
        command = [sys.executable, "-I", "-c", _START]
        try:
            # Isolated from the caller's working directory and variables; with its import path.
            self._process = subprocess.Popen(
                [*command, str(self._owner), "write" if writing else "read", *paths],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors or subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C goes to the caller alone
            )
        except (OSError, ValueError, TypeError) as error:
            raise StoreError(
                "the process for the embedded store can't be started with "
                f"{sys.executable or 'no interpreter'!r} ({error}). Cure: check that this Python "
                "interpreter can be run and that there are free processes and memory."
            ) from error

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def usable(self) -> bool:
        """Whether the process runs and belongs to this one."""
        return self._owner == os.getpid() and self._process.poll() is None

    def call(
        self,
        name: str,
        file: Path,
        arguments: dict[str, Any],
        tables: Sequence[pa.Table] = (),
        progress: Progress | None = None,
    ) -> Any:
        """The answer to a call: a plain value or a table.

        Raises WorkerGone where the process had ended before, TypeError for an argument that can't
        be sent, StoreError for everything else; whatever ``progress`` raises passes through. After
        an interrupt in the middle of a call the process is ended and no unfinished file stays.
        """
        where = {"path": _absolute(file), "name": str(file)}
        content = {"call": name, **where, "arguments": arguments}
        encoded(content)  # a TypeError comes before anything is sent
        with self._lock:
            if not self.usable:
                raise WorkerGone
            try:
                answer, failure = self._exchange(content, tables, progress)
            except (EOFError, OSError, pa.ArrowException) as error:
                raise self._lost(file) from error
            except BaseException:
                self._end(file)
                raise
        if failure is not None:
            raise failure
        return _value(answer)

    def _exchange(
        self, content: dict[str, Any], tables: Sequence[pa.Table], progress: Progress | None
    ) -> tuple[Message, BaseException | None]:
        """The last answer, and what ``progress`` raised, if it did."""
        requests, answers = self._pipes()
        send(requests, content, tables)
        failure: BaseException | None = None
        while True:
            answer = receive(answers)
            if "progress" not in answer.content:
                return answer, failure
            failure = failure or _failure_of(progress, answer.content["progress"])
            send(requests, {"continue": failure is None})

    def _pipes(self) -> tuple[BinaryIO, BinaryIO]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        return self._process.stdin, self._process.stdout  # type: ignore[return-value]

    def _lost(self, file: Path) -> StoreError:
        """The error of a process that ended in the middle of a call."""
        with suppress(subprocess.TimeoutExpired):  # where it has only closed its pipe
            self._process.wait(_STOP_SECONDS)
        code = self._end(file)
        output = ""
        if self._errors is not None and not self._errors.closed:
            self._errors.seek(0)
            output = self._errors.read().decode(errors="replace").strip()[-_SHOWN:]
        return StoreError(
            f"{file}: the process that holds the graph ended during the call ({_reason(code)}). "
            "The file holds the last complete write. Cure: run the call again, which starts a new "
            "process; if it ends again, see whether the machine has run out of memory."
            + (f" Its last output: {output}" if output else "")
        )

    def _end(self, file: Path) -> int:
        """End the process at once, remove what it left of an unfinished write; its exit code."""
        code = self._process.poll()
        if code is None:
            self._process.kill()
            code = self._process.wait()
        for part in file.absolute().parent.glob(f"*.tmp.{self.pid}.*"):
            if part.name.startswith(f"{file.name}.tmp."):
                part.unlink(missing_ok=True)
        return code

    def close(self) -> None:
        """End the process when its call is done, or after some seconds; a second call does nothing.

        In a forked child it only forgets the process of its parent.
        """
        if self._errors is not None:
            self._errors.close()
        if self._owner != os.getpid():
            self._process.returncode = 0  # it is not this process's child, which could wait for it
            if not self._lock.locked():  # else a part of a message may wait to be written
                self._close_pipes()
            return
        idle = self._lock.acquire(timeout=_STOP_SECONDS)
        try:
            if not idle:
                self._process.kill()
            self._close_pipes()
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        finally:
            if idle:
                self._lock.release()

    def _close_pipes(self) -> None:
        for pipe in self._pipes():
            with suppress(OSError):  # where the process ended before it had read everything
                pipe.close()


def _absolute(path: str | os.PathLike[str]) -> str:
    try:
        return os.path.abspath(path)
    except OSError:  # a relative path in a working directory that is no longer there
        return os.fspath(path)


def _scratch_file() -> IO[bytes] | None:
    """A file for what the worker prints; None where none can be made."""
    try:
        return tempfile.TemporaryFile()
    except OSError:
        return None


def _failure_of(progress: Progress | None, step: list[Any]) -> BaseException | None:
    """Report a step and return what the report raised: it is raised when the write has stopped."""
    try:
        if progress is not None:
            progress(*step)
    except BaseException as failure:
        return failure
    return None


def _value(answer: Message) -> Any:
    """The value or table of an answer. Raises the StoreError that it carries."""
    if "error" in answer.content:
        kind, text = answer.content["error"]
        raise _ERRORS.get(kind, StoreError)(text)
    return answer.tables[0] if answer.tables else answer.content["value"]


def _reason(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"signal {-code}, {signal.Signals(-code).name}"
    except ValueError:
        return f"signal {-code}"


_SPARES: Final = 2  # one to read with and one to write with, for the next store
_spares: list[Worker] = []


def borrow(*, writing: bool = False) -> Worker:
    """A worker that holds no graph; a new one loads at once what ``writing`` needs."""
    while _spares:
        worker = _spares.pop()
        if worker.usable:
            return worker
        worker.close()
    return Worker(writing=writing)


def give_back(worker: Worker) -> None:
    """Keep a worker for the next store, or end it if enough are kept already."""
    if not worker.usable or len(_spares) >= _SPARES:
        worker.close()
        return
    try:
        worker.call("release", Path(), {})
    except (WorkerGone, StoreError):
        worker.close()
    else:
        _spares.append(worker)


@atexit.register
def _close_spares() -> None:
    while _spares:
        _spares.pop().close()
