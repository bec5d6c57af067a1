"""Shadow: a second model answers a share of the requests beside the one whose answers are sent.

A thread of its own does that after the answer was sent. Where the service is busy, or too many
requests wait, the shadow does not answer, which is counted.
"""

from __future__ import annotations

import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Generic

import numpy as np

from kgrec.metrics.agreement import overlap, rank_correlation
from kgrec.serving.experiments.host import S
from kgrec.serving.metrics import Metrics

WAITING: Final = 32  # requests
_LATEST: Final = 1_000  # answers of which the times are kept
Answer = Callable[[S], list[str]]


@dataclass(eq=False)
class ShadowRecord:
    """What a shadow did since the service runs.

    Attributes
    ----------
    answered, dropped, failed : int
        Requests that it answered, left out because the service was busy, and could not answer.
    overlap : float
        Mean share of the sent list's items that its own list of this length has.
    correlation : float or None
        Mean rank correlation (Spearman's rho) of the items of both lists, of those with two or
        more in common; None without any.
    live, shadow : list of float
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


class Shadow(Generic[S]):
    """The thread in which a second model answers.

    Parameters
    ----------
    share : float
        Of the requests: every one of 1 / share.
    served : callable
        Returns the second model; None where it is not loaded.
    busy : callable
        Whether the service has other work to do.
    """

    def __init__(
        self,
        share: float,
        served: Callable[[], S | None],
        busy: Callable[[], bool],
        metrics: Metrics,
    ) -> None:
        self.share, self._served, self._busy, self._metrics = share, served, busy, metrics
        self.record = ShadowRecord()
        self._waiting: queue.Queue[tuple[Answer[S], list[str], float] | None] = queue.Queue(WAITING)
        self._credit = 0.0
        self._thread = threading.Thread(target=self._work, name="kgrec-shadow", daemon=True)
        self._thread.start()

    def offer(self, answer: Answer[S], sent: list[str], seconds: float) -> None:
        """Let the shadow answer a request too, if it is its turn; returns at once.

        ``answer``: the ids of a model's list for this request; ``sent``: those that were sent,
        after ``seconds``.
        """
        self._credit += self.share
        if self._credit < 1.0:
            return
        self._credit -= 1.0
        try:
            self._waiting.put_nowait((answer, sent, seconds))
        except queue.Full:
            self._drop()

    def stop(self) -> None:
        """End the thread, without what waits."""
        while True:
            try:
                self._waiting.put_nowait(None)
                break
            except queue.Full:
                self._waiting.get_nowait()
        self._thread.join(timeout=10)

    def _work(self) -> None:
        while (job := self._waiting.get()) is not None:
            served = self._served()
            if served is None or self._busy():
                self._drop()
                continue
            self._answer(served, *job)

    def _answer(self, served: S, answer: Answer[S], sent: list[str], seconds: float) -> None:
        started = time.perf_counter()
        try:
            own = answer(served)
        except Exception:  # whatever a model on trial does, the service goes on
            self.record.failed += 1
            self._metrics.shadow.labels("failed").inc()
            return
        took = time.perf_counter() - started
        self.record.add(sent, own, seconds, took)
        self._metrics.shadow.labels("answered").inc()
        self._metrics.shadow_overlap.observe(overlap(sent, own))
        self._metrics.shadow_seconds.observe(took)
        rho = rank_correlation(sent, own)
        if rho is not None:
            self._metrics.shadow_correlation.observe(rho)

    def _drop(self) -> None:
        self.record.dropped += 1
        self._metrics.shadow.labels("dropped").inc()


def _milliseconds(seconds: list[float], share: float) -> float | None:
    return 1_000.0 * float(np.quantile(seconds, share)) if seconds else None
