"""Experiments of a service: how often the stop rule is wrong, and what a shadow costs.

``python -m benchmarks.experiments stopping`` draws experiments whose truth is known, looks at each
again and again, and counts how often it is stopped with the wrong words. ``shadow`` asks a service
for lists, in turns with and without a shadow that answers every one of them too.
"""

from __future__ import annotations

import argparse
import asyncio
import http.client
import json
import os
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Final

import numpy as np

from benchmarks.harness.report import finish, run
from benchmarks.service import Load, prepared
from benchmarks.service_load.generator import at_rate, generate
from benchmarks.service_load.server import serving
from kgrec import Recommender
from kgrec.errors import ServiceError
from kgrec.metrics.sequential import StopRule, compare_arms
from kgrec.serving.experiments.experiment import Arm, Experiments

RATE: Final = 200.0
MOST: Final = 10  # rewards of a user


@dataclass(frozen=True)
class Case:
    """Experiments of one kind: rewards of a user, the share of b, and what b adds to the mean."""

    name: str
    share: float = 0.5
    effect: float = 0.0
    delta: float | None = None
    users: int = 5_000

    def drawn(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Rewards, and who has b."""
        in_b = rng.random(self.users) < self.share
        more = self.effect * in_b
        if self.name == "counts":
            rates = rng.gamma(0.3, 1.0, self.users) + more
            return np.minimum(rng.poisson(rates), MOST).astype(float), in_b
        base = {"common": 0.3, "rare": 0.03}[self.name]
        return (rng.random(self.users) < base + more).astype(float), in_b


CASES: Final = (
    Case("common"),
    Case("common", share=0.1),
    Case("rare"),
    Case("counts"),
    Case("counts", share=0.1),
    Case("common", effect=0.05),
    Case("counts", effect=0.1, users=10_000),
    Case("common", delta=0.05, users=10_000),
)


def stopping(options: argparse.Namespace) -> None:
    """Count wrong stops over repeated looks."""
    rows = [_stopped(case, options.runs, options.every) for case in CASES]
    result = {"runs": options.runs, "looks_every": options.every, "rows": rows}
    finish("experiments-stopping", result, rows, options.save)


def _stopped(case: Case, runs: int, every: int) -> dict[str, Any]:
    rng, rule = np.random.default_rng(1), StopRule(delta=case.delta)
    right = {True: "b is better", False: "no difference"}[case.effect > 0]
    stops: list[tuple[int, bool]] = []
    plain = 0
    for _ in range(runs):
        rewards, in_b = case.drawn(rng)
        looks = range(every, case.users + 1, every)
        plain += any(_differs(rewards[:n], in_b[:n]) for n in looks)
        for n in looks:
            verdict = compare_arms(rewards[:n], in_b[:n], case.share, rule).verdict
            if verdict != "go on":
                stops.append((n, verdict != right))
                break
    return {
        "rewards": case.name,
        "share_b": case.share,
        "effect": case.effect,
        "delta": case.delta,
        "looks": case.users // every,
        "stopped": len(stops) / runs,
        "wrong": sum(wrong for _, wrong in stops) / runs,
        "median_users": median(n for n, _ in stops) if stops else None,
        "differs_by_plain_intervals": plain / runs,
    }


def _differs(rewards: np.ndarray, in_b: np.ndarray) -> bool:
    """Whether the usual 95 % interval, made for one look, leaves out 0."""
    a, b = rewards[~in_b], rewards[in_b]
    if min(len(a), len(b)) < 2:
        return False
    error = np.sqrt(a.var(ddof=1) / len(a) + b.var(ddof=1) / len(b))
    return bool(abs(b.mean() - a.mean()) > 1.96 * error)


def shadow(options: argparse.Namespace) -> None:
    """Times of lists in turns without and with a shadow."""
    with tempfile.TemporaryDirectory(prefix="kgrec-experiments-") as scratch:
        root = prepared(Path(scratch), options.model)
        model = Recommender.load(root.folder_of(root.read().entry("a")))
        load = Load(model.snapshot.users.ids.tolist(), model.snapshot.items.ids.tolist())
        file, rows = Experiments(root), []
        with serving(root.folder) as server:
            generate(at_rate(server.port, 100, [load.one_list() for _ in range(200)]))
            for turn in range(options.runs):
                rows.append(_asked("without", server.port, load, options.seconds))
                file.start(f"beside{turn}", "shadow", (Arm("b", 1.0),), "benchmark")
                _wait_for_shadow(server.port, load)
                rows.append(_asked("with", server.port, load, options.seconds))
                rows[-1]["beside"] = _shadow(server.port)["answered"]
                file.stop(f"beside{turn}", "benchmark")
                asyncio.run(asyncio.sleep(3))
    shown = [_middle([row for row in rows if row["shadow"] == one]) for one in ("without", "with")]
    result = {"loads": os.getloadavg(), "runs": options.runs, "rows": shown}
    finish("experiments-shadow", result, shown, options.save)


def _wait_for_shadow(port: int, load: Load) -> None:
    """Ask until the shadow has answered. Raises ServiceError where it doesn't."""
    for _ in range(600):
        generate(at_rate(port, 100, [load.one_list()]))
        if _shadow(port).get("answered"):
            return
        time.sleep(0.5)
    raise ServiceError("the shadow did not answer within five minutes; see its root's status.")


def _shadow(port: int) -> dict[str, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request("GET", "/v1/status")
        return dict(json.loads(connection.getresponse().read()).get("shadow") or {})
    finally:
        connection.close()


def _asked(name: str, port: int, load: Load, seconds: float) -> dict[str, Any]:
    lists = [load.one_list() for _ in range(int(RATE * seconds))]
    return {"shadow": name, **generate(at_rate(port, RATE, lists)).row()}


def _middle(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Medians of the numbers."""
    numbers = [name for name, value in rows[0].items() if isinstance(value, int | float)]
    middles = {name: round(median(row[name] for row in rows), 2) for name in numbers}
    return {"shadow": rows[0]["shadow"], **middles}


def main(arguments: Sequence[str] | None = None) -> None:
    options = _parser().parse_args(arguments)
    {"stopping": stopping, "shadow": shadow}[options.what](options)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.experiments")
    parser.add_argument("what", choices=("stopping", "shadow"))
    parser.add_argument("--runs", type=int, default=1_000, help="experiments of a case, or turns")
    parser.add_argument("--every", type=int, default=100, help="users between two looks")
    parser.add_argument("--seconds", type=float, default=10.0, help="of each turn of shadow")
    parser.add_argument("--model", type=Path, help="a folder in place of the quick fit of ml-1m-kg")
    parser.add_argument("--save", action="store_true", help="keep the result")
    return parser


if __name__ == "__main__":
    run(main)
