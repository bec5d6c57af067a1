"""Progress of long work, as callers follow it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

Progress: TypeAlias = Callable[[str, int, int], None]
"""Called with (what is being done, steps done, steps in all)."""

OnPace: TypeAlias = Callable[[float], None]
"""Called once, a few steps after the begin, with the seconds that all epochs will take at most."""

OnEpoch: TypeAlias = Callable[[dict[str, float]], None]
"""Called after every epoch with its record: epoch, loss, seconds and any validation metrics."""
