"""``python -m benchmarks.coldstart items|users|vectors``: what training never saw."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.cold_start import items as cold_items
from benchmarks.cold_start import users as cold_users
from benchmarks.cold_start import vectors as cold_vectors
from benchmarks.harness.datasets import load_dataset
from benchmarks.harness.report import finish, interval
from benchmarks.harness.rows import read_rows
from kgrec import Recommender, RecommenderConfig
from kgrec.cli.evaluate import peak_memory_gb
from kgrec.evaluation import paired_bootstrap
from kgrec.features.names import TEXT
from kgrec.features.texts import TextReader
from kgrec.graph import GraphSnapshot
from kgrec.metrics.metrics import UserMetrics

DATA = "ml-1m-kg"
_RANDOM_SEEDS = 5


def main(arguments: Sequence[str] | None = None) -> None:
    """Run what the command line asks for; see ``--help``."""
    asked = _parser().parse_args(arguments)
    rows, _ = read_rows(lambda: load_dataset(DATA).catalog, asked.snapshot)
    run = {"items": _items, "users": _users, "vectors": _vectors}[asked.what]
    result, table = run(rows.snapshot, asked)
    whole = {"data": DATA, **result, "seeds": list(range(asked.seeds))}
    finish(f"coldstart-{asked.what}", whole, table, asked.save)


def _items(snapshot: GraphSnapshot, asked: argparse.Namespace) -> tuple[dict[str, Any], list[Any]]:
    trial = cold_items.ColdItemTrial.draw(snapshot)
    config = _config(asked)
    texts = TextReader(config).read(trial.fit).items[TEXT]
    peers: dict[str, dict[str, Any]] = {
        "entity cosine": cold_items.figures(trial, cold_items.entity_cosine(trial)),
        "text cosine": cold_items.figures(trial, cold_items.text_cosine(trial, texts)),
        "random": _mean(
            [
                cold_items.figures(trial, cold_items.at_random(trial, seed))
                for seed in range(_RANDOM_SEEDS)
            ]
        ),
    }

    def measure(model: Recommender) -> dict[str, Any]:
        return {
            "ndcg@10": round(trial.ndcg_of(model, trial.test), 5),
            "choose_ndcg@10": round(trial.ndcg_of(model, trial.choose), 5),
        }

    runs, cost = _fits(trial.fit, config, asked, measure)
    ours = {**_mean(runs), "ndcg@10_by_seed": [run["ndcg@10"] for run in runs]}
    table = [
        {"model": name, "ndcg@10": values["ndcg@10"], "on the items that choose": values[_CHOOSE]}
        for name, values in {"kgrec": ours, **peers}.items()
    ]
    return {"protocol": cold_items.PROTOCOL, "kgrec": ours, "peers": peers, **cost}, table


def _vectors(
    snapshot: GraphSnapshot, asked: argparse.Namespace
) -> tuple[dict[str, Any], list[Any]]:
    """The same fits without vectors, with those of pictures, and with noise in their place."""
    trial = cold_items.ColdItemTrial.draw(snapshot)
    values, cost = {}, {}
    for name, fit in cold_vectors.snapshots(trial.fit).items():
        runs, cost[name] = _fits(
            fit,
            _config(asked),
            asked,
            lambda model: cold_vectors.measure(trial, model),
            shown=_means,
            name=f"vectors-{name}",
        )
        values[name] = cold_vectors.averaged(runs)
    figures = cold_vectors.figures(values)
    table = [
        {
            "ranked": part,
            **each["ndcg@10"],
            "gain": each["gain"][cold_vectors.PICTURES]["mean"],
        }
        for part, each in figures.items()
    ]
    protocol = f"{cold_items.PROTOCOL}; and the same over the items with a picture alone"
    seconds = {name: each["fit_seconds"] for name, each in cost.items()}
    return {"protocol": protocol, "figures": figures, "fit_seconds": seconds}, table


def _users(snapshot: GraphSnapshot, asked: argparse.Namespace) -> tuple[dict[str, Any], list[Any]]:
    trial = cold_users.ColdUsers.draw(snapshot)
    peers = {
        name: cold_users.measure_baseline(trial, baseline)
        for name, baseline in cold_users.fitted_baselines(trial).items()
    }
    runs, cost = _fits(
        trial.fit,
        _config(asked),
        asked,
        lambda model: cold_users.measure_model(trial, model),
        shown=lambda run: {length: _means(values) for length, values in run.items()},
    )
    ours = {length: _averaged([run[length] for run in runs]) for length in cold_users.LENGTHS}
    table = [
        {"model": name, "events known": length, **_means(values[length])}
        for length in cold_users.LENGTHS
        for name, values in {"kgrec": ours, **peers}.items()
    ]
    figures = {
        "kgrec": {length: _means(values) for length, values in ours.items()},
        "peers": {name: _beside(ours, values) for name, values in peers.items()},
    }
    return {"protocol": cold_users.PROTOCOL, **figures, **cost}, table


def _beside(
    ours: Mapping[int, UserMetrics], theirs: Mapping[int, UserMetrics]
) -> dict[int, dict[str, Any]]:
    """A peer's means, and kgrec's lead with its 95 % interval: users are paired."""
    return {
        length: {
            **_means(values),
            f"kgrec_ahead_{_MAIN}": interval(paired_bootstrap(values[_MAIN], ours[length][_MAIN])),
        }
        for length, values in theirs.items()
    }


def _means(values: UserMetrics) -> dict[str, float]:
    return {name: round(float(each.mean()), 5) for name, each in values.items()}


def _averaged(runs: Sequence[UserMetrics]) -> UserMetrics:
    """Each user's values, averaged over seeds."""
    return {name: np.mean([run[name] for run in runs], axis=0) for name in runs[0]}


