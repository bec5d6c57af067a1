"""Graphs of any size with structure to learn: tastes, popularity by a power law, hubs."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from graph_schema import Catalog

EVENTS_PER_USER = 8
EVENTS_PER_ITEM = 25
INTERACTION_SHARE = 0.8  # of the edges; the rest are facts
GROUP_ITEMS = 100  # items of one latent group
TASTES = 2  # groups that a user prefers
LOYALTY = 0.8  # share of the events within them
SURPLUS = 1.25  # draws for every edge wanted: some coincide
START = 1_500_000_000  # unix seconds
YEAR = 365 * 86_400
PIECE = 2_000_000  # rows of a Parquet file


@dataclass(frozen=True)
class Sizes:
    """How many of what a graph of so many edges has."""

    users: int
    items: int
    groups: int
    makers: int
    events: int
    facts: int

    @staticmethod
    def of(edges: int) -> Sizes:
        """``edges`` are interactions and facts together. The average degrees don't depend on it."""
        events = int(edges * INTERACTION_SHARE)
        items = max(events // EVENTS_PER_ITEM, 2 * GROUP_ITEMS)
        return Sizes(
            users=max(events // EVENTS_PER_USER, 1),
            items=items,
            groups=items // GROUP_ITEMS,
            makers=max(items // 5, 1),
            events=events,
            facts=edges - events,
        )


@dataclass(frozen=True)
class Groups:
    """The latent group of every item: items by group, and where each group begins."""

    group: np.ndarray
    items: np.ndarray
    starts: np.ndarray

    @staticmethod
    def draw(rng: np.random.Generator, sizes: Sizes) -> Groups:
        """Groups of equal sizes."""
        group = rng.permutation(np.arange(sizes.items) % sizes.groups)
        starts = np.concatenate([[0], np.cumsum(np.bincount(group, minlength=sizes.groups))])
        return Groups(group, np.argsort(group, kind="stable"), starts)


def generate(edges: int, seed: int = 0) -> Catalog:
    """``edges`` interactions and facts, no two alike.

    Every item is in a latent group and every user prefers two of them; within a group items are
    chosen by a power law of their rank, and groups by one of theirs. The first fact of an item
    names its group, which makes hubs, the others say who made it and who made something with it.
    """
    rng = np.random.default_rng(seed)
    sizes = Sizes.of(edges)
    groups = Groups.draw(rng, sizes)
    return Catalog.from_frames(
        users=pa.table({"user_id": _ids("u", np.arange(sizes.users))}),
        items=pa.table({"item_id": _ids("i", np.arange(sizes.items))}),
        interactions=_interactions(rng, sizes, groups, (0, sizes.users), sizes.events),
        facts=_facts(rng, sizes, groups, (0, sizes.items), max(sizes.facts - sizes.items, 0)),
    )


def write_parquet(edges: int, folder: Path, seed: int = 0, piece: int = PIECE) -> int:
    """Write such a graph as Parquet files of about ``piece`` rows, for ``kgrec snapshot``; returns
    the number of its edges.

    It is made piece by piece, each of its own users or items, and never in memory as a whole. The
    tables of users and items are left out.
    """
    rng = np.random.default_rng(seed)
    sizes = Sizes.of(edges)
    groups = Groups.draw(rng, sizes)
    rest = max(sizes.facts - sizes.items, 0)
    written = 0
    for place, (rows, count) in enumerate(_pieces(sizes.users, sizes.events, piece)):
        table = _interactions(rng, sizes, groups, rows, count)
        written += _write_part(folder / "interactions.parquet", place, table)
    for place, (rows, count) in enumerate(_pieces(sizes.items, rest, piece)):
        table = _facts(rng, sizes, groups, rows, count)
        written += _write_part(folder / "facts.parquet", place, table)
    return written


def _write_part(folder: Path, place: int, table: pa.Table) -> int:
    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, folder / f"part-{place:05}.parquet", compression="zstd")
    return int(table.num_rows)


def _pieces(rows: int, edges: int, piece: int) -> Iterator[tuple[tuple[int, int], int]]:
    """Ranges of rows, and how many of the edges each has."""
    count = max(math.ceil(edges / piece), 1)
    ends = [rows * place // count for place in range(count + 1)]
    shares = [edges * place // count for place in range(count + 1)]
    for place in range(count):
        yield (ends[place], ends[place + 1]), shares[place + 1] - shares[place]


def _interactions(
    rng: np.random.Generator, sizes: Sizes, groups: Groups, users: tuple[int, int], count: int
) -> pa.Table:
    """``count`` interactions of the users ``users[0]`` to ``users[1]`` - 1."""
    user, item = _events(rng, sizes, groups, users, count)
    return pa.table(
        {
            "user_id": _ids("u", user),
            "item_id": _ids("i", item),
            "timestamp": pa.array(START + rng.integers(0, YEAR, len(user))),
        }
    )


def _events(
    rng: np.random.Generator, sizes: Sizes, groups: Groups, users: tuple[int, int], count: int
) -> tuple[np.ndarray, np.ndarray]:
    """int64 users and items of distinct pairs, in random order."""
    draws = int(count * SURPLUS)
    user = rng.integers(0, users[1] - users[0], draws)
    tastes = _power_law(rng, np.full((users[1] - users[0], TASTES), sizes.groups))
    chosen = tastes[user, rng.integers(0, TASTES, draws)]
    roaming = rng.random(draws) >= LOYALTY
    chosen[roaming] = _power_law(rng, np.full(int(roaming.sum()), sizes.groups))
    rank = _power_law(rng, np.diff(groups.starts)[chosen])
    item = groups.items[groups.starts[chosen] + rank]
    pairs = _some(rng, (users[0] + user) * sizes.items + item, count)
    return pairs // sizes.items, pairs % sizes.items


def _some(rng: np.random.Generator, drawn: np.ndarray, size: int) -> np.ndarray:
    """``size`` of the distinct values, in random order."""
    return np.asarray(rng.permutation(np.unique(drawn))[:size])


def _power_law(rng: np.random.Generator, sizes: np.ndarray) -> np.ndarray:
    """A rank below each of ``sizes``, with a chance of about 1 / (rank + 1)."""
    drawn = np.exp(rng.random(sizes.shape) * np.log(sizes + 1.0)) - 1.0
    return np.asarray(np.minimum(drawn.astype(np.int64), sizes - 1))


def _facts(
    rng: np.random.Generator, sizes: Sizes, groups: Groups, items: tuple[int, int], count: int
) -> pa.Table:
    """item -belongs_to-> group of the items ``items[0]`` to ``items[1]`` - 1, and ``count`` facts
    item -made_by->, item -made_with-> maker."""
    draws = int(count * SURPLUS)
    head = items[0] + rng.integers(0, items[1] - items[0], draws)
    # A maker stays within its group's neighbourhood: what it made is alike.
    home = groups.group[head] * sizes.makers // sizes.groups
    near = (home + _power_law(rng, np.full(draws, 40))) % sizes.makers
    helper = rng.random(draws) < 0.5
    pairs = _some(rng, (head * sizes.makers + near) * 2 + helper, count)
    head, near, helper = pairs // 2 // sizes.makers, pairs // 2 % sizes.makers, pairs % 2 == 1
    own = np.arange(*items)
    names = np.array(["made_by", "made_with"], dtype=object)
    relation = ["belongs_to"] * len(own) + names[helper.astype(np.int64)].tolist()
    n = len(relation)
    return pa.table(
        {
            "head": pa.concat_arrays([_ids("i", own), _ids("i", head)]),
            "head_type": pa.array(["item"] * n),
            "relation": pa.array(relation),
            "tail": pa.concat_arrays([_ids("g", groups.group[own]), _ids("m", near)]),
            "tail_type": pa.array(["entity"] * n),
        }
    )


def _ids(prefix: str, rows: np.ndarray) -> pa.Array:
    """The strings prefix + row: made once per distinct row."""
    distinct, place = np.unique(rows, return_inverse=True)
    names = pa.array([f"{prefix}{row}" for row in distinct.tolist()], pa.string())
    return names.take(pa.array(place.reshape(-1)))
