"""Shadow: a second model answers a share of the requests beside the one whose answers are sent.

A process of its own with low priority does that after the answer was sent, so that nobody
waits for it. It gets the requests, and the records that are stored, through a pipe; where it is
behind, or the service is busy, a request is left out and counted.
"""

from __future__ import annotations

import queue
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import msgspec
import numpy as np

from kgrec.metrics.agreement import overlap, rank_correlation
from kgrec.serving.event_log import Record
from kgrec.serving.metrics import Metrics

WAITING: Final = 32  # requests
ASK, ADD = "ask", "add"  # kinds of lines to the process
_LATEST: Final = 1_000  # answers of which the times are kept
_BEHIND: Final = 100_000  # records that wait for the process, above which it is ended
_SAID: Final = 500  # characters of what it said last
_encode = msgspec.json.Encoder().encode


@dataclass(eq=False)
class ShadowRecord:
    """What a shadow did since the service runs.

    Attributes
    ----------
    answered, dropped, failed : int
        Requests that it answered, left out because the service or it was busy, and could not
        answer.
    overlap : float
        Mean share of the sent list's items that its own list of this length has.
    correlation : float or None
        Mean rank correlation (Spearman's rho) of the items of both lists, of those with two or
        more in common; None without any.
    live, shadow : deque of float
        Seconds of the latest answers of both.
    """

    answered: int = 0
    dropped: int = 0
    failed: int = 0
    overlap: float = 0.0
    correlation: float | None = None
    _correlated: int = 0
    live: deque[float] = field(default_factory=lambda: deque(maxlen=_LATEST))
    shadow: deque[float] = field(default_factory=lambda: deque(maxlen=_LATEST))

    def add(self, sent: Sequence[str], own: Sequence[str], live: float, shadow: float) -> None:
        """Count one answer beside the one that was sent."""
        self.answered += 1
        self.overlap += (overlap(sent, own) - self.overlap) / self.answered
        rho = rank_correlation(sent, own)
        if rho is not None:
            self._correlated += 1
            before = self.correlation or 0.0
            self.correlation = before + (rho - before) / self._correlated
        self.live.append(live)
        self.shadow.append(shadow)

    def to_dict(self) -> dict[str, Any]:
        """The record as plain values, with times in milliseconds."""
        times = {
            f"{name}_{share:.0%}_below_ms": _milliseconds(list(values), share)
            for name, values in (("live", self.live), ("shadow", self.shadow))
            for share in (0.5, 0.99)
        }
        counts = {"answered": self.answered, "dropped": self.dropped, "failed": self.failed}
        return {**counts, "overlap": self.overlap, "rank_correlation": self.correlation, **times}


class Offers:
    """Every one of 1 / ``share`` requests, evenly."""

    def __init__(self, share: float) -> None:
        self.share, self._credit = share, 0.0

    def take(self) -> bool:
        """Whether the next request is one of them."""
        self._credit += self.share
        if self._credit < 1.0:
            return False
        self._credit -= 1.0
        return True


class ShadowLike(Protocol):
    """What the answers of a service do with a shadow; see ``Shadow``."""

    record: ShadowRecord
    ended: str

    def offer(self, body: object, sent: list[str], seconds: float) -> None: ...

    def add(self, records: Iterable[Record]) -> None: ...

    def stop(self) -> None: ...


class Shadow:
    """The process in which a second model answers.

    Parameters
    ----------
    share : float
        Of the requests: every one of 1 / share.
    folder, model : str
        The folder of the service, and the name of the model in its registry.
    busy : callable
        Whether the service has other work to do.

    Attributes
    ----------
    record : ShadowRecord
    ended : str
        What the process said last, should it have ended by itself; "" while it runs.
    """

    def __init__(
        self, share: float, folder: str, model: str, busy: Callable[[], bool], metrics: Metrics
    ) -> None:
        self._offers, self._busy, self._metrics = Offers(share), busy, metrics
        self.record, self.ended = ShadowRecord(), ""
        self._stopping = False
        self._asked: deque[tuple[list[str], float]] = deque()  # in the order of the lines
        self._lines: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._order = threading.Lock()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "kgrec.serving.experiments.shadow_process", folder, model],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self._threads = [
            threading.Thread(target=work, name="kgrec-shadow", daemon=True)
            for work in (self._write, self._read)
        ]
        for thread in self._threads:
            thread.start()

    def offer(self, body: object, sent: list[str], seconds: float) -> None:
        """Let the shadow answer a request too, if it is its turn; returns at once.

        ``sent``: the ids that were sent, after ``seconds``.
        """
        if self._offers.take():
            self.ask(body, sent, seconds)

    def ask(self, body: object, sent: list[str], seconds: float) -> None:
        """The same for a request whose turn it is, unless it or the service is busy."""
        if self.ended or len(self._asked) >= WAITING or self._busy():
            self.record.dropped += 1
            self._metrics.shadow.labels("dropped").inc()
            return
        with self._order:
            self._asked.append((sent, seconds))
            self._lines.put(_line(ASK, body))

    def add(self, records: Iterable[Record]) -> None:
        """Let its graph have the records that were stored; their numbers are in them."""
        if self._lines.qsize() > _BEHIND:
            self._process.kill()
        if not self.ended:
            for record in records:
                self._lines.put(_line(ADD, record))

    def stop(self) -> None:
        """End the process, without what waits."""
        self._stopping = True
        self._process.terminate()
        self._lines.put(None)
        for thread in self._threads:
            thread.join(timeout=10)
        self._process.wait(timeout=10)

    def _write(self) -> None:
        assert self._process.stdin is not None
        try:
            while (line := self._lines.get()) is not None:
                self._process.stdin.write(line)
                if self._lines.empty():
                    self._process.stdin.flush()
        except OSError:  # it has ended, which the other thread says
            return

    def _read(self) -> None:
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        for line in self._process.stdout:
            sent, seconds = self._asked.popleft()
            answer = msgspec.json.decode(line)
            if answer is None:
                self._fail()
            else:
                self._count(sent, answer["ids"], seconds, answer["seconds"])
        said = self._process.stderr.read().decode("utf-8", "replace").strip()[-_SAID:]
        if not self._stopping:
            self.ended = said or "it was ended"
        while self._asked:
            self._asked.popleft()
            self._fail()

    def _count(self, sent: list[str], own: list[str], live: float, took: float) -> None:
        self.record.add(sent, own, live, took)
        self._metrics.shadow.labels("answered").inc()
        self._metrics.shadow_overlap.observe(overlap(sent, own))
        self._metrics.shadow_seconds.observe(took)
        rho = rank_correlation(sent, own)
        if rho is not None:
            self._metrics.shadow_correlation.observe(rho)

    def _fail(self) -> None:
        self.record.failed += 1
        self._metrics.shadow.labels("failed").inc()


def _line(kind: str, content: object) -> bytes:
    return _encode((kind, content)) + b"\n"


def _milliseconds(seconds: list[float], share: float) -> float | None:
    return 1_000.0 * float(np.quantile(seconds, share)) if seconds else None
