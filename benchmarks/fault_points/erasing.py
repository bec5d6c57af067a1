"""People with ids and texts of their own in a store, a model, a service and a cache, and their
erasure as an operation that can be killed."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from benchmarks.fault_points.contents import Content, model_content, store_content
from benchmarks.fault_points.operations import Operation, base
from graph_schema import Catalog
from kgrec import ModelConfig, Recommender, RecommenderConfig, TrainingConfig
from kgrec.erasure import erase
from kgrec.erasure.traces import find_traces
from kgrec.serving.event_log import EventLog, records_of
from kgrec.serving.registry import Root
from kgrec.stores import EmbeddedStore
from kgrec.text import EmbeddingCache

STORE, MODEL, SERVICE, CACHE = "graph.kgl", "model", "service", "cache"
EVENTS: Final = 12  # of a planted person
_PEOPLE: Final = 3
_TRACES: Final = "traces"


@dataclass(frozen=True, eq=False)
class Planted:
    """A catalog with planted people, the one without, their ids, and all that only they have."""

    whole: Catalog
    rest: Catalog
    people: list[str]
    texts: list[str]

    @property
    def needles(self) -> list[str]:
        return [*self.people, *self.texts]


def planted(rest: Catalog, count: int, seed: int = 0) -> Planted:
    """``count`` people more: random 128-bit ids, events of items drawn by their popularity, a
    review with a random text each, and an attribute that only they have."""
    draw, rng = random.Random(seed), np.random.default_rng(seed)
    people = [f"{draw.getrandbits(128):032x}" for _ in range(count)]
    texts = [f"{draw.getrandbits(128):032x}" for _ in range(count)]
    events = rest.interactions
    rows = rng.integers(len(events), size=(count, EVENTS))
    added = events.iloc[rows.ravel()].assign(user_id=np.repeat(people, EVENTS))
    added = added.drop_duplicates(["user_id", "item_id"])
    reviews = added.drop_duplicates("user_id")[["user_id", "item_id"]].assign(text=texts)
    users = pd.DataFrame({"user_id": people, "home": f"{draw.getrandbits(128):032x}"})
    frames: dict[str, Any] = {
        "users": pd.concat([rest.users, users]),
        "items": rest.items,
        "entities": rest.entities,
        "interactions": pd.concat([events, added]),
        "facts": rest.facts,
        "reviews": pd.concat([rest.reviews.drop(columns="review_id", errors="ignore"), reviews]),
    }
    whole = Catalog.from_frames(**frames)
    return Planted(whole, rest, people, [*texts, str(users["home"][0])])


def quick() -> Recommender:
    """A recommender that is fitted in closed form, without texts."""
    model = ModelConfig(use_text=False)
    return Recommender(RecommenderConfig(model=model, training=TrainingConfig(effort="quick")))


@cache
def _catalog() -> Planted:
    return planted(base(), _PEOPLE)


@cache
def _model() -> Recommender:
    return quick().fit(_catalog().whole)


def erasure() -> Operation:
    """What ``kgrec erase`` does with a store, a model, a service and a cache of text vectors."""

    def step(folder: Path) -> None:
        erase_all(folder, _catalog().people)

    def read(folder: Path) -> Mapping[str, Content]:
        return {**_contents(folder), _TRACES: {"left": _left(folder)}}

    kills = ("step", "time", "worker")
    counted = frozenset({_TRACES})
    return Operation("erase", _prepare, (step,), read, counted=counted, kills=kills)


def erase_all(folder: Path, people: Sequence[str]) -> None:
    """Erase people from all that ``make`` has made."""
    erase(
        people,
        stores=[folder / STORE],
        models=[folder / MODEL],
        services=[folder / SERVICE],
        caches=[folder / CACHE],
    )


def make(folder: Path, of: Planted, model: Recommender) -> None:
    """A store, a model, a service with the same model and a log, and a cache of text vectors."""
    with EmbeddedStore(folder / STORE) as store:
        store.write(of.whole)
    model.save(folder / MODEL)
    root = Root.open(folder / SERVICE)
    model.save(root.new_folder("older"))
    root.add("older", root.new_folder("older"))
    root.activate("older", "benchmark")
    log = EventLog(root.log)
    events: list[dict[str, Any]] = [
        {"kind": "event", "user": user, "item": "i1", "timestamp": 1, "received": 1}
        for user in [*of.people, "u1", of.people[0]]
    ]
    log.append(events).result()
    log.close()
    vectors = np.arange(4.0 * len(of.texts)).reshape(-1, 4)
    EmbeddingCache(folder / CACHE).put("model", of.texts, vectors)


def _prepare(folder: Path) -> None:
    make(folder, _catalog(), _model())


def _contents(folder: Path) -> Mapping[str, Content]:
    root = Root(folder / SERVICE)
    names = [record.get("user", "") for record in records_of(root.log)]
    people = sum(name in _catalog().people for name in names)
    with EmbeddedStore(folder / STORE) as store:
        found = {STORE: store_content(store)}
    found["log"] = {"records": len(names), "people": people}
    for place in (MODEL, f"{SERVICE}/models/older"):
        found[place] = model_content(folder / place)
    return found


def _left(folder: Path) -> int:
    """How many ids and texts any file still holds."""
    found = find_traces([folder], _catalog().needles)
    return sum(found.values())
