"""Made-up data with four tastes, and the same with fake users who push the item "i70"."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd

from benchmarks.attacks.profiles import Attack, fake_events
from graph_schema import Catalog
from kgrec import Recommender
from tests.recommender import catalogs

USERS, ITEMS, TASTES = 240, 80, 4
TARGET = "i70"
DAY = 86_400


@cache
def events() -> pd.DataFrame:
    """Users join one after the other, and choose 8 to 24 items, mostly of their taste. "i70" has
    few events, and "i79" is new: some of the newest users of one taste choose it."""
    rng = np.random.default_rng(0)
    popular = np.sort(rng.lognormal(0, 0.7, ITEMS))[::-1]
    rows = []
    for user in range(USERS):
        odds = popular * np.where(np.arange(ITEMS) % TASTES == user % TASTES, 12.0, 1.0)
        odds[[70, 79]] = 0.3, 0.0
        count = int(rng.integers(8, 25))
        items = rng.choice(ITEMS, count, replace=False, p=odds / odds.sum()).tolist()
        if user >= USERS - 40 and user % TASTES == 3:
            items.append(79)
        times = (user + np.sort(rng.random(len(items))) * 20) * DAY
        rows += [(f"u{user}", f"i{item}", int(at)) for item, at in zip(items, times, strict=True)]
    frame = pd.DataFrame(rows, columns=["user_id", "item_id", "timestamp"])
    return frame.assign(rating=np.float32(4), split="train")


@cache
def attacked(kind: str) -> pd.DataFrame:
    """The events with 5 % fakes."""
    attack = Attack(kind, 0.05, TARGET)
    fakes = fake_events(events(), attack, np.random.default_rng(1))
    return pd.concat([events(), fakes], ignore_index=True)


def model_of(frame: pd.DataFrame) -> Recommender:
    """The quick model of these events, without a graph."""
    items = pd.DataFrame({"item_id": [f"i{number}" for number in range(ITEMS)]})
    catalog = Catalog.from_frames(items=items, interactions=frame)
    return Recommender(catalogs.config(effort="quick")).fit(catalog)


@cache
def clean_model() -> Recommender:
    """The model without fakes."""
    return model_of(events())


@cache
def attacked_model(kind: str) -> Recommender:
    """The model with fakes."""
    return model_of(attacked(kind))
