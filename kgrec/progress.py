"""Progress of long work, as callers follow it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

Progress: TypeAlias = Callable[[str, int, int], None]
"""Called with (what is being done, steps done, steps in all)."""

OnEpoch: TypeAlias = Callable[[dict[str, float]], None]
"""Called after every epoch with its record: epoch, loss, seconds and any validation metrics."""
