"""A catalog with people whose ids, texts and attributes occur nowhere else."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from graph_schema import Catalog
from kgrec import Recommender, RecommenderConfig
from kgrec.config import TrainingConfig
from kgrec.stores import EmbeddedStore
from tests.recommender import catalogs


@dataclass(frozen=True)
class Planted:
    """A catalog, the one without the planted people, their ids, and all that only they have."""

    catalog: Catalog
    rest: Catalog
    people: list[str]
    needles: list[str]


def planted(n: int = 4, seed: int = 1) -> Planted:
    """The small catalog with ``n`` people more: random 128-bit ids, texts, attributes and facts,
    and an item that only they have."""
    rng, frames = random.Random(seed), catalogs.frames()
    frames["users"] = frames["users"].assign(home=lambda users: users["gender"] + " town")
    only = frames["items"].iloc[[0]].assign(item_id="theirs", title="Theirs alone")
    frames["items"] = pd.concat([frames["items"], only], ignore_index=True)
    fact = frames["facts"].iloc[[0]].assign(head="theirs")
    frames["facts"] = pd.concat([frames["facts"], fact], ignore_index=True)
    people = [f"{rng.getrandbits(128):032x}" for _ in range(n)]
    secrets: list[str] = []

    def secret() -> str:
        secrets.append(f"{rng.getrandbits(128):032x}")
        return secrets[-1]

    shared = secret()  # an attribute that only they have, often enough to be learned
    grown = {name: [frame] for name, frame in frames.items()}
    for place, one in enumerate(people):
        double = f"u{place}"
        for name in ("users", "interactions", "reviews", "queries"):
            rows = frames[name][frames[name]["user_id"] == double].assign(user_id=one)
            if "text" in rows:
                rows["text"] = [secret() for _ in range(len(rows))]
            if name == "interactions":
                rows.loc[rows.index[:1], "item_id"] = "theirs"
            grown[name].append(rows.assign(home=shared) if name == "users" else rows)
        fact = {"head": "u9", "head_type": "user", "relation": "FOLLOWS"}
        grown["facts"].append(pd.DataFrame([{**fact, "tail": one, "tail_type": "user"}]))
    whole: Any = {name: pd.concat(parts, ignore_index=True) for name, parts in grown.items()}
    rest: Any = frames
    return Planted(
        Catalog.from_frames(**whole), Catalog.from_frames(**rest), people, [*people, *secrets]
    )


def quick(source: Any, seed: int = 0) -> Recommender:
    """A fit in closed form, without texts."""
    model = catalogs.config().model
    settings = RecommenderConfig(model=model, training=TrainingConfig(effort="quick"))
    return Recommender(settings).fit(source, seed=seed)


def written(folder: Path, catalog: Catalog) -> Path:
    """A store with the catalog, in a folder of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    with EmbeddedStore(folder / "graph.kgl") as store:
        store.write(catalog)
    return folder / "graph.kgl"


def hashes(folder: Path) -> dict[str, str]:
    """The sha256 of each file of a folder."""
    from graph_schema.disk.files import digest

    return {path.name: digest(path) for path in sorted(folder.iterdir())}
