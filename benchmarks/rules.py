"""Rules: many lists checked, what a hundred rules add to an answer's time, and the exposure that
caps and floors give, beside the optimum of a linear programme."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any, Final

from threadpoolctl import threadpool_limits

from benchmarks.harness import report
from benchmarks.harness.datasets import NAMES, load_dataset
from benchmarks.latency import one_torch_thread
from benchmarks.rule_lists.campaign import check_lists
from benchmarks.rule_lists.exposure import list_exposure, share_exposure
from benchmarks.rule_lists.latency import hundred_rules, latency
from kgrec import Recommender, RecommenderConfig, Rule, Rules
from kgrec.cli._progress import say

PARTS: Final = ("lists", "latency", "exposure")
_SHOWN: Final = 20  # lists that break a rule


def main(arguments: Sequence[str] | None = None) -> None:
    asked = _parser().parse_args(arguments)
    say(f"fitting on {asked.dataset}")
    config = RecommenderConfig.model_validate({"model": {"use_text": False}})
    model = Recommender(config).fit(load_dataset(asked.dataset).catalog, effort="quick")
    model.state.warm_up()
    with threadpool_limits(1), one_torch_thread():
        result, rows = {"lists": _lists, "latency": _latency, "exposure": _exposure}[asked.part](
            model, asked
        )
    whole = {"data": asked.dataset, "effort": "quick", "seeds": [asked.seed], "threads": 1}
    usual = asked.dataset == _parser().get_default("dataset")
    name = f"rules-{asked.part}" if usual else f"rules-{asked.part}-{asked.dataset}"
    report.finish(name, {**whole, **result}, rows, asked.save)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.rules", description="Lists under rules."
    )
    parser.add_argument("--part", choices=PARTS, default="latency")
    parser.add_argument("--dataset", choices=NAMES, default="ml-100k-split")
    parser.add_argument("--count", type=int, default=10_000, help="lists to check")
    parser.add_argument(
        "--users", type=int, default=300, help="users of the linear programmes of lists"
    )
    parser.add_argument("--rounds", type=int, default=30, help="how often all is timed")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--save", action="store_true", help="keep the result in benchmarks/results")
    return parser


def _lists(
    model: Recommender, asked: argparse.Namespace
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    found = check_lists(model, asked.count, asked.seed)
    wrong = found.pop("problems")
    for one in wrong[:_SHOWN]:
        say(one)
    rows = [{"lists of": verb, "checked": n} for verb, n in found["by_verb"].items()]
    return {**found, "problems": len(wrong)}, rows


def _latency(
    model: Recommender, asked: argparse.Namespace
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    rules = hundred_rules(model, asked.seed)
    rows = latency(model, rules, asked.rounds)
    return {"rules": len(rules), "processor_time": True, "answers": rows}, rows


def _exposure(
    model: Recommender, asked: argparse.Namespace
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    users = model.snapshot.users.ids[: asked.users].tolist()
    old = {"year": {"max": 1960}}
    sets = {
        "cap by year": Rules.of(_cap("year", 2)),
        "floor": Rules.of(_floor(old)),
        "cap by year, floor": Rules.of(_cap("year", 2), _floor(old)),
        "cap by genres": Rules.of(_cap("genres", 3)),
        "cap by genres, floor": Rules.of(_cap("genres", 3), _floor(old)),
        "exact cap by genres": Rules.of(_cap("genres", 3, exact=True)),
        "exact cap by genres, floor": Rules.of(_cap("genres", 3, exact=True), _floor(old)),
    }
    rows = []
    for name, rules in sets.items():
        say(f"linear programmes: {name}")
        rows.append({"rules": name, **list_exposure(model, rules, users)})
    everybody = model.snapshot.users.ids.tolist()
    say(f"one linear programme over {len(everybody)} users: a share of the exposure")
    shares = [share_exposure(model, everybody, old, share) for share in (0.1, 0.2)]
    print(report.table(shares))
    return {
        "users": len(users),
        "lists": rows,
        "users_of_shares": len(everybody),
        "shares": shares,
    }, rows


def _cap(by: str, most: int, *, exact: bool = False) -> Rule:
    return Rule(f"cap by {by}", "cap", most=most, of=10, by=by, exact=exact)


def _floor(what: dict[str, Any]) -> Rule:
    return Rule("floor", "floor", least=1, of=10, what=what)


if __name__ == "__main__":
    report.run(main)
