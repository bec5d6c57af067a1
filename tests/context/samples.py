"""A made-up catalog of apps: users open a few of them again and again, most at one daytime."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd

from graph_schema import Catalog
from kgrec import Recommender, RecommenderConfig
from kgrec.config import ContextConfig, ModelConfig, TrainingConfig

DAYTIMES = ("morning", "noon", "evening")
N_USERS, N_ITEMS = 180, 40


def events(seed: int = 0) -> pd.DataFrame:
    """Items 0, 3, 6 … are opened in the morning, 1, 4, … at noon, 2, 5, … in the evening."""
    rng = np.random.default_rng(seed)
    rows = []
    for user in range(N_USERS):
        own = rng.choice(N_ITEMS, 8, replace=False)
        for item, weight in zip(own, rng.dirichlet(np.full(8, 0.3)), strict=True):
            for _ in range(1 + int(20 * weight)):
                usual = rng.random() < 0.7
                daytime = DAYTIMES[item % 3] if usual else DAYTIMES[rng.integers(3)]
                rows.append((f"u{user}", f"i{item}", daytime, int(rng.integers(1, 30))))
    frame = pd.DataFrame(rows, columns=["user_id", "item_id", "daytime", "cnt"])
    frame["place"] = rng.choice(["home", "work", ""], len(frame))
    return frame


def items() -> pd.DataFrame:
    return pd.DataFrame({"item_id": [f"i{item}" for item in range(N_ITEMS)]})


def catalog(frame: pd.DataFrame | None = None) -> Catalog:
    return Catalog.from_frames(items=items(), interactions=events() if frame is None else frame)


def config(**context: object) -> RecommenderConfig:
    return RecommenderConfig(
        model=ModelConfig(embedding_size=16, use_text=False),
        training=TrainingConfig(epochs=2, batch_size=32),
        context=ContextConfig(**{"columns": ("daytime", "place"), "count": "cnt", **context}),
    )


@cache
def fitted() -> Recommender:
    """A quick fit, made once: nothing changes it."""
    return Recommender(config()).fit(catalog(), effort="quick")