_MAIN = "ndcg@10"
_CHOOSE = "choose_ndcg@10"


def _fits(
    snapshot: GraphSnapshot,
    config: RecommenderConfig,
    asked: argparse.Namespace,
    measure: Callable[[Recommender], Any],
    shown: Callable[[Any], Any] = lambda run: run,
    name: str | None = None,
) -> tuple[list[Any], dict[str, Any]]:
    """The result of ``measure`` for a fit per seed, and the cost of the first fit; ``shown`` is the
    part of the result that people read."""
    runs, seconds = [], []
    for seed in range(asked.seeds):
        started = time.perf_counter()
        model = Recommender(config).fit(snapshot, seed=seed, device=asked.device)
        seconds.append(time.perf_counter() - started)
        runs.append(measure(model))
        if asked.keep is not None:
            model.save(asked.keep / f"{name or asked.what}-{seed}")
        print(f"seed {seed}: {shown(runs[-1])}; fit {seconds[-1]:.1f} s", file=sys.stderr)
    cost = {"fit_seconds": round(seconds[0], 2), "peak_memory_gb": round(peak_memory_gb(), 3)}
    return runs, cost


def _mean(runs: Sequence[dict[str, float]]) -> dict[str, float]:
    return {name: round(float(np.mean([run[name] for run in runs])), 5) for name in runs[0]}


def _config(asked: argparse.Namespace) -> RecommenderConfig:
    training = {} if asked.epochs is None else {"epochs": asked.epochs}
    return RecommenderConfig.model_validate({"training": training})


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.coldstart",
        description=f"Items or users of {DATA} that training never saw.",
    )
    parser.add_argument("what", choices=("items", "users", "vectors"))
    parser.add_argument("--seeds", type=int, default=1, help="fit with seeds 0 to N-1 (default 1)")
    parser.add_argument("--epochs", type=int, help="fewer epochs, for a quick look")
    parser.add_argument("--device", help="cpu or cuda (kgrec takes an accelerator by itself)")
    parser.add_argument(
        "--snapshot", type=Path, help="keep the data here as arrays; read it from here if it is"
    )
    parser.add_argument("--keep", type=Path, help="keep the fitted models in this folder")
    parser.add_argument("--save", action="store_true", help="keep the result in benchmarks/results")
    return parser


if __name__ == "__main__":
    main()
