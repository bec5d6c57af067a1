"""Ranges of numbers written as text, such as "<=2", ">4", "3" or "2..3"."""

from __future__ import annotations

import re
from typing import NamedTuple

import numpy as np

_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)"
_RANGE = re.compile(
    rf"(?P<sign><=|>=|<|>)\s*(?P<bound>{_NUMBER})|(?P<low>{_NUMBER})(?:\s*\.\.\s*(?P<high>{_NUMBER}))?"
)


class Bounds(NamedTuple):
    """Numbers from ``low`` to ``high``, both included, float32 as ratings are."""

    low: float
    high: float

    def holds(self, values: np.ndarray) -> np.ndarray:
        """bool ``[n]``: which of float32 ``[n]`` lie within; NaN never does."""
        return np.asarray((values >= self.low) & (values <= self.high))


def bounds(text: str) -> Bounds:
    """The numbers that a text such as "<=2", ">4", "3" or "2..3" means. Raises ValueError."""
    found = _RANGE.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"{text!r} is no range of numbers; write '<=2', '>4', '3' or '2..3'")
    low, high = np.float32(-np.inf), np.float32(np.inf)
    if found["sign"]:
        bound = np.float32(found["bound"])
        if found["sign"] == "<=":
            high = bound
        elif found["sign"] == ">=":
            low = bound
        elif found["sign"] == "<":
            high = np.nextafter(bound, -np.float32(np.inf))
        else:
            low = np.nextafter(bound, np.float32(np.inf))
    else:
        low, high = np.float32(found["low"]), np.float32(found["high"] or found["low"])
    if low > high:
        raise ValueError(f"the range {text!r} is empty; write the smaller number first")
    return Bounds(float(low), float(high))
