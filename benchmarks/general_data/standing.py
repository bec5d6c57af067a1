"""Ranks and regret: where kgrec stands among its peers on each data set."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from benchmarks.general_data.measuring import METRICS, OURS, Cell
from benchmarks.harness.rows import History
from kgrec.evaluation import paired_bootstrap

MARGIN: Final = -1.0  # per cent: from here on a model counts as level


@dataclass(frozen=True)
class Standing:
    """kgrec beside its peers on one data set, with one history and metric.

    ``gain`` is kgrec's lead over the best peer, in per cent of that one's figure; ``low`` and
    ``high`` are its 95 % interval (paired bootstrap over users). The regret is -``gain`` where that
    is above 0.
    """

    data: str
    history: History
    metric: str
    users: int
    figures: Mapping[str, float]
    best: str
    rank: int
    gain: float
    low: float
    high: float

    @property
    def verdict(self) -> str:
        """ "ahead" and "behind" beyond chance, "level" (interval above -1 %), else "open"."""
        if self.low > 0:
            return "ahead"
        if self.high < 0:
            return "behind"
        return "level" if self.low > MARGIN else "open"

    def row(self) -> dict[str, Any]:
        """For the table and the JSON line."""
        return {
            "data": self.data,
            "history": self.history,
            "metric": self.metric,
            "users": self.users,
            **{name: round(value, 5) for name, value in self.figures.items()},
            "best peer": self.best,
            "rank": self.rank,
            "gain %": round(self.gain, 2),
            "low": round(self.low, 2),
            "high": round(self.high, 2),
            "verdict": self.verdict,
        }


def standings(data: str, cells: Mapping[str, Cell]) -> list[Standing]:
    """One for each history and metric; ``cells`` are kgrec and at least one peer."""
    return [
        _standing(data, cells, history, metric)
        for history in cells[OURS].users
        for metric in METRICS
    ]


def _standing(data: str, cells: Mapping[str, Cell], history: History, metric: str) -> Standing:
    means = {name: cell.mean(history, metric) for name, cell in cells.items()}
    best = max((name for name in means if name != OURS), key=means.__getitem__)
    ours, theirs = (cells[name].users[history][metric] for name in (OURS, best))
    lead = paired_bootstrap(theirs, ours)
    scale = 100 / max(means[best], 1e-12)
    return Standing(
        data=data,
        history=history,
        metric=metric,
        users=len(ours),
        figures=means,
        best=best,
        rank=1 + sum(value > means[OURS] for name, value in means.items() if name != OURS),
        gain=lead.mean * scale,
        low=lead.low * scale,
        high=lead.high * scale,
    )


def summary(found: Sequence[Standing]) -> dict[str, Any]:
    """Over all standings: how many there are of each verdict, the mean rank and regret of each
    model, and where kgrec is behind."""
    verdicts = [one.verdict for one in found]
    return {
        "verdicts": {name: verdicts.count(name) for name in ("ahead", "level", "open", "behind")},
        "mean_rank": _over_models(found, _ranks),
        "mean_regret_%": _over_models(found, _regrets),
        "behind": [
            f"{one.data}, history={one.history}, {one.metric}"
            for one in found
            if one.verdict == "behind"
        ],
    }


def _over_models(found: Sequence[Standing], values: Any) -> dict[str, float]:
    """The mean over standings of what ``values`` gives each model of one."""
    parts = [values(one.figures) for one in found]
    names = dict.fromkeys(name for part in parts for name in part)
    means = {name: np.mean([part[name] for part in parts if name in part]) for name in names}
    return {name: round(float(value), 2) for name, value in means.items()}


def _ranks(figures: Mapping[str, float]) -> dict[str, float]:
    return {
        name: 1.0 + _count(other > value for other in figures.values())
        for name, value in figures.items()
    }


def _regrets(figures: Mapping[str, float]) -> dict[str, float]:
    """By model the loss to the best of all, in per cent of that one."""
    best = max(max(figures.values()), 1e-12)
    return {name: 100 * (1 - value / best) for name, value in figures.items()}


def _count(found: Iterable[bool]) -> int:
    return sum(found)
