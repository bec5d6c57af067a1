"""The operations that write: what is there before, their steps, and what a reader finds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

import loaders
from benchmarks.fault_points.children import Step
from benchmarks.fault_points.contents import (
    Content,
    checkpoint_content,
    export_content,
    model_content,
    store_content,
)
from benchmarks.speed.generate import generate
from graph_schema import Catalog
from kgrec import ModelConfig, Recommender, RecommenderConfig, TrainingConfig
from kgrec.stores import EmbeddedStore

EDGES: Final = 20_000  # of the graph that is loaded
MODEL_EDGES: Final = 2_000
REMOVED: Final = ["u2", "u3", "u4"]
_STORE, _MODEL, _CHECKPOINT, _EXPORT = "graph.kgl", "model", "checkpoint", "export"


@dataclass(frozen=True)
class Operation:
    """An operation in steps, each reported as done when it has returned.

    ``prepare`` makes what is there before in an empty folder, ``read`` returns the content of each
    place, ``again`` completes the operation after it was interrupted (by default all steps again).
    ``counted`` are the places that change in several transactions, so that a reader may find any
    state between two steps. ``on_server``: the content is not in the folder.
    """

    name: str
    prepare: Step
    steps: tuple[Step, ...]
    read: Callable[[Path], Mapping[str, Content]]
    again: Step | None = None
    counted: frozenset[str] = frozenset()
    kills: tuple[str, ...] = ("step", "time")
    on_server: bool = False

    def complete(self, folder: Path) -> None:
        for step in self.steps if self.again is None else (self.again,):
            step(folder)


def load_catalogs(edges: int = EDGES) -> tuple[Catalog, Catalog]:
    """A generated catalog in two parts, which share nodes."""
    whole = generate(edges)
    rows = len(whole.interactions) // 2
    first = Catalog.from_frames(
        users=whole.users,
        items=whole.items,
        interactions=whole.interactions.iloc[:rows],
        facts=whole.facts,
    )
    return first, Catalog.from_frames(interactions=whole.interactions.iloc[rows:])


@cache
def base() -> Catalog:
    """The catalog that models are fitted on."""
    return generate(MODEL_EDGES)


@cache
def news() -> Catalog:
    """New rows of known and new users and items."""
    rows = [(f"u{n}", f"i{n * 7}", 1_700_000_000 + n) for n in range(20, 400, 20)]
    frame = pd.DataFrame(rows, columns=["user_id", "item_id", "timestamp"])
    return Catalog.from_frames(interactions=frame)


@cache
def models() -> tuple[Recommender, Recommender]:
    """Two fitted models that answer differently."""
    one, other = (Recommender(config(n)).fit(base(), seed=n) for n in (1, 3))
    return one, other


def config(epochs: int) -> RecommenderConfig:
    """Settings for a fit of a second."""
    return RecommenderConfig(
        model=ModelConfig(embedding_size=16, use_text=False),
        training=TrainingConfig(epochs=epochs, valid_every=1),
    )


def embedded_load(edges: int) -> Operation:
    parts = load_catalogs(edges)

    def write(catalog: Catalog) -> Step:
        def step(folder: Path) -> None:
            with EmbeddedStore(folder / _STORE) as store:
                store.write(catalog)

        return step

    steps = (write(parts[0]), write(parts[1]))
    return Operation("load", _nothing, steps, _read_store, kills=("time", "worker"))


def update() -> Operation:
    """What ``kgrec update --store`` does: a store and a model's folder change."""

    def step(folder: Path) -> None:
        model = Recommender.load(folder / _MODEL).update(news())
        with EmbeddedStore(folder / _STORE) as store:
            store.write(news())
        model.save(folder / _MODEL)

    kills = ("step", "time", "worker")
    return Operation("update", _store_and_model, (step,), _read_store_and_model, kills=kills)


def remove() -> Operation:
    """What ``kgrec remove --store --model --ignore-missing`` does."""

    def step(folder: Path) -> None:
        model = Recommender.load(folder / _MODEL)
        model.remove(users=REMOVED, missing="ignore")
        with EmbeddedStore(folder / _STORE) as store:
            store.remove(users=REMOVED, missing="ignore")
        model.save(folder / _MODEL)

    kills = ("step", "time", "worker")
    return Operation("remove", _store_and_model, (step,), _read_store_and_model, kills=kills)


def train() -> Operation:
    """A fit with a checkpoint; the completion resumes it."""

    def fit(resume: bool) -> Step:
        def step(folder: Path) -> None:
            model = Recommender(config(6))
            model.fit(base(), checkpoint=folder / _CHECKPOINT, resume=resume)
            model.save(folder / _MODEL)

        return step

    def read(folder: Path) -> Mapping[str, Content]:
        beside = (_CHECKPOINT, f"{_CHECKPOINT}.refit")
        found = {name: checkpoint_content(folder / name) for name in beside}
        return {**found, _MODEL: model_content(folder / _MODEL)}

    counted = frozenset({_CHECKPOINT, f"{_CHECKPOINT}.refit"})
    return Operation("train", _nothing, (fit(False),), read, again=fit(True), counted=counted)


def save() -> Operation:
    """A model is saved over another."""

    def prepare(folder: Path) -> None:
        models()[0].save(folder / _MODEL)

    def step(folder: Path) -> None:
        models()[1].save(folder / _MODEL)

    def read(folder: Path) -> Mapping[str, Content]:
        return {_MODEL: model_content(folder / _MODEL)}

    return Operation("save", prepare, (step,), read)


def export_csv() -> Operation:
    """A smaller catalog is exported over a larger one with other file names."""

    def prepare(folder: Path) -> None:
        loaders.to_csv_folder(_with_vectors(), folder / _EXPORT, compress=True)

    def step(folder: Path) -> None:
        loaders.to_csv_folder(news(), folder / _EXPORT)

    return Operation("export csv", prepare, (step,), _read_export)


def export_parquet() -> Operation:
    def prepare(folder: Path) -> None:
        _with_vectors().to_parquet(folder / _EXPORT)

    def step(folder: Path) -> None:
        news().to_parquet(folder / _EXPORT)

    return Operation("export parquet", prepare, (step,), _read_export)


def _with_vectors() -> Catalog:
    ids = base().items["item_id"]
    vectors = {"picture": (ids.tolist(), np.arange(2.0 * len(ids)).reshape(-1, 2))}
    frames = base()
    return Catalog.from_frames(
        items=frames.items,
        interactions=frames.interactions,
        facts=frames.facts,
        vectors=vectors,
    )


def _nothing(folder: Path) -> None:
    """The operation starts in an empty folder."""


def _store_and_model(folder: Path) -> None:
    models()[0].save(folder / _MODEL)
    with EmbeddedStore(folder / _STORE) as store:
        store.write(base())


def _read_store(folder: Path) -> Mapping[str, Content]:
    with EmbeddedStore(folder / _STORE) as store:
        return {_STORE: store_content(store)}


def _read_store_and_model(folder: Path) -> Mapping[str, Content]:
    return {**_read_store(folder), _MODEL: model_content(folder / _MODEL)}


def _read_export(folder: Path) -> Mapping[str, Content]:
    return {_EXPORT: export_content(folder / _EXPORT)}


def without_server(edges: int = EDGES) -> list[Operation]:
    """The operations that need no Neo4j."""
    return [
        embedded_load(edges),
        train(),
        save(),
        update(),
        remove(),
        export_csv(),
        export_parquet(),
    ]
