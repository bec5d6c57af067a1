"""Vectors of films' pictures for cold items: what they add, and that noise takes nothing away."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import pandas as pd

from benchmarks.cold_start.items import ColdItems
from benchmarks.harness.datasets import data_folder
from benchmarks.harness.report import interval
from kgrec import Recommender
from kgrec.evaluation import paired_bootstrap
from kgrec.graph import GraphSnapshot
from kgrec.graph.snapshot import Ints

DATA: Final = "visual-movielens"
NAME: Final = "image"
DRAWN_WITH: Final = 5  # the noise
PLAIN, PICTURES, NOISE = "without", "pictures", "noise"
Values = dict[str, np.ndarray]  # NDCG@10 of each user, by the items that are ranked


@dataclass(frozen=True, eq=False)
class CatalogVectors:
    """Rows ``items`` int64 ``[m]`` of a snapshot that have ``vectors`` float32 ``[m, size]``."""

    items: Ints
    vectors: np.ndarray

    @staticmethod
    def read(snapshot: GraphSnapshot) -> CatalogVectors:
        """The pictures' features of the films in the snapshot. Raises SourceError."""
        frame = pd.read_csv(data_folder() / DATA / "features.csv.xz", dtype={"movielens_id": str})
        rows = snapshot.items.rows(frame["movielens_id"].to_numpy(dtype=object))
        numbers = frame.drop(columns="movielens_id").to_numpy(dtype=np.float32)
        return CatalogVectors(rows[rows >= 0], numbers[rows >= 0])

    def noise(self) -> CatalogVectors:
        """Normal numbers in the place of the pictures'."""
        rng = np.random.default_rng(DRAWN_WITH)
        return replace(self, vectors=rng.standard_normal(self.vectors.shape).astype(np.float32))

    def put_into(self, snapshot: GraphSnapshot) -> GraphSnapshot:
        """The snapshot with these vectors of its items."""
        placed = np.zeros((len(snapshot.items), self.vectors.shape[1]), dtype=np.float32)
        placed[self.items] = self.vectors
        return replace(snapshot, items=replace(snapshot.items, vectors={NAME: placed}))


def snapshots(fit: GraphSnapshot) -> dict[str, GraphSnapshot]:
    """What the three models are fitted on: no vectors, those of pictures, and noise."""
    pictures = CatalogVectors.read(fit)
    return {
        PLAIN: fit,
        PICTURES: pictures.put_into(fit),
        NOISE: pictures.noise().put_into(fit),
    }


def measure(trial: ColdItems, model: Recommender) -> Values:
    """NDCG@10 of each user, over all cold items of a part and over those with a picture."""
    with_picture = CatalogVectors.read(trial.fit).items
    values: Values = {}
    for name, rows in (("choose", trial.choose), ("test", trial.test)):
        some = rows[np.isin(rows, with_picture)]
        values[name] = trial.users_ndcg_of(model, rows)
        values[f"{name}, with a picture"] = trial.users_ndcg_of(model, some)
    return values


def averaged(runs: list[Values]) -> Values:
    """Each user's values, averaged over seeds."""
    return {name: np.mean([run[name] for run in runs], axis=0) for name in runs[0]}


def figures(values: dict[str, Values]) -> dict[str, Any]:
    """Means of the three models, and the difference to the one without, with its 95 % interval."""
    return {
        part: {
            "ndcg@10": {name: round(float(each[part].mean()), 5) for name, each in values.items()},
            "gain": {
                name: interval(paired_bootstrap(values[PLAIN][part], values[name][part]))
                for name in values
                if name != PLAIN
            },
        }
        for part in values[PLAIN]
    }
