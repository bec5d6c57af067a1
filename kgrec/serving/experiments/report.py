"""What is known of an experiment, by its log of events, as plain values."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from kgrec.serving.event_log import Record
from kgrec.serving.experiments.arm_record import ArmRecord
from kgrec.serving.experiments.experiment import LETTERS, Experiment
from kgrec.serving.experiments.rewards import compared


def report_of(
    experiment: Experiment,
    records: Callable[[], Iterable[Record]],
    answers: list[ArmRecord] | None = None,
) -> dict[str, Any]:
    """An experiment's state, arms and comparison.

    ``records``: reads the log; ``answers``: what the arms did, where a service knows it.
    """
    arms: list[dict[str, Any]] = [
        {"arm": letter, "model": arm.model, "share": arm.share}
        for letter, arm in zip(LETTERS, experiment.arms, strict=False)
    ]
    for arm, record in zip(arms, answers or (), strict=False):
        arm |= {
            "answers": record.answers,
            "errors": record.errors,
            "half_below_ms": 1_000.0 * record.within(0.5),
            "95%_below_ms": 1_000.0 * record.within(0.95),
        }
    report: dict[str, Any] = {
        "name": experiment.name,
        "mode": experiment.mode,
        "state": "running" if experiment.ended is None else "ended",
        "started": experiment.started,
        "who": experiment.who,
        "arms": arms,
    }
    if experiment.ended is not None:
        report |= {"ended": experiment.ended, "why": experiment.why}
    if experiment.mode == "ab":
        comparison, waiting = compared(records(), experiment)
        for arm, users, mean in zip(arms, comparison.users, comparison.means, strict=True):
            arm |= {"users": users, "reward": mean}
        values = comparison.to_dict()
        report["comparison"] = {
            **{name: values[name] for name in ("difference", "low", "high", "verdict", "why")},
            "waiting": waiting,
        }
    return report
