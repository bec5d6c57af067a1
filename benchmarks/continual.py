"""``python -m benchmarks.continual``: models that stay, are updated or are fitted again, in time.

ml-1m-kg in tenths of its events, by time. A model is fitted to the first half. After each further
tenth three models rank the tenth that follows, for users who are known by then: "frozen" has the
new events in its histories alone (``update``), "updated" also adds them to what is in closed form
(``update(weights=True)``), and "refitted" is a new fit to all events so far, which chooses its
settings anew. Costs are processor seconds of this process.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Any, Final

import numpy as np
import pandas as pd

from benchmarks.harness import report
from benchmarks.harness.datasets import load_dataset
from graph_schema import Catalog
from kgrec import Recommender
from kgrec.evaluation import paired_bootstrap

MODELS: Final = ("frozen", "updated", "refitted")
_TENTHS, _FIRST = 10, 5


def main(arguments: Sequence[str] | None = None) -> None:
    asked = _parser().parse_args(arguments)
    catalog = load_dataset(asked.data).catalog
    tenths = in_tenths(catalog.interactions)
    measured = list(_steps(catalog, tenths, asked.effort))
    rows = [_row(one) for one in measured]
    result = {
        "benchmark": "continual",
        "data": asked.data,
        "effort": asked.effort,
        "target": "updated within .5 % of refitted, at 10 % of its cost or less",
        "steps": rows,
        **summary(measured),
    }
    name = "continual" if asked.effort == "quick" else f"continual-{asked.effort}"
    report.finish(name, result, rows, asked.save)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.continual",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--data", default="ml-1m-kg", help="a data set with times")
    parser.add_argument("--effort", choices=("quick", "normal"), default="quick", help="kgrec's")
    parser.add_argument("--save", action="store_true", help="keep the result")
    return parser


def in_tenths(events: pd.DataFrame) -> list[pd.DataFrame]:
    """The events in parts of equal size, by time, without their split."""
    ordered = events.drop(columns=["split"], errors="ignore")
    ordered = ordered.sort_values("timestamp", kind="stable", ignore_index=True)
    bounds = np.arange(_TENTHS + 1) * len(ordered) // _TENTHS
    return [ordered.iloc[a:b] for a, b in pairwise(bounds)]


def _steps(catalog: Catalog, tenths: list[pd.DataFrame], effort: Any) -> Iterator[dict[str, Any]]:
    """Per tenth: of each model the NDCG@10 of the users asked about, and what its change since the
    tenth before cost."""

    def fitted(until: int) -> Recommender:
        known = pd.concat(tenths[:until], ignore_index=True)
        return Recommender().fit(with_events(catalog, known), effort=effort)

    first, seconds = timed(fitted, _FIRST)
    models = {name: Recommender.of(first.state) for name in MODELS}
    costs = dict.fromkeys(MODELS, seconds)
    for until in range(_FIRST, _TENTHS):
        if until > _FIRST:
            news = with_events(catalog, tenths[until - 1], of_items=False)
            _, costs["frozen"] = timed(models["frozen"].update, news)
            _, costs["updated"] = timed(models["updated"].update, news, weights=True)
            models["refitted"], costs["refitted"] = timed(fitted, until)
        known = pd.concat(tenths[:until], ignore_index=True)
        users, targets = asked_about(known, tenths[until])
        found = {name: ndcg(model, users, targets) for name, model in models.items()}
        step = {"until": until, "ndcg": found, "seconds": dict(costs)}
        print(report.table([_row(step)]), flush=True)
        yield step


def with_events(catalog: Catalog, events: pd.DataFrame, *, of_items: bool = True) -> Catalog:
    """The catalog with these interactions alone, and their users; items and facts if wanted."""
    users = catalog.users
    of_graph = {name: catalog.tables[name] for name in ("items", "entities", "facts")}
    return Catalog.from_frames(
        users=users[users["user_id"].isin(set(events["user_id"]))],
        interactions=events,
        **(of_graph if of_items else {}),
    )


def timed(work: Callable[..., Any], *given: Any, **named: Any) -> tuple[Any, float]:
    """What ``work`` returns, and its processor seconds."""
    started = time.process_time()
    return work(*given, **named), time.process_time() - started


def asked_about(known: pd.DataFrame, later: pd.DataFrame) -> tuple[list[str], list[set[str]]]:
    """The known users of later events, and the items that each chose then for the first time."""
    there = set(zip(known["user_id"], known["item_id"], strict=True))
    later = later[later["user_id"].isin(set(known["user_id"]))]
    new = [pair not in there for pair in zip(later["user_id"], later["item_id"], strict=True)]
    chosen = later[new].groupby("user_id")["item_id"].agg(set)
    return chosen.index.tolist(), chosen.tolist()


def ndcg(model: Recommender, users: list[str], targets: list[set[str]]) -> np.ndarray:
    """NDCG@10 of each user, among all items that the user does not have yet."""
    answers = model.recommend(users, k=10)
    lists = dict(iter(answers.groupby("user_id", sort=False)["item_id"]))
    discounts, values = 1 / np.log2(np.arange(2, 12)), []
    for user, wanted in zip(users, targets, strict=True):
        hits = lists[user].isin(wanted).to_numpy(dtype=float)
        best = discounts[: min(len(wanted), 10)].sum()
        values.append(float(np.dot(hits, discounts[: len(hits)]) / best))
    return np.array(values)


def _row(step: dict[str, Any]) -> dict[str, Any]:
    row: dict[str, Any] = {"tenths": step["until"], "users": len(step["ndcg"]["frozen"])}
    for name in MODELS:
        row[name] = round(float(step["ndcg"][name].mean()), 5)
    for name in MODELS:
        row[f"{name}_seconds"] = round(step["seconds"][name], 2)
    return row


def summary(measured: list[dict[str, Any]]) -> dict[str, Any]:
    """Of all steps after the first, where the three are one model: means over users and tenths,
    differences to refitted with their intervals (absolute, and as a share), and costs."""
    later = measured[1:]
    users = {name: np.concatenate([one["ndcg"][name] for one in later]) for name in MODELS}
    cost = {name: sum(one["seconds"][name] for one in later) for name in MODELS}
    mean = float(users["refitted"].mean())
    found: dict[str, Any] = {"users": len(users["frozen"])}
    for name in MODELS:
        one: dict[str, Any] = {
            "ndcg@10": round(float(users[name].mean()), 5),
            "seconds": round(cost[name], 2),
            "share_of_cost": round(cost[name] / cost["refitted"], 4),
        }
        if name != "refitted":
            difference = paired_bootstrap(users["refitted"], users[name])
            one["to_refitted"] = report.interval(difference)
            one["to_refitted_share"] = round(difference.mean / mean, 4)
        found[name] = one
    return found


if __name__ == "__main__":
    report.run(main)
