"""Made-up data sets, each with one property that a rule may fall for.

Items belong to groups, and users prefer two of these. Facts tell the group (helpful), say nothing
of it (useless), or tie half of each group to another one's items (poisoned).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Final, Literal

import numpy as np
import pandas as pd

from benchmarks.general_data.public import AT_RANDOM, BY_TIME, Source, split_by
from graph_schema import Catalog
from kgrec.graph import GraphSnapshot
from kgrec.graph.source import read_source

Graph = Literal["none", "helpful", "useless", "poisoned"]
_N_GROUPS: Final = 20
_PREFERRED: Final = 15.0  # how much likelier items of a preferred group are
_START: Final = 1_600_000_000
_DAY: Final = 86_400


@dataclass(frozen=True)
class World:
    """What is drawn, with ``seed``.

    ``events`` is the mean number of events of a user, ``single`` the share of users with one event.
    With ``timed`` the preferred groups change over a user's time. With ``repeats`` items may be
    chosen again.
    """

    name: str
    users: int
    items: int
    events: int
    graph: Graph = "none"
    timed: bool = False
    single: float = 0.0
    repeats: bool = False
    seed: int = 2026


WORLDS: Final = (
    World("made-dense", 400, 300, 40),
    World("made-sparse", 2_000, 1_200, 6),
    World("made-timed", 600, 400, 30, timed=True),
    World("made-untimed", 600, 400, 30),
    World("made-graph-helpful", 900, 1_000, 8, graph="helpful"),
    World("made-graph-useless", 900, 1_000, 8, graph="useless"),
    World("made-graph-poisoned", 900, 1_000, 8, graph="poisoned"),
    World("made-tiny", 50, 120, 12),
    World("made-single-events", 2_000, 400, 12, single=0.6),
    World("made-repeats", 500, 300, 60, timed=True, repeats=True),
)


def made_sources() -> list[Source]:
    """All made-up data sets."""
    return [
        Source(
            world.name,
            BY_TIME if world.timed else AT_RANDOM,
            world.users * world.events // 1_000,
            partial(made_snapshot, world),
        )
        for world in WORLDS
    ]


def made_snapshot(world: World) -> GraphSnapshot:
    """The snapshot of a world, with splits."""
    rng = np.random.default_rng(world.seed)
    group = rng.integers(_N_GROUPS, size=world.items)
    popularity = rng.permutation((1.0 + np.arange(world.items)) ** -0.8)
    rows = [_user(world, user, group, popularity, rng) for user in range(world.users)]
    events = pd.concat(rows, ignore_index=True)
    items = [f"i{item}" for item in range(world.items)]
    facts, entities = _facts(world.graph, group, rng)
    catalog = Catalog.from_frames(
        users=pd.DataFrame({"user_id": [f"u{user}" for user in range(world.users)]}),
        items=pd.DataFrame({"item_id": items}),
        interactions=events,
        facts=facts,
        entities=entities,
    )
    return split_by(read_source(catalog), BY_TIME if world.timed else AT_RANDOM)


def _user(
    world: World, user: int, group: np.ndarray, popularity: np.ndarray, rng: np.random.Generator
) -> pd.DataFrame:
    """The events of one user, in order."""
    alone = rng.random() < world.single
    count = 1 if alone else int(np.clip(rng.poisson(world.events), 3, world.items // 2))
    halves = (count - count // 2, count // 2) if world.timed else (count,)
    chosen: list[int] = []
    for part in halves:
        preferred = np.isin(group, rng.choice(_N_GROUPS, 2, replace=False))
        chance = popularity * np.where(preferred, _PREFERRED, 1.0)
        if not world.repeats:
            chance[chosen] = 0.0
        drawn = rng.choice(world.items, part, replace=world.repeats, p=chance / chance.sum())
        chosen += drawn.tolist()
    found = pd.DataFrame({"user_id": f"u{user}", "item_id": [f"i{item}" for item in chosen]})
    if world.timed:
        found["timestamp"] = _START + (np.arange(count) + int(rng.integers(400))) * _DAY
    return found


def _facts(
    graph: Graph, group: np.ndarray, rng: np.random.Generator
) -> tuple[pd.DataFrame | None, pd.DataFrame | None]:
    if graph == "none":
        return None, None
    named = {
        "helpful": group,
        "useless": rng.permutation(group),
        "poisoned": np.where(np.arange(len(group)) % 2, (group + 1) % _N_GROUPS, group),
    }[graph]
    facts = pd.DataFrame(
        {
            "head": [f"i{item}" for item in range(len(group))],
            "head_type": "item",
            "relation": "IN_GROUP",
            "tail": [f"g{number}" for number in named],
            "tail_type": "entity",
        }
    )
    names = [f"g{number}" for number in np.unique(named)]
    return facts, pd.DataFrame({"entity_id": names, "name": names, "kind": "group"})
