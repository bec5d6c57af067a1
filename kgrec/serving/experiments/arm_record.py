"""ArmRecord: how often an arm answered, failed, and how long that took."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from kgrec.serving.experiments.experiment import LETTERS, Guard

WINDOW = 500  # latest answers that a guard looks at
FEWEST = 200  # answers before a guard says anything


@dataclass(eq=False)
class ArmRecord:
    """The answers of one arm since the service runs.

    Attributes
    ----------
    answers, errors : int
    latest : deque of (bool, float)
        Of the latest answers, whether they failed, and their seconds.
    """

    answers: int = 0
    errors: int = 0
    latest: deque[tuple[bool, float]] = field(default_factory=lambda: deque(maxlen=WINDOW))

    def add(self, failed: bool, seconds: float) -> None:
        """Count one answer."""
        self.answers += 1
        self.errors += failed
        self.latest.append((failed, seconds))

    def take(self) -> list[Any]:
        """Answers, errors and the latest answers as plain values; it is empty then."""
        found = [self.answers, self.errors, list(self.latest)]
        self.answers = self.errors = 0
        self.latest.clear()
        return found

    def extend(self, answers: int, errors: int, latest: Iterable[Sequence[Any]]) -> None:
        """Count the answers that another record had taken."""
        self.answers += answers
        self.errors += errors
        self.latest.extend((bool(failed), float(seconds)) for failed, seconds in latest)

    @property
    def failing(self) -> float:
        """Share of the latest answers that failed."""
        found = list(self.latest)
        return sum(failed for failed, _ in found) / max(len(found), 1)

    def within(self, share: float) -> float:
        """Seconds within which this share of the latest answers came."""
        found = [seconds for _, seconds in list(self.latest)]
        return float(np.quantile(found, share)) if found else 0.0


def tripped(guard: Guard, records: list[ArmRecord]) -> str:
    """Why an experiment is to end at once; "" where it may go on."""
    for place, (record, other) in enumerate(zip(records, records[::-1], strict=True)):
        if len(record.latest) < FEWEST:
            continue
        arm = f"of the last {len(record.latest)} answers of arm {LETTERS[place]}"
        if record.failing > max(guard.errors, other.failing):
            return f"{arm}, {record.failing:.1%} failed; {guard.errors:.1%} may."
        late = record.within(0.95)
        if late > guard.seconds:
            return f"{arm}, 95 % came within {late:.3f} s; it may be {guard.seconds:g} s."
    return ""
