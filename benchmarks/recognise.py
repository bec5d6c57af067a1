"""``python -m benchmarks.recognise``: which scenario a history belongs to, the scenario hidden."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

from benchmarks.bag_regression import regress_bags
from benchmarks.harness.report import finish, run
from benchmarks.scenario_data.recognition import DATA, Answers, Labelled, figures, ours, shrinkage
from kgrec.evaluation import paired_bootstrap
from kgrec.metrics.calibration import balanced_accuracy

PROTOCOL: Final = (
    "users in the order of their ids, numpy.random.default_rng(2026).permutation; seed s tests on "
    "the s-th tenth from the end, chooses and calibrates on the tenth before it and fits on the "
    "other eight: seed 0 is the plain 80/10/10 split, and no user is tested on twice. ml-1m: the "
    "user's train and valid rows tell the age group; xmrec: all rows but the last tell the market. "
    "Figures pool the test users of all seeds. The peer is scikit-learn's logistic regression, "
    "class_weight balanced, C and the bag (counts, ones or unit vectors) chosen by balanced "
    "accuracy on the same users that choose for kgrec"
)


def logistic(data: Labelled, seed: int) -> Answers:
    """Logistic regression on the bag of items."""
    train, valid, test = data.split(seed)
    started = time.perf_counter()
    known = regress_bags(data.bags, data.label, train, valid, test)
    seconds, best = time.perf_counter() - started, known.argmax(axis=1)
    return Answers(data.label[test], best, best, known, seconds)


def measure(data: Labelled, seeds: int) -> dict[str, Any]:
    """Both models on every seed's users."""
    parts: dict[str, list[Answers]] = {"kgrec": [], "logistic": []}
    ways: dict[str, Callable[[Labelled, int], Answers]] = {"kgrec": ours, "logistic": logistic}
    for seed in range(seeds):
        for name, way in ways.items():
            parts[name].append(way(data, seed))
            part = parts[name][-1]
            right = balanced_accuracy(part.best, part.truth)
            print(f"seed {seed} {name}: {right:.4f}, {part.seconds:.1f} s", file=sys.stderr)
    whole = {name: Answers.joined(answers) for name, answers in parts.items()}
    answer = {name: figures(answers, data.names) for name, answers in whole.items()}
    for name, answers in parts.items():
        first = figures(answers[0], data.names)
        answer[name]["first_seed"] = {key: first[key] for key in ("balanced_accuracy", "ece")}
    difference = paired_bootstrap(*(shrinkage(whole[name]) for name in ("logistic", "kgrec")))
    return {
        "kgrec": answer["kgrec"],
        "peers": {"logistic": answer["logistic"]},
        "difference": {
            "balanced_accuracy": round(difference.mean, 4),
            "interval": [round(difference.low, 4), round(difference.high, 4)],
            "users": difference.n_users,
        },
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Run what the command line asks for; see ``--help``."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.recognise",
        description="kgrec's scenario recogniser beside logistic regression on the bag of items.",
    )
    parser.add_argument("--data", choices=tuple(DATA), help="only this (both if absent)")
    parser.add_argument("--seeds", type=int, default=5, help="seeds 0 to N-1, at most 10")
    parser.add_argument("--save", action="store_true", help="keep the result in benchmarks/results")
    asked = parser.parse_args(arguments)
    if not 1 <= asked.seeds <= 10:
        parser.error("--seeds lies between 1 and 10: a user is tested on once")
    names = [asked.data] if asked.data else list(DATA)
    found = {name: measure(DATA[name](), asked.seeds) for name in names}
    table = [
        {"data": name, "model": model, **_row(values)}
        for name, one in found.items()
        for model, values in (("kgrec", one["kgrec"]), *one["peers"].items())
    ]
    result = {
        "data": names,
        "protocol": PROTOCOL,
        "kgrec": {name: one["kgrec"] for name, one in found.items()},
        "peers": {"logistic": {name: one["peers"]["logistic"] for name, one in found.items()}},
        "difference": {name: one["difference"] for name, one in found.items()},
        "seeds": list(range(asked.seeds)),
    }
    finish("recognise", result, table, asked.save)


def _row(values: dict[str, Any]) -> dict[str, Any]:
    shown = ("balanced_accuracy", "accuracy", "ece", "ece_if_perfect", "fit_seconds")
    return {name: values[name] for name in shown}


if __name__ == "__main__":
    run(main)
