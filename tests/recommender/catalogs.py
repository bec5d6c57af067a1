"""Small synthetic catalogs: four tastes with makers of their own; users mostly keep to one.

Every user's last event is held out for testing and the one before it validates.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

from graph_schema import Catalog
from kgrec import ModelConfig, RecommenderConfig, TrainingConfig
from kgrec.graph import GraphSnapshot, read_snapshot
from kgrec.stores import EmbeddedStore

Frames = dict[str, pd.DataFrame]
TASTES = 4
N_USERS, N_ITEMS, PER_USER = 60, 40, 10
DAY = 86_400
SHORT = {"epochs": 2}  # settings of a short fit


def config(model: Mapping[str, object] | None = None, **training: object) -> RecommenderConfig:
    """Settings for a fit of a second, without texts unless asked for."""
    return RecommenderConfig(
        model=ModelConfig(**{"embedding_size": 16, "use_text": False, **(model or {})}),
        training=TrainingConfig(**{"epochs": 6, "valid_every": 2, "batch_size": 32, **training}),
    )


def frames(seed: int = 0) -> Frames:
    """All seven frames: attributes, facts among items, entities and users, scenarios, texts."""
    return {name: frame.copy() for name, frame in _frames(seed).items()}


@cache
def _frames(seed: int) -> Frames:
    rng = np.random.default_rng(seed)
    events = _interactions(rng)
    return {
        "users": _users(),
        "items": _items(),
        "entities": _entities(),
        "interactions": events,
        "facts": _facts(rng),
        "reviews": _reviews(events),
        "queries": _queries(events),
    }


def catalog(seed: int = 0, **changed: pd.DataFrame | None) -> Catalog:
    """The catalog of ``frames``; a changed frame takes the place of its own, None removes it."""
    if not changed:
        return _catalog(seed)
    return Catalog.from_frames(**{**frames(seed), **changed})  # type: ignore[arg-type]


@cache
def _catalog(seed: int) -> Catalog:
    """Made once: nothing changes a catalog."""
    return Catalog.from_frames(**frames(seed))  # type: ignore[arg-type]


def snapshot(folder: Path, of: Catalog | None = None) -> GraphSnapshot:
    """The snapshot of a catalog (that of ``catalog()`` unless given), through a store."""
    with EmbeddedStore(folder / "graph.kgl") as store:
        store.write(of or catalog())
        return read_snapshot(store)


def shuffled(original: Frames, seed: int) -> Frames:
    """The same rows in another order."""
    return {name: frame.sample(frac=1, random_state=seed) for name, frame in original.items()}


def _users() -> pd.DataFrame:
    rows = np.arange(N_USERS)
    return pd.DataFrame(
        {
            "user_id": [f"u{n}" for n in rows],
            "gender": np.where(rows % TASTES < 2, "F", "M"),
            "age": 20 + rows % 35,
        }
    )


def _items() -> pd.DataFrame:
    rows = np.arange(N_ITEMS)
    genres = np.array(["Comedy", "Drama|War", "Western", "Musical|Comedy"], dtype=object)
    return pd.DataFrame(
        {
            "item_id": [f"i{n}" for n in rows],
            "title": [f"{_TOPICS[n % TASTES]} tale {n}" for n in rows],
            "genres": genres[rows % TASTES],
            "year": 1980 + rows,
        }
    )


_TOPICS = ("A jolly circus", "The trenches at night", "Riding the dusty prairie", "Songs on stage")


MAKERS = (
    "Ann Ash",
    "Bo Birch",
    "Cy Cedar",
    "Di Dogwood",
    "Ed Elm",
    "Fay Fir",
    "Guy Gum",
    "Hal Hop",
)


def _entities() -> pd.DataFrame:
    ids = [f"e{n}" for n in range(2 * TASTES)]
    return pd.DataFrame({"entity_id": ids, "name": MAKERS, "kind": "person"})


def _facts(rng: np.random.Generator) -> pd.DataFrame:
    rows = []
    for n in range(N_ITEMS):
        maker = n % TASTES + TASTES * int(rng.integers(2))
        rows.append((f"i{n}", "item", "made_by", f"e{maker}", "entity"))
    rows += [(f"i{n + TASTES}", "item", "sequel_of", f"i{n}", "item") for n in range(TASTES)]
    rows += [(f"e{n}", "entity", "taught", f"e{n + TASTES}", "entity") for n in range(TASTES)]
    rows += [(f"u{n}", "user", "FOLLOWS", f"u{n + TASTES}", "user") for n in range(20)]
    return pd.DataFrame(rows, columns=["head", "head_type", "relation", "tail", "tail_type"])


def _interactions(rng: np.random.Generator) -> pd.DataFrame:
    rows = []
    for user in range(N_USERS):
        liked = np.arange(N_ITEMS) % TASTES == user % TASTES
        odds = np.where(liked, 8.0, 1.0)
        chosen = rng.choice(N_ITEMS, PER_USER, replace=False, p=odds / odds.sum())
        for place, item in enumerate(chosen):
            split = {PER_USER - 1: "test", PER_USER - 2: "valid"}.get(place, "train")
            rating = float(rng.integers(1, 6))
            scenario = "web" if item % 2 else "app"
            time = 1_000_000 + DAY * (place + user)
            rows.append((f"u{user}", f"i{item}", rating, time, scenario, split))
    columns = ["user_id", "item_id", "rating", "timestamp", "scenario", "split"]
    return pd.DataFrame(rows, columns=columns)


def _reviews(events: pd.DataFrame) -> pd.DataFrame:
    result = events[events.index % 3 == 0]
    text = [f"Loved the {_TOPICS[int(item[1:]) % TASTES]}." for item in result["item_id"]]
    return pd.DataFrame(
        {"user_id": result["user_id"], "item_id": result["item_id"], "text": text}
    ).reset_index(drop=True)


def _queries(events: pd.DataFrame) -> pd.DataFrame:
    result = events[events.index % 7 == 0]
    text = [f"{_TOPICS[int(item[1:]) % TASTES].lower()}" for item in result["item_id"]]
    return pd.DataFrame(
        {"user_id": result["user_id"], "item_id": result["item_id"], "text": text}
    ).reset_index(drop=True)
