"""The benchmark data sets, each as a Catalog whose interactions say train, valid or test."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pandas as pd

import loaders
from benchmarks.harness.beauty import beauty_catalog
from graph_schema import Catalog
from graph_schema.errors import SourceError

README: Final = "README.md"


@dataclass(frozen=True, eq=False)
class Dataset:
    """A catalog and how it is to be measured.

    ``history`` is the protocol's own: "now" puts the validation rows into the history when
    testing, "train" doesn't. Without validation rows both are the same.
    """

    name: str
    catalog: Catalog
    protocol: str
    history: str


def data_folder() -> Path:
    """KGREC_TEST_DATA, else shared/data beside the repository. Raises SourceError."""
    given = os.environ.get("KGREC_TEST_DATA")
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(given) if given else beside
    if not (folder / README).is_file():
        raise SourceError(
            f"{folder}: the benchmark data is not here. Cure: set KGREC_TEST_DATA to its folder."
        )
    return folder


def load_dataset(name: str, *, relations: Sequence[str] | None = None) -> Dataset:
    """The data set ``name``, one of NAMES; ``relations`` keeps only those of its facts.

    ``relations=()`` leaves the data without a graph. Raises SourceError for an unknown name or
    relation, or where the data isn't there.
    """
    if name not in _LOADERS:
        raise SourceError(f"{name!r} is no data set. Cure: use one of {', '.join(NAMES)}.")
    load, protocol, history = _LOADERS[name]
    catalog = load(data_folder() / name)
    if relations is not None:
        catalog = with_relations(catalog, relations)
    return Dataset(name, catalog, protocol, history)


def with_relations(catalog: Catalog, relations: Sequence[str]) -> Catalog:
    """The catalog with only the facts of ``relations``, and the entities that these touch."""
    facts = catalog.facts
    unknown = sorted(set(relations) - set(facts["relation"]))
    if unknown:
        known = ", ".join(sorted(set(facts["relation"]))) or "none"
        raise SourceError(f"no fact says {', '.join(unknown)}. Cure: use some of {known}.")
    facts = facts[facts["relation"].isin(list(relations))]
    touched = {
        entity
        for end in ("head", "tail")
        for entity in facts.loc[facts[f"{end}_type"] == "entity", end]
    }
    entities = catalog.entities
    return Catalog.from_frames(
        users=catalog.tables["users"],
        items=catalog.tables["items"],
        entities=entities[entities["entity_id"].isin(touched)],
        interactions=catalog.tables["interactions"],
        facts=facts,
        reviews=catalog.tables["reviews"],
        queries=catalog.tables["queries"],
    )


def _ml_100k_split(folder: Path) -> Catalog:
    parts = [
        pd.read_csv(folder / f"{split}.csv", dtype={"user": str, "item": str}).assign(split=split)
        for split in ("train", "valid", "test")
    ]
    interactions = pd.concat(parts, ignore_index=True)
    interactions = interactions.rename(columns={"user": "user_id", "item": "item_id"})
    wheel = loaders.fetch("ml-100k-recbole")
    return loaders.recbole(wheel, interactions=interactions, only_interacted=True).catalog


def _alibaba_ifashion(folder: Path) -> Catalog:
    return loaders.load(folder).catalog


def _ml_1m_kg(folder: Path) -> Catalog:
    return loaders.csv_folder(folder).catalog


_Loader = tuple[Callable[[Path], Catalog], str, str]
_LOADERS: Final[dict[str, _Loader]] = {
    "ml-100k-split": (
        _ml_100k_split,
        "fixed random split per user; fit on train, chosen on valid, full ranking of all items",
        "now",
    ),
    "ml-1m-kg": (
        _ml_1m_kg,
        "split by time per user; fit on train, chosen on valid, full ranking of all items",
        "now",
    ),
    "amazon-beauty-kg": (
        beauty_catalog,
        "published train and test purchases; chosen on a tenth of each user's train items, "
        "then fit on all of train; full ranking of all items",
        "train",
    ),
    "alibaba-ifashion": (
        _alibaba_ifashion,
        "published train and test rows; chosen on a tenth of each user's train items, drawn by "
        "seed, then fit on all of train; full ranking of all items",
        "train",
    ),
}
NAMES: Final = tuple(_LOADERS)
PROTOCOLS: Final = {name: protocol for name, (_, protocol, _) in _LOADERS.items()}
