"""Graphs of any size with structure to learn: tastes, popularity by a power law, hubs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

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


def generate(edges: int, seed: int = 0) -> Catalog:
    """``edges`` interactions and facts, no two alike.

    Every item is in a latent group and every user prefers two of them; within a group items are
    chosen by a power law of their rank, and groups by one of theirs. The first fact of an item
    names its group, which makes hubs, the others say who made it and who made something with it.
    """
    rng = np.random.default_rng(seed)
    sizes = Sizes.of(edges)
    group = rng.permutation(np.arange(sizes.items) % sizes.groups)
    by_group = np.argsort(group, kind="stable")
    starts = np.concatenate([[0], np.cumsum(np.bincount(group, minlength=sizes.groups))])
    user, item = _events(rng, sizes, by_group, starts)
    return Catalog.from_frames(
        users=pa.table({"user_id": _ids("u", np.arange(sizes.users))}),
        items=pa.table({"item_id": _ids("i", np.arange(sizes.items))}),
        interactions=pa.table(
            {
                "user_id": _ids("u", user),
                "item_id": _ids("i", item),
                "timestamp": pa.array(START + rng.integers(0, YEAR, len(user))),
            }
        ),
        facts=_facts(rng, sizes, group),
    )


def _events(
    rng: np.random.Generator, sizes: Sizes, by_group: np.ndarray, starts: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """int64 users and items of distinct pairs, in random order."""
    draws = int(sizes.events * SURPLUS)
    user = rng.integers(0, sizes.users, draws)
    tastes = _power_law(rng, np.full((sizes.users, TASTES), sizes.groups))
    chosen = tastes[user, rng.integers(0, TASTES, draws)]
    roaming = rng.random(draws) >= LOYALTY
    chosen[roaming] = _power_law(rng, np.full(int(roaming.sum()), sizes.groups))
    rank = _power_law(rng, np.diff(starts)[chosen])
    item = by_group[starts[chosen] + rank]
    pairs = _some(rng, user * sizes.items + item, sizes.events)
    return pairs // sizes.items, pairs % sizes.items


def _some(rng: np.random.Generator, drawn: np.ndarray, size: int) -> np.ndarray:
    """``size`` of the distinct values, in random order."""
    return np.asarray(rng.permutation(np.unique(drawn))[:size])


def _power_law(rng: np.random.Generator, sizes: np.ndarray) -> np.ndarray:
    """A rank below each of ``sizes``, with a chance of about 1 / (rank + 1)."""
    drawn = np.exp(rng.random(sizes.shape) * np.log(sizes + 1.0)) - 1.0
    return np.asarray(np.minimum(drawn.astype(np.int64), sizes - 1))


def _facts(rng: np.random.Generator, sizes: Sizes, group: np.ndarray) -> pa.Table:
    """item -belongs_to-> group, and item -made_by->, item -made_with-> maker for the rest."""
    rest = max(sizes.facts - sizes.items, 0)
    draws = int(rest * SURPLUS)
    head = rng.integers(0, sizes.items, draws)
    # A maker stays within its group's neighbourhood: what it made is alike.
    near = (group[head] * sizes.makers // sizes.groups + _power_law(rng, np.full(draws, 40))) % (
        sizes.makers
    )
    helper = rng.random(draws) < 0.5
    pairs = _some(rng, (head * sizes.makers + near) * 2 + helper, rest)
    head, near, helper = pairs // 2 // sizes.makers, pairs // 2 % sizes.makers, pairs % 2 == 1
    names = np.array(["made_by", "made_with"], dtype=object)
    relation = ["belongs_to"] * sizes.items + names[helper.astype(np.int64)].tolist()
    n = len(relation)
    return pa.table(
        {
            "head": pa.concat_arrays([_ids("i", np.arange(sizes.items)), _ids("i", head)]),
            "head_type": pa.array(["item"] * n),
            "relation": pa.array(relation),
            "tail": pa.concat_arrays([_ids("g", group), _ids("m", near)]),
            "tail_type": pa.array(["entity"] * n),
        }
    )


def _ids(prefix: str, rows: np.ndarray) -> pa.Array:
    """The strings prefix + row: made once per distinct row."""
    distinct, place = np.unique(rows, return_inverse=True)
    names = pa.array([f"{prefix}{row}" for row in distinct.tolist()], pa.string())
    return names.take(pa.array(place.reshape(-1)))
