"""DePaulMovie: ratings of films by time, place and company, predicted over five folds.

The folds are the remainders of a permutation of the rows by 5. The rows of a fold are predicted by
a model of the other four, of which it holds out some itself to choose its settings.
"""

from __future__ import annotations

import sys
from typing import Any, Final

import numpy as np
import pandas as pd

from benchmarks.harness.datasets import data_folder
from graph_schema import Catalog
from kgrec import ContextConfig, RatingConfig, Recommender, RecommenderConfig
from kgrec.evaluation import rmse

COLUMNS: Final = ("Time", "Location", "Companion")
_FOLDS: Final = 5


def measure_ratings(seed: int) -> list[dict[str, Any]]:
    """Rows of the table: the errors of predicted ratings, with and without circumstances."""
    rows = pd.read_csv(data_folder() / "context-small" / "depaulmovie.csv.xz")
    rows = rows.rename(columns={"userid": "user_id", "itemid": "item_id"})
    rows = rows.astype({"user_id": str})
    fold = np.random.default_rng(seed).permutation(len(rows)) % _FOLDS
    found = []
    for name, columns in (("context", COLUMNS), ("no context", ())):
        predicted = np.empty(len(rows))
        for held in range(_FOLDS):
            predicted[fold == held] = _predicted(rows, fold == held, columns, seed)
            print(f"{name}: fold {held + 1} of {_FOLDS}", file=sys.stderr, flush=True)
        truth = rows["rating"].to_numpy(dtype=np.float64)
        found.append(
            {
                "model": name,
                "rmse": round(rmse(truth, predicted), 5),
                "mae": round(float(np.abs(truth - predicted).mean()), 5),
                "ratings": len(rows),
            }
        )
    return found


def _predicted(
    rows: pd.DataFrame, held: np.ndarray, columns: tuple[str, ...], seed: int
) -> np.ndarray:
    users, items = (pd.DataFrame({name: pd.unique(rows[name])}) for name in ("user_id", "item_id"))
    catalog = Catalog.from_frames(users=users, items=items, interactions=rows[~held])
    config = RecommenderConfig(
        context=ContextConfig(columns=columns), ratings=RatingConfig(enabled=True)
    )
    model = Recommender(config).fit(catalog, effort="quick", seed=seed)
    answer = model.predict(rows[held][["user_id", "item_id", *columns]])
    return answer["rating"].to_numpy(dtype=np.float64)
