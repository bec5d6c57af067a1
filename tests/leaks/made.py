"""A made-up shop with a graph, test rows by time, and nothing that tells them."""

from __future__ import annotations

import numpy as np
import pandas as pd

from graph_schema import Catalog

USERS, ITEMS, KINDS = 120, 60, 6
DAY = 86_400
START = 1_500_000_000


def popularity() -> np.ndarray:
    """float64 ``[ITEMS]``: how popular the items are, of which rows are a sample."""
    return np.random.default_rng(3).lognormal(0, 0.8, ITEMS)


def interactions() -> pd.DataFrame:
    """15 events of each user, mostly of one kind of item; the latest three are test rows."""
    rng = np.random.default_rng(0)
    popular = popularity()
    rows = []
    for user in range(USERS):
        odds = popular * np.where(np.arange(ITEMS) % KINDS == user % KINDS, 8.0, 1.0)
        chosen = rng.choice(ITEMS, 15, replace=False, p=odds / odds.sum())
        for place, item in enumerate(chosen.tolist()):
            at = START + (user + 10 * place) * DAY
            split = "test" if place >= 12 else "train"
            rows.append((f"u{user}", f"i{item}", at, float(rng.integers(1, 6)), split))
    return pd.DataFrame(rows, columns=["user_id", "item_id", "timestamp", "rating", "split"])


def items(rows: pd.DataFrame) -> pd.DataFrame:
    """Their kind, an honest year, and their popularity as another source counts it."""
    rng = np.random.default_rng(1)
    count = rows.groupby("item_id").size().reindex([f"i{n}" for n in range(ITEMS)], fill_value=0)
    elsewhere = rng.poisson(200 * popularity())
    return pd.DataFrame(
        {
            "item_id": count.index,
            "title": [f"thing {n}" for n in range(ITEMS)],
            "year": rng.integers(1980, 2015, ITEMS),
            "rank_elsewhere": elsewhere,
        }
    )


def facts() -> pd.DataFrame:
    """Items of one kind are similar, whoever chooses them."""
    rng = np.random.default_rng(2)
    rows = [
        (f"i{a}", "SIMILAR_TO", f"i{b}")
        for a in range(ITEMS)
        for b in range(ITEMS)
        if a < b and a % KINDS == b % KINDS and rng.random() < 0.5
    ]
    frame = pd.DataFrame(rows, columns=["head", "relation", "tail"])
    return frame.assign(head_type="item", tail_type="item")


def catalog(
    rows: pd.DataFrame | None = None,
    things: pd.DataFrame | None = None,
    links: pd.DataFrame | None = None,
    reviews: pd.DataFrame | None = None,
) -> Catalog:
    """The shop, with some of its tables in place of the clean ones."""
    rows = interactions() if rows is None else rows
    tables = {
        "users": pd.DataFrame({"user_id": rows["user_id"].unique()}),
        "items": items(rows) if things is None else things,
        "interactions": rows,
        "facts": facts() if links is None else links,
    }
    if reviews is not None:
        tables["reviews"] = reviews
    return Catalog.from_frames(**tables)
