"""Whether explanations are true: what they claim, measured on the model that fit makes.

For each of some users the ten best items are explained; then every claim is tried out: paths are
removed from the user's view and the whole forward pass is rerun, sets of events are taken away, the
Cypher of every path is put to a store. How each figure is measured: docs/explanations.md.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.explanations.fidelity import summary
from benchmarks.explanations.pairs import (
    DRAWN_WITH,
    K,
    Measured,
    Recommended,
    measure,
    recommended,
    sample_users,
)
from benchmarks.explanations.paths import reproduced
from benchmarks.explanations.times import hub_times, times
from benchmarks.harness import report
from benchmarks.harness.datasets import NAMES, Dataset, load_dataset
from benchmarks.harness.stores import embedded, neo4j
from kgrec import Recommender, show_people
from kgrec.explain import ExplainedPath
from kgrec.stores import GraphStore

TIMED = 100  # users


def main(arguments: Sequence[str] | None = None) -> None:
    asked = _parser().parse_args(arguments)
    data = load_dataset(asked.dataset)
    model, fitted = _model(asked.model, data)
    users = sample_users(model.state.engine, asked.users)
    # Before everything else: what the benchmark keeps would be walked through by every collection.
    speed = {**_times(model, users[:TIMED]), **hub_times()}
    protocol = f"{len(users)} users drawn with default_rng({DRAWN_WITH}), their {K} best items"
    if asked.times:
        protocol += f", the first {TIMED} of them"
        found: dict[str, Any] = {"kgrec": speed}
    else:
        protocol += ", 5 paths each; history with validation rows"
        found = _truth(model, users, data, speed)
    result = {"data": asked.dataset, "protocol": protocol, **found, "seeds": [0], "model": fitted}
    rows = [{"measure": name, "value": value} for name, value in _flat(result["kgrec"])]
    name = f"explain-{asked.dataset}" + (".times" if asked.times else "")
    report.finish(name, result, rows, asked.save)


def _times(model: Recommender, users: np.ndarray) -> dict[str, float]:
    ids = [str(model.snapshot.users.ids[user]) for user in users.tolist()]
    best = model.recommend(ids, k=K).groupby("user_id", sort=False)["item_id"]
    return times(model, [(str(user), items.tolist()) for user, items in best])


def _truth(
    model: Recommender, users: np.ndarray, data: Dataset, speed: dict[str, float]
) -> dict[str, Any]:
    """Everything that is measured of explanations, with how long they take."""
    lists, measured = _measure(model, users)
    paths = [path for one in lists for each in one.explained for path in each.paths]
    return {
        "kgrec": {**_figures(measured), **_reproduced(data, paths), **speed},
        "pairs": len(measured.completeness),
        "paths": len(paths),
    }


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.explain", description="Whether explanations are true."
    )
    parser.add_argument("dataset", nargs="?", choices=NAMES, default="ml-1m-kg")
    parser.add_argument("--users", type=int, default=500, help="how many users, 10 items each")
    parser.add_argument(
        "--model", type=Path, help="folder of a saved model (default: fit one with seed 0)"
    )
    parser.add_argument(
        "--times", action="store_true", help="how long explanations take, and nothing else"
    )
    parser.add_argument("--save", action="store_true", help="keep the result in benchmarks/results")
    return parser


def _model(folder: Path | None, data: Dataset) -> tuple[Recommender, dict[str, Any]]:
    """The model, in whose explanations people are named, and how it came about: each path is
    looked up in the graph."""
    if folder is not None:
        return show_people(Recommender.load(folder)), {"loaded": folder.name}
    started = time.perf_counter()
    model = Recommender().fit(data.catalog, seed=0)
    return show_people(model), {"fit_seconds": round(time.perf_counter() - started, 1)}


def _measure(model: Recommender, users: np.ndarray) -> tuple[list[Recommended], Measured]:
    rng, measured, lists = np.random.default_rng(DRAWN_WITH), Measured(), []
    for one in recommended(model, users):
        measure(model, one, measured, rng)
        lists.append(one)
        if len(lists) % 50 == 0:
            print(f"{len(lists)} of {len(users)} users", file=sys.stderr, flush=True)
    return lists, measured


def _figures(measured: Measured) -> dict[str, Any]:
    fidelity = summary(measured.falls)
    return {
        "coverage": _mean(measured.covered),
        "coverage_by_fall": _mean(measured.covered_by_fall),
        "says_why": _mean(measured.says_why),
        "best_share": _median(measured.best_share),
        "confidence": _mean(measured.confidence),
        "completeness_error": max(measured.completeness, default=float("nan")),
        "score_error": max(measured.score_error, default=float("nan")),
        "fidelity_ratio": fidelity["to_random"],
        "fidelity": fidelity,
        "counterfactuals_held": _mean(measured.held),
        "counterfactuals_found": _mean(measured.found),
        "counterfactuals_minimal": _mean(measured.minimal),
        "counterfactual_size": _mean(measured.set_size),
        "stable_same_state": _mean(measured.same_again),
        "stable_without_oldest": _mean(measured.overlap),
        "diversity_kinds": _mean(measured.kinds),
        "diversity_items": _mean(measured.starts),
        "recency": _mean(measured.recency),
        "popularity": _mean(measured.popularity),
    }


def _mean(values: Sequence[float]) -> float:
    return round(float(np.mean(values)), 5) if values else float("nan")


def _median(values: Sequence[float]) -> float:
    return round(float(np.median(values)), 5) if values else float("nan")


def _reproduced(data: Dataset, paths: list[ExplainedPath]) -> dict[str, Any]:
    """The share of paths that their Cypher returns, by store; None where no server is named."""
    with embedded(data.catalog) as store:
        found = {"embedded": _share(store, paths)}
    with neo4j(data.catalog) as server:
        found["neo4j"] = None if server is None else _share(server, paths)
    return {
        "reproduced": min(share for share in found.values() if share is not None),
        "reproduced_by_store": found,
    }


def _share(store: GraphStore, paths: list[ExplainedPath]) -> float | None:
    return float(np.mean(reproduced(store, paths))) if paths else None


def _flat(figures: dict[str, Any]) -> list[tuple[str, Any]]:
    """Names and numbers, those inside another with its name before theirs."""
    rows: list[tuple[str, Any]] = []
    for name, value in figures.items():
        if isinstance(value, dict):
            rows += [(f"{name}.{inner}", part) for inner, part in _flat(value)]
        else:
            rows.append((name, value))
    return rows


if __name__ == "__main__":
    main()
