"""A setting chosen on all data sets but one, and evaluated on that one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from benchmarks.general_data.measuring import METRICS, Cell
from kgrec.evaluation import paired_bootstrap

Figures = Mapping[str, Sequence[Cell]]  # by data set, one cell for each value; the first is today's


def leave_one_out(found: Figures, values: Sequence[Any]) -> list[dict[str, Any]]:
    """For each data set: the value that loses least on the others, and its gain on this one over
    the first value, in per cent with its 95 % interval (NDCG@10, over all histories)."""
    losses = {name: _losses(cells) for name, cells in found.items()}
    rows = []
    for name, cells in found.items():
        others = [losses[other] for other in found if other != name]
        chosen = int(np.argmin(np.mean(others, axis=0))) if others else 0
        rows.append(
            {
                "left out": name,
                "chosen": values[chosen],
                "best here": values[int(np.argmin(losses[name]))],
                **_gain(cells[0], cells[chosen]),
            }
        )
    return rows


def _losses(cells: Sequence[Cell]) -> np.ndarray:
    """float64 ``[values]``: each value's loss to the best, in shares, averaged over histories."""
    metric = METRICS[0]
    means = np.array([[cell.mean(history, metric) for history in cell.users] for cell in cells])
    best = np.maximum(means.max(axis=0), 1e-12)
    return np.asarray((1 - means / best).mean(axis=1))


def _gain(before: Cell, after: Cell) -> dict[str, float]:
    """The gain over all histories together, in per cent."""
    metric, scale = METRICS[0], 0.0
    pairs = []
    for history in before.users:
        pairs.append([cell.users[history][metric] for cell in (before, after)])
        scale += before.mean(history, metric) / len(before.users)
    old, new = (np.mean([pair[place] for pair in pairs], axis=0) for place in (0, 1))
    found = paired_bootstrap(old, new)
    parts = {"gain %": found.mean, "low": found.low, "high": found.high}
    return {name: round(100 * value / max(scale, 1e-12), 2) for name, value in parts.items()}
