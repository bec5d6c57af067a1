"""Runs of one model: choose on validation rows, fit once a seed, rank the test rows."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from benchmarks.harness.rows import History, Rows
from benchmarks.peers import PEERS, Fitting, Peer, PeerData, Settings
from kgrec.evaluation import Difference, EvaluationReport, paired_bootstrap
from kgrec.metrics.metrics import UserMetrics

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
class Tried:
    """One of a peer's settings, fitted on ``rows.fit`` with the first seed."""

    settings: Settings
    peer: Peer
    valid: float
    seconds: float


def run_peer(
    name: str, rows: Rows, *, seeds: Sequence[int], device: str, options: Sequence[Settings]
) -> Outcome:
    """Choose among ``options`` on validation rows, then fit and test with every seed.

    A peer that draws nothing at random is fitted once.
    """
    started = time.perf_counter()
    best = _best(name, rows, options, seeds[0], device)
    notes = {
        "settings": dict(best.settings),
        "tries": len(options),
        "valid_ndcg@10": round(best.valid, 5),
        "epochs": best.peer.epochs,
        "choosing_seconds": round(time.perf_counter() - started, 1),
        "device": device,
    }
    used = list(seeds) if best.peer.seeded else [seeds[0]]
    outcome = Outcome(name, best.peer.code, used, notes=notes)
    for seed in used:
        peer, seconds = _fit_for_test(name, rows, best, seed, seeds[0], device)
        outcome.fit_seconds.append(seconds)
        for history in rows.histories():
            peer.bind(rows.history(history))
            outcome.add(history, rows.rank(peer.score, "test", keep_users=True))
    return outcome


def _best(name: str, rows: Rows, options: Sequence[Settings], seed: int, device: str) -> Tried:
    best: Tried | None = None
    for settings in options:
        tried = _try(name, rows, settings, seed, device)
        print(f"{name} {dict(settings)}: valid {tried.valid:.4f}", file=sys.stderr, flush=True)
        if best is None or tried.valid > best.valid:
            best = tried
    assert best is not None
    return best


def _try(name: str, rows: Rows, settings: Settings, seed: int, device: str) -> Tried:
    peer = PEERS[name](**settings)

    def validate() -> float:
        peer.bind(rows.fit)
        return rows.rank(peer.score, "valid", ks=(10,))["ndcg@10"]

    data = PeerData.of(rows.snapshot, rows.fit)
    started = time.perf_counter()
    peer.fit(data, Fitting(seed=seed, device=device, validate=validate))
    return Tried(settings, peer, validate(), time.perf_counter() - started)


def _fit_for_test(
    name: str, rows: Rows, best: Tried, seed: int, first: int, device: str
) -> tuple[Peer, float]:
    """As chosen: stopped by validation rows where the data names them, else fitted on all of train
    for the epochs that did best. Also the seconds it took."""
    if not rows.refit:
        again = best if seed == first else _try(name, rows, best.settings, seed, device)
        return again.peer, again.seconds
    data = PeerData.of(rows.snapshot, rows.train)
    how = Fitting(seed=seed, device=device, epochs=best.peer.epochs)
    started = time.perf_counter()
    peer = PEERS[name](**best.settings).fit(data, how)
    return peer, time.perf_counter() - started
