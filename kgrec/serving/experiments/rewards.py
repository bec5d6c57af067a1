"""Rewards of the users of an A/B experiment, by the log of events, and their comparison."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np

from kgrec.metrics.sequential import Comparison, compare_arms
from kgrec.serving.event_log import Record
from kgrec.serving.experiments.experiment import LETTERS, Experiment, Reward
from kgrec.serving.live_graph import EVENT, TAKEN_BACK

EXPOSURE: Final = "exposure"  # the kind of the record of a user's first list in an experiment


@dataclass(frozen=True, eq=False)
class UserRewards:
    """Rewards of users, in the order of their first lists.

    Attributes
    ----------
    rewards : numpy.ndarray
        float64 ``[n]``: of those whose time has passed.
    in_b : numpy.ndarray
        bool ``[n]``: whether they have arm b.
    waiting : int
        Users whose time has not passed: their rewards may still grow, so they do not count yet.
    """

    rewards: np.ndarray
    in_b: np.ndarray
    waiting: int


def exposure_of(experiment: Experiment, arm: int, model: str, user: str, at: int) -> Record:
    """The record of a user's first list, of ``model``, in an experiment."""
    return {
        "kind": EXPOSURE,
        "experiment": experiment.name,
        "arm": LETTERS[arm],
        "model": model,
        "user": user,
        "received": at,
    }


def rewards_of(
    records: Iterable[Record], experiment: Experiment, at: float | None = None
) -> UserRewards:
    """The rewards of an experiment's users, at the unix second ``at`` (by default now)."""
    at = time.time() if at is None else at
    reward, window = experiment.reward, 3_600 * experiment.reward.hours
    first: dict[str, tuple[float, int]] = {}  # when the first list came, and the arm
    events: dict[str, dict[int, float]] = {}  # when rewarding events came, by their number
    for record in records:
        if record["kind"] == EXPOSURE and record["experiment"] == experiment.name:
            place = record["received"], LETTERS.index(record["arm"])
            first.setdefault(record["user"], place)
        elif record["kind"] == EVENT and record["user"] in first and _counts(record, reward):
            events.setdefault(record["user"], {})[record["number"]] = record["received"]
        elif record["kind"] == TAKEN_BACK and record["user"] in events:
            events[record["user"]].pop(record["of"], None)
    until = at if experiment.ended is None else min(at, experiment.ended)
    closed = {user: one for user, one in first.items() if one[0] + window <= until}
    values = [
        min(sum(one <= begun + window for one in events.get(user, {}).values()), reward.most)
        for user, (begun, _) in closed.items()
    ]
    return UserRewards(
        np.array(values, dtype=np.float64),
        np.array([arm == 1 for _, arm in closed.values()], dtype=bool),
        len(first) - len(closed),
    )


def compared(
    records: Iterable[Record], experiment: Experiment, at: float | None = None
) -> tuple[Comparison, int]:
    """The comparison of an A/B experiment's arms by a log, and how many users wait."""
    found = rewards_of(records, experiment, at)
    share = experiment.arms[1].share
    return compare_arms(found.rewards, found.in_b, share, experiment.stop), found.waiting


def _counts(record: Record, reward: Reward) -> bool:
    if reward.event is not None and record.get("event") != reward.event:
        return False
    if reward.linked and "list_id" not in record:
        return False
    rating = record.get("rating")
    return reward.rated is None or (rating is not None and rating >= reward.rated)
