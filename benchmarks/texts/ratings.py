"""``python -m benchmarks.text ratings``: ratings predicted from users, items and earlier reviews.

Musical_Instruments: per user the last row by time is test, the one before valid. A row is
predicted from all training ratings and from reviews that were written before it, never from its
own review.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pandas as pd

from benchmarks.controls.ratings import (
    RatedRows,
    by_biases,
    by_factors,
    by_mean,
    by_shifted_biases,
)
from benchmarks.harness import report
from benchmarks.texts.review_rows import MUSIC, PROTOCOL, review_catalog
from kgrec import Recommender, RecommenderConfig
from kgrec.config import ModelConfig, TrainingConfig
from kgrec.graph import GraphSnapshot
from kgrec.graph.source import read_source
from kgrec.metrics.significance import paired_bootstrap

_NAME: Final = "text-ratings"
_ASKED: Final = ["user_id", "item_id", "timestamp"]


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.text ratings", description=__doc__)
    parser.add_argument("--seeds", type=int, default=5, help="how many fits are averaged")
    parser.add_argument("--save", action="store_true", help="keep the result")
    asked = parser.parse_args(arguments)
    snapshot = read_source(review_catalog(), None)
    rows = RatedRows.of(snapshot.interactions, (len(snapshot.users), len(snapshot.items)))
    answer = {
        "kgrec": _ours(snapshot, rows, asked.seeds, use_text=True),
        "kgrec_without_text": _ours(snapshot, rows, asked.seeds, use_text=False),
    }
    controls: dict[str, dict[str, Any]] = {}
    for name, (answers, chosen) in _controls(rows, asked.seeds).items():
        answer[name], controls[name] = answers, chosen
    _tell(rows, answer, controls, asked.seeds, asked.save)


def _ours(snapshot: GraphSnapshot, rows: RatedRows, seeds: int, use_text: bool) -> list[np.ndarray]:
    """The test rows' ratings, by seed. The ranking model is fitted for an epoch: nothing of what
    it learns is in the ratings, which are a model of their own."""
    config = RecommenderConfig(
        model=ModelConfig(use_text=use_text, use_item_weights=False),
        training=TrainingConfig(epochs=1),
    )
    model = Recommender(config).fit(snapshot)
    users, items = snapshot.users.ids, snapshot.items.ids
    columns = (users[rows.test.user], items[rows.test.item], rows.test.timestamp)
    pairs = pd.DataFrame(dict(zip(_ASKED, columns, strict=True)))
    return [
        model.fit_ratings(seed=seed).predict(pairs)["rating"].to_numpy() for seed in range(seeds)
    ]


def _controls(rows: RatedRows, seeds: int) -> dict[str, tuple[list[np.ndarray], dict[str, Any]]]:
    mean, biases, shifted = by_mean(rows), by_biases(rows), by_shifted_biases(rows)
    factors = [by_factors(rows, seed) for seed in range(seeds)]
    return {
        "mean": ([mean[0]], mean[1]),
        "biases": ([biases[0]], biases[1]),
        "shifted_biases": ([shifted[0]], shifted[1]),
        "factorisation": ([answers for answers, _ in factors], factors[0][1]),
    }


def _tell(
    rows: RatedRows,
    answer: dict[str, list[np.ndarray]],
    chosen: dict[str, dict[str, Any]],
    seeds: int,
    save: bool,
) -> None:
    truth = rows.test.rating.astype(np.float64)
    squares = {name: (np.stack(each) - truth) ** 2 for name, each in answer.items()}
    rmse = {name: float(np.sqrt(each.mean(axis=1)).mean()) for name, each in squares.items()}
    mine = squares["kgrec"].mean(axis=0)
    gains = {
        name: paired_bootstrap(mine, each.mean(axis=0))
        for name, each in squares.items()
        if name != "kgrec"
    }
    table = [
        {"model": name, "rmse": value, "squared error above kgrec's": str(gains.get(name, ""))}
        for name, value in rmse.items()
    ]
    result = {
        "data": f"{MUSIC}_5",
        "protocol": f"{PROTOCOL}; reviews count where they were written before the asked row",
        "seeds": seeds,
        "rows": len(truth),
        "kgrec": {
            "rmse": round(rmse["kgrec"], 5),
            "rmse_without_text": round(rmse["kgrec_without_text"], 5),
            "rmse_by_seed": [round(float(v), 5) for v in np.sqrt(squares["kgrec"].mean(axis=1))],
        },
        "peers": {
            name: {"rmse": round(rmse[name], 5), **settings} for name, settings in chosen.items()
        },
        "mse_gain": {name: report.interval(gain) for name, gain in gains.items()},
    }
    report.finish(_NAME, result, table, save)
