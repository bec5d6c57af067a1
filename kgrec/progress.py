"""Functions that long work calls as it goes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

Progress: TypeAlias = Callable[[str, int, int], None]
"""Called with the name of the stage, the work done and the whole of it."""

OnEpoch: TypeAlias = Callable[[dict[str, float]], None]
"""Called after every epoch with its record: epoch, loss, seconds and any validation metrics."""
