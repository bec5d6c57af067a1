"""A small catalog with ratings that can be predicted: everybody likes one kind of film, and rates
the rest low; in a hurry all is rated lower."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd

from graph_schema import Catalog
from kgrec import RecommenderConfig, ScenarioConfig, ScenarioRule
from kgrec.config.ratings import RatingConfig
from tests.recommender import catalogs

N_USERS, N_ITEMS, PER_USER, KINDS = 60, 30, 20, 3
SMALL = {"embedding_size": 8, "epochs": 6, "learning_rate": 0.03, "reg": 0.0, "dropout": 0.0}


def config(**ratings: object) -> RecommenderConfig:
    """One epoch of the ranking model, then ratings; user's ages tell scenarios."""
    rule = ScenarioRule(by="user.age", groups={"young": {"max": 30}, "old": {"min": 31}})
    return catalogs.config(epochs=1).model_copy(
        update={
            "ratings": RatingConfig.model_validate({**SMALL, "enabled": True, **ratings}),
            "scenarios": ScenarioConfig(rule=rule),
        }
    )


@cache
def _events() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    rows = []
    for user in range(N_USERS):
        for place, item in enumerate(rng.permutation(N_ITEMS)[:PER_USER]):
            liked = item % KINDS == user % KINDS
            rating = float(rng.integers(4, 6) if liked else rng.integers(1, 4))
            time = 1_000_000 + 10_000 * (place // 4) + 7 * place
            rows.append((f"u{user}", f"i{item}", rating, time))
    events = pd.DataFrame(rows, columns=["user_id", "item_id", "rating", "timestamp"])
    splits = np.where(rng.random(len(events)) < 0.15, "test", "train")
    return events.assign(split=np.where(rng.random(len(events)) < 0.1, "valid", splits))


def events() -> pd.DataFrame:
    return _events().copy()


def catalog(interactions: pd.DataFrame | None = None) -> Catalog:
    """Items tell their kind as a genre; i29 is in no training row."""
    ages = 20 + np.arange(N_USERS) % 25
    users = pd.DataFrame({"user_id": [f"u{n}" for n in range(N_USERS)], "age": ages})
    kinds = np.array(["Comedy", "Drama", "Western"])[np.arange(N_ITEMS + 1) % KINDS]
    items = pd.DataFrame({"item_id": [f"i{n}" for n in range(N_ITEMS + 1)], "genres": kinds})
    result = events() if interactions is None else interactions
    return Catalog.from_frames(users=users, items=items, interactions=result)
