"""Users whose scenario is hidden: their histories, and how answers about them are measured."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
import scipy.sparse as sp

import loaders
from benchmarks.harness.datasets import data_folder, load_dataset
from benchmarks.scenario_data.ages import AGES
from kgrec.metrics.calibration import (
    accuracy_by_class,
    balanced_accuracy,
    expected_calibration_error,
)
from kgrec.scenarios.recogniser_training import fit_recogniser

DRAWN_WITH: Final = 2026
_PERFECT = 200  # draws of what a perfectly calibrated model's ECE would be


@dataclass(frozen=True, eq=False)
class Labelled:
    """Users' histories as bags (CSR ``[users, items]``) and the scenario of each."""

    bags: sp.csr_matrix
    label: np.ndarray
    names: list[str]

    def split(self, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Rows to fit on, to choose by and to test on."""
        n = len(self.label)
        order = np.random.default_rng(DRAWN_WITH).permutation(n)
        order = np.roll(order, seed * (n - int(n * 0.9)))
        return order[: int(n * 0.8)], order[int(n * 0.8) : int(n * 0.9)], order[int(n * 0.9) :]


def age_groups() -> Labelled:
    """ml-1m-kg: three groups of users by age."""
    catalog = load_dataset("ml-1m-kg").catalog
    events = catalog.interactions
    group = {age: name for name, ages in AGES.groups.items() for age in ages}
    ages = catalog.users.set_index("user_id")["age"].map(group)
    return _labelled(events[events["split"] != "test"], ages)


def markets() -> Labelled:
    """xmrec-markets: seven shops that share items."""
    catalog = loaders.xmrec(data_folder() / "xmrec-markets").catalog
    events = catalog.interactions.sort_values("timestamp", kind="stable")
    of_user = events.groupby("user_id")["scenario"].first()
    return _labelled(events[events.duplicated("user_id", keep="last")], of_user)


def _labelled(events: pd.DataFrame, scenario: pd.Series[Any]) -> Labelled:
    user, users = pd.factorize(events["user_id"], sort=True)
    item, items = pd.factorize(events["item_id"], sort=True)
    shape = (len(users), len(items))
    bags = sp.csr_matrix((np.ones(len(user), np.float32), (user, item)), shape=shape)
    label, names = pd.factorize(scenario.reindex(users), sort=True)
    return Labelled(bags, label, [str(name) for name in names])


@dataclass(frozen=True, eq=False)
class Answers:
    """For some test users: the truth, the best scenario, the answer (-1: none of these) and the
    probabilities ``[n, K]``."""

    truth: np.ndarray
    best: np.ndarray
    chosen: np.ndarray
    known: np.ndarray
    seconds: float

    @staticmethod
    def joined(parts: Sequence[Answers]) -> Answers:
        def all_of(name: str) -> np.ndarray:
            return np.concatenate([getattr(part, name) for part in parts])

        seconds = float(np.mean([part.seconds for part in parts]))
        return Answers(all_of("truth"), all_of("best"), all_of("chosen"), all_of("known"), seconds)


def ours(data: Labelled, seed: int) -> Answers:
    """kgrec's recogniser."""
    train, valid, test = data.split(seed)
    started = time.perf_counter()
    model = fit_recogniser(
        data.bags[train],
        data.label[train],
        data.bags[valid],
        data.label[valid],
        len(data.names),
        seed=seed,
    )
    seconds = time.perf_counter() - started
    answer = model.probabilities(data.bags[test])
    best, chosen = model.best(answer.known), model.choose(answer)
    return Answers(data.label[test], best, chosen, answer.known, seconds)


def figures(answers: Answers, names: Sequence[str]) -> dict[str, Any]:
    """The metrics of one model, rounded."""
    by_class = accuracy_by_class(answers.best, answers.truth)
    numbers = {
        "balanced_accuracy": balanced_accuracy(answers.best, answers.truth),
        "accuracy": float(np.mean(answers.best == answers.truth)),
        "ece": expected_calibration_error(answers.known, answers.truth),
        "ece_equal_mass": expected_calibration_error(answers.known, answers.truth, equal_mass=True),
        "ece_if_perfect": ece_if_perfect(answers.known),
        "none_share": float(np.mean(answers.chosen < 0)),
        "balanced_accuracy_none_is_wrong": balanced_accuracy(answers.chosen, answers.truth),
        "fit_seconds": answers.seconds,
    }
    result = {name: round(value, 4) for name, value in numbers.items()}
    return {**result, "by_scenario": {names[one]: round(by_class[one], 4) for one in by_class}}


def ece_if_perfect(known: np.ndarray) -> float:
    """The mean ECE where answers are right as often as predicted: the effect of so few users."""
    rng = np.random.default_rng(0)
    top = known.max(axis=1)
    result = np.stack([top, np.zeros_like(top)], axis=1)  # the first is always the answer
    draws = [
        expected_calibration_error(result, (rng.random(len(top)) >= top).astype(np.int64))
        for _ in range(_PERFECT)
    ]
    return float(np.mean(draws))


def shrinkage(answers: Answers) -> np.ndarray:
    """What each user adds to the balanced accuracy, so that it is the mean."""
    sizes = np.bincount(answers.truth).astype(np.float64)
    share = len(answers.truth) / ((sizes > 0).sum() * sizes[answers.truth])
    return np.asarray((answers.best == answers.truth) * share)


DATA: Final = {"ml-1m-kg": age_groups, "xmrec-markets": markets}
