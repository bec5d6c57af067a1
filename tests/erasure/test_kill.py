"""A process that is killed while it erases: every place is as before or after, and doing it again
leaves no byte."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks.fault_points import kills
from benchmarks.fault_points.erasing import erasure

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="needs fork, /proc and SIGKILL"),
]


def test_a_killed_erasure_is_whole_and_can_be_completed(tmp_path: Path) -> None:
    """A few points; ``python -m benchmarks.erasure`` has more."""
    tally = kills.measure(erasure(), 2, tmp_path / "places", np.random.default_rng(0))
    assert tally.problems == []
    assert tally.stopped == 2
    assert tally.found["old"] > 0
