"""Runs of one model: choose on validation rows, fit once a seed, rank the test rows."""

from __future__ import annotations

import gc
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from benchmarks.peers import PEERS, TRIES, Fitting, Peer, PeerData, Settings
from benchmarks.rows import History, Rows
from kgrec.evaluation import Difference, EvaluationReport, paired_bootstrap
from kgrec.evaluation.metrics import UserMetrics

METRICS = ("ndcg@10", "recall@10", "recall@20", "precision@10", "hr@10", "ndcg@20")


@dataclass
class Outcome:
    """What a model reached: per history and seed its metrics, and per seed what it cost.

    ``users`` holds each user's values per history, averaged over seeds.
    """

    model: str
    code: str
    seeds: list[int] = field(default_factory=list)
    metrics: dict[History, list[dict[str, float]]] = field(default_factory=dict)
    users: dict[History, UserMetrics] = field(default_factory=dict)
    fit_seconds: list[float] = field(default_factory=list)
    notes: dict[str, Any] = field(default_factory=dict)

    def add(self, history: History, report: EvaluationReport) -> None:
        self.metrics.setdefault(history, []).append({m: report[m] for m in METRICS})
        count = len(self.metrics[history])
        sums = self.users.setdefault(history, {m: np.zeros(report.n_users) for m in METRICS})
        for metric in METRICS:
            sums[metric] += (report.per_user[metric] - sums[metric]) / count

    def mean(self, history: History) -> dict[str, float]:
        """Each metric's mean over the seeds."""
        runs = self.metrics[history]
        return {metric: float(np.mean([run[metric] for run in runs])) for metric in METRICS}

    def figures(self, history: History) -> dict[str, Any]:
        """For the JSON line: the means, then each seed's."""
        runs = self.metrics[history]
        return {
            **{metric: round(value, 5) for metric, value in self.mean(history).items()},
            "ndcg@10_by_seed": [round(run["ndcg@10"], 5) for run in runs],
            "recall@20_by_seed": [round(run["recall@20"], 5) for run in runs],
        }

    def summary(self, history: History) -> dict[str, Any]:
        """``figures``, and what they took."""
        return {
            **self.figures(history),
            "seeds": self.seeds,
            "fit_seconds": [round(seconds, 2) for seconds in self.fit_seconds],
            "code": self.code,
            **self.notes,
        }

    def row(self, history: History) -> dict[str, Any]:
        """For the table."""
        return {
            "model": self.model,
            "history": history,
            **self.mean(history),
            "seeds": len(self.seeds),
            "fit_seconds": float(np.mean(self.fit_seconds)),
            "code": self.code,
        }


def differences(a: Outcome, b: Outcome, history: History) -> dict[str, Difference]:
    """``b - a`` on each metric with its interval; users are paired, seeds averaged first."""
    return {
        metric: paired_bootstrap(a.users[history][metric], b.users[history][metric])
        for metric in METRICS
    }


@dataclass(frozen=True)
class Choice:
    """The settings that did best on validation rows, and the epochs they took."""

    settings: Settings
    valid: float
    epochs: int | None
    tries: int
    seconds: float


def run_peer(name: str, rows: Rows, *, seeds: Sequence[int], device: str, tries: int) -> Outcome:
    """Choose among at most ``tries`` settings, then fit and test with every seed.

    A peer that draws nothing at random is fitted once.
    """
    options = TRIES[name][:tries]
    choice = _choose(name, rows, options, device)
    made = PEERS[name](**choice.settings)
    used = list(seeds) if made.seeded else [seeds[0]]
    outcome = Outcome(name, made.code, used, notes=_notes(choice, device))
    for seed in used:
        started = time.perf_counter()
        peer = _fit_for_test(name, rows, choice, seed, device)
        outcome.fit_seconds.append(time.perf_counter() - started)
        for history in rows.histories():
            peer.bind(rows.history(history))
            outcome.add(history, rows.rank(peer.score, "test", keep_users=True))
        del peer
        gc.collect()
    return outcome


def _notes(choice: Choice, device: str) -> dict[str, Any]:
    return {
        "settings": dict(choice.settings),
        "tries": choice.tries,
        "valid_ndcg@10": round(choice.valid, 5),
        "epochs": choice.epochs,
        "choosing_seconds": round(choice.seconds, 1),
        "device": device,
    }


def _choose(name: str, rows: Rows, options: Sequence[Settings], device: str) -> Choice:
    started = time.perf_counter()
    best: tuple[float, Settings, int | None] | None = None
    for settings in options:
        peer, valid = _fit_for_valid(name, rows, settings, 0, device)
        if best is None or valid > best[0]:
            best = (valid, settings, peer.epochs)
    assert best is not None
    valid, settings, epochs = best
    return Choice(settings, valid, epochs, len(options), time.perf_counter() - started)


def _fit_for_valid(
    name: str, rows: Rows, settings: Settings, seed: int, device: str
) -> tuple[Peer, float]:
    """A peer fitted on ``rows.fit`` and its NDCG@10 on the validation rows."""
    peer = PEERS[name](**settings)

    def validate() -> float:
        peer.bind(rows.fit)
        return rows.rank(peer.score, "valid", ks=(10,))["ndcg@10"]

    data = PeerData.of(rows.snapshot, rows.fit)
    peer.fit(data, Fitting(seed=seed, device=device, validate=validate))
    return peer, validate()


def _fit_for_test(name: str, rows: Rows, choice: Choice, seed: int, device: str) -> Peer:
    """As chosen: stopped by validation rows where the data names them, else fitted on all of train
    for the epochs that did best."""
    if not rows.refit:
        return _fit_for_valid(name, rows, choice.settings, seed, device)[0]
    data = PeerData.of(rows.snapshot, rows.train)
    how = Fitting(seed=seed, device=device, epochs=choice.epochs)
    return PEERS[name](**choice.settings).fit(data, how)
