"""``python -m benchmarks.unbiased``: what weights by propensities do for predicted ratings.

coat, ratings of items drawn at random, learned from those chosen: every user rated 24 coats of
their own choice (train) and 16 that were drawn for them (test). What is fitted and chosen reads
train alone; beside kgrec stand biases, the same model with equal weights, and the published figures
of matrix factorisation with and without propensities.

ml-1m-kg, a check that nothing is lost where the test rows were chosen too: the RMSE of a quarter of
the users, drawn by seed, beside equal weights.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pandas as pd

from benchmarks.harness import report
from benchmarks.harness.datasets import PROTOCOLS, data_folder, load_dataset
from graph_schema import Catalog
from kgrec import ModelConfig, RatingConfig, Recommender, RecommenderConfig
from kgrec.evaluation import auc, user_metrics

DATA: Final = "coat"
CHOSEN: Final = "ml-1m-kg"
RELEVANT: Final = 3.0
K: Final = 5
# Of the same protocol, from the data's README: mse, auc, ndcg@5.
PUBLISHED: Final = {
    "matrix factorisation": (1.214, 0.785, 0.667),
    "matrix factorisation, inverse propensities": (1.089, 0.802, 0.685),
    "biases": (1.257, 0.772, 0.637),
}


def main(arguments: Sequence[str] | None = None) -> None:
    asked = _parser().parse_args(arguments)
    if asked.data == DATA:
        _coat(asked)
    else:
        _chosen_rows(asked)


def _coat(asked: argparse.Namespace) -> None:
    read = _frames()
    catalog = Catalog.from_frames(
        users=read["users"], items=read["items"], interactions=read["train"]
    )
    test = read["test"]
    ours: dict[str, list[dict[str, float]]] = {"auto": [], "none": []}
    chosen: list[dict[str, float]] = []
    for choice, runs in ours.items():
        for seed in range(asked.seeds):
            model = _fitted(catalog, choice, seed)
            runs.append(measure(test, model.predict(test[["user_id", "item_id"]])["rating"]))
            if choice == "auto":
                chosen.append(_chosen(model))
    table = [{"model": f"kgrec, propensities {name}", **_mean(runs)} for name, runs in ours.items()]
    table += [
        {"model": name, "mse": mse, "auc": area, f"ndcg@{K}": ndcg}
        for name, (mse, area, ndcg) in PUBLISHED.items()
    ]
    result = {
        "data": DATA,
        "protocol": "fitted and chosen on train alone; over the 16 test coats of each user; "
        f"relevant: a rating of at least {RELEVANT:g}",
        "seeds": asked.seeds,
        "kgrec": _mean(ours["auto"]),
        "equal_weights": _mean(ours["none"]),
        "by_seed": ours["auto"],
        "propensities": chosen,
        "peers": {row["model"]: row for row in table[2:]},
    }
    report.finish("unbiased-coat", result, table, asked.save)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.unbiased", description=__doc__)
    parser.add_argument("--data", choices=(DATA, CHOSEN), default=DATA, help="the data set")
    parser.add_argument("--seeds", type=int, default=5, help="how many fits are averaged (coat)")
    parser.add_argument("--share", type=float, default=0.25, help="of the users (ml-1m-kg)")
    parser.add_argument("--save", action="store_true", help="keep the result")
    return parser


def _chosen_rows(asked: argparse.Namespace) -> None:
    """RMSE of the test rows of some users, with and without propensities."""
    loaded = load_dataset(CHOSEN)
    rows = _some_users(loaded.catalog.interactions, asked.share)
    held = rows["split"] == "test"
    tables = {name: frame for name, frame in loaded.catalog.tables.items() if name != "reviews"}
    catalog = Catalog.from_frames(**{**tables, "interactions": rows[~held]})
    test = rows.loc[held, ["user_id", "item_id", "timestamp", "rating"]]
    runs: dict[str, dict[str, float]] = {}
    for choice in ("auto", "none"):
        started = time.process_time()
        model = _fitted(catalog, choice, 0)
        error = model.predict(test.drop(columns="rating"))["rating"].to_numpy() - test["rating"]
        runs[choice] = {
            "rmse": round(float(np.sqrt((error**2).mean())), 5),
            "processor_seconds": round(time.process_time() - started, 1),
            **(_chosen(model) if choice == "auto" else {}),
        }
    result = {
        "data": CHOSEN,
        "protocol": f"{PROTOCOLS[CHOSEN]}; {asked.share:g} of the users, drawn by seed 0; ratings "
        "of test rows at their times, known those of train and valid",
        "training_rows": int((~held).sum()),
        "test_rows": int(held.sum()),
        "models": runs,
        "loss": round(runs["auto"]["rmse"] - runs["none"]["rmse"], 5),
    }
    table = [{"propensities": choice, **run} for choice, run in runs.items()]
    report.finish("unbiased-ml-1m-kg", result, table, asked.save)


def _some_users(rows: pd.DataFrame, share: float) -> pd.DataFrame:
    """The rows of a share of the users."""
    users = np.sort(rows["user_id"].unique())
    kept = np.random.default_rng(0).permutation(users)[: round(share * len(users))]
    return rows[rows["user_id"].isin(kept)]


def _frames() -> dict[str, pd.DataFrame]:
    folder = data_folder() / DATA
    read = {name: pd.read_csv(folder / f"{name}.csv.xz") for name in _FILES}
    ids = {"user_id": str, "item_id": str}
    return {
        name: frame.astype({key: kind for key, kind in ids.items() if key in frame.columns})
        for name, frame in read.items()
    }


_FILES: Final = ("users", "items", "train", "test")


def _fitted(catalog: Catalog, propensities: str, seed: int) -> Recommender:
    """The rating model; the ranking model, which it reads nothing of, is fitted quickly."""
    ratings = RatingConfig.model_validate({"propensities": propensities})
    config = RecommenderConfig(model=ModelConfig(use_text=False), ratings=ratings)
    model = Recommender(config).fit(catalog, seed=seed, effort="quick")
    return model.fit_ratings(seed=seed)


def _chosen(model: Recommender) -> dict[str, float]:
    last = model.rating_history[-1]
    return {name: round(last[name], 4) for name in ("propensity_auc", "propensity_power")}


def measure(test: pd.DataFrame, predicted: pd.Series[float]) -> dict[str, float]:
    """MSE, AUC of relevant rows, and NDCG@5 averaged over users with a relevant row."""
    rating, answer = test["rating"].to_numpy(dtype=float), predicted.to_numpy(dtype=float)
    relevant = rating >= RELEVANT
    _, user = np.unique(test["user_id"].to_numpy(dtype=str), return_inverse=True)
    order = np.lexsort((np.arange(len(user)), -answer, user))
    starts = np.searchsorted(user[order], np.arange(user.max() + 1))
    lists = order[starts[:, None] + np.arange(K)]
    wanted = np.bincount(user, weights=relevant).astype(np.int64)
    kept = wanted > 0
    ndcg = user_metrics(relevant[lists][kept], wanted[kept], (K,))[f"ndcg@{K}"]
    return {
        "mse": round(float(((answer - rating) ** 2).mean()), 5),
        "auc": round(auc(relevant, answer), 5),
        f"ndcg@{K}": round(float(ndcg.mean()), 5),
    }


def _mean(runs: list[dict[str, float]]) -> dict[str, Any]:
    return {name: round(float(np.mean([run[name] for run in runs])), 5) for name in runs[0]}


if __name__ == "__main__":
    report.run(main)
