"""The gate: a new model answers only where it does not lose to the one that answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from kgrec.errors import RequestError
from kgrec.metrics.significance import Difference, compare_reports
from kgrec.recommender import Recommender
from kgrec.serving.retraining.newest import METRIC, NewestRows
from kgrec.serving.retraining.settings import GateRule


@dataclass(frozen=True)
class GateVerdict:
    """Whether a new model may answer, why, and the figures behind it."""

    passed: bool
    reason: str
    figures: dict[str, Any]


def judge(
    live: Recommender, candidate: Recommender, rows: NewestRows, rule: GateRule
) -> GateVerdict:
    """Compare two models on held-out rows, overall and for each scenario.

    The candidate loses overall where its mean is below the other's by more than the margin, or the
    whole 95 % interval of the difference (a bootstrap over users) is below 0; in a scenario, where
    the whole interval is below 0.

    Raises RequestError where no list can have one of the rows.
    """
    overall, base = _compared(live, candidate, rows, None)
    figures: dict[str, Any] = {
        "metric": METRIC,
        "rows": rows.rows,
        "left_out": rows.left_out,
        "live": base,
        "overall": _values(overall),
        "scenarios": {},
        "not_compared": [],
    }
    lost = [] if overall.mean >= -rule.margin * base and overall.high >= 0.0 else ["overall"]
    for scenario, users in rows.scenarios.items():
        if users < rule.users or not _knows(live, candidate, scenario):
            figures["not_compared"].append(scenario)
            continue
        try:
            found, _ = _compared(live, candidate, rows, scenario)
        except RequestError:  # no list can have one of its rows
            figures["not_compared"].append(scenario)
            continue
        figures["scenarios"][scenario] = _values(found)
        if found.high < 0.0:
            lost.append(f"scenario {scenario!r}")
    said = f"{METRIC} on the newest {rows.rows:,} rows: {base + overall.mean:.4f} for {base:.4f}, "
    said += str(overall)
    if lost:
        return GateVerdict(False, f"the new model loses, {', '.join(lost)}: {said}", figures)
    return GateVerdict(True, f"the new model does not lose: {said}", figures)


def _compared(
    live: Recommender, candidate: Recommender, rows: NewestRows, scenario: str | None
) -> tuple[Difference, float]:
    """The difference, candidate minus live, and the mean of live."""
    before, after = rows.report(live, scenario), rows.report(candidate, scenario)
    return compare_reports(before, after, METRIC), before[METRIC]


def _knows(live: Recommender, candidate: Recommender, scenario: str) -> bool:
    return all(
        scenario in model.state.engine.vocabulary.scenarios.tolist() for model in (live, candidate)
    )


def _values(found: Difference) -> dict[str, float]:
    return {
        "difference": found.mean,
        "low": found.low,
        "high": found.high,
        "users": found.n_users,
    }
