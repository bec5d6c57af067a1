"""``python -m benchmarks.judge new_items``: how soon good new items get their share of the lists.

ml-100k-split, rewards of a semi-synthetic world, items with at least 10 rows. Some that are popular
lose all of their rows, as if they were new, and so do others, drawn from all. Every day each user
is shown some lists, for the history of the training rows; what is rewarded is added to the rows,
and the model (effort quick, without the graph) is fitted again. Three ways are compared: without
exploring, with it, and with it and new items counted by exposure (``FittedState.
counted_by_exposure``). The popular items have their share from the day on which the model's own
lists for all users, without exploring, give them half of the exposure that they have in the model
that knows all rows, if this holds on all later days.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from benchmarks.harness import report
from benchmarks.harness.datasets import PROTOCOLS, load_dataset
from benchmarks.judging.world import World
from kgrec import ModelConfig, Recommender, RecommenderConfig
from kgrec.evaluation.exposure_counts import ShownItems, exposure_factors, with_factors
from kgrec.graph import GraphSnapshot
from kgrec.graph.merge import merge_snapshots
from kgrec.graph.removal import without
from kgrec.graph.snapshot import Ints
from kgrec.graph.source import read_source
from kgrec.ranking.exposure import position_discount
from kgrec.stores.removal import read_removal

DATA: Final = "ml-100k-split"
K: Final = 10
_POPULAR: Final = (20, 150)  # ranks by popularity of the items that become new
_FEWEST: Final = 10  # rows of an item
_DAY: Final = 86_400
_GOAL: Final = 0.5  # of the share that the items have in the model that knows them


def main(arguments: Sequence[str] | None = None) -> None:
    asked = _parser().parse_args(arguments)
    full = _common(read_source(load_dataset(DATA).catalog, None))
    world = World.of(full)
    known = full.without_splits(("valid", "test"))
    new = _chosen(known, asked.items, asked.seed)
    goal = float(_shares(_fitted(known, asked.seed), _histories(known))[new].sum())
    start = _without(known, np.concatenate([new, _others(known, new, asked)]))
    histories = _histories(start)
    ways = {
        "not explored": (0.0, False),
        "explored": (asked.explore, False),
        "explored, counted by exposure": (asked.explore, True),
    }
    days = {
        name: _Simulation(world, new, histories, *way, asked).run(start)
        for name, way in ways.items()
    }
    _tell(goal, days, asked)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.judge new_items")
    parser.add_argument("--items", type=int, default=10, help="how many popular items become new")
    parser.add_argument("--others", type=int, default=60, help="how many others become new")
    parser.add_argument("--days", type=int, default=40, help="how many days are simulated")
    parser.add_argument("--visits", type=int, default=10, help="lists of each user a day")
    parser.add_argument("--explore", type=float, default=0.02, help="share of explored places")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--save", action="store_true", help="keep the result")
    return parser


def _fitted(snapshot: GraphSnapshot, seed: int) -> Recommender:
    config = RecommenderConfig(model=ModelConfig(use_text=False))
    return Recommender(config).fit(snapshot, seed=seed, effort="quick")


def _common(snapshot: GraphSnapshot) -> GraphSnapshot:
    """The snapshot without facts, and without the items that few users had: those aren't new."""
    counts = np.bincount(snapshot.interactions.item, minlength=len(snapshot.items))
    gone = snapshot.items.ids[counts < _FEWEST].tolist()
    removal = read_removal(items=gone)
    return replace(without(snapshot, removal, strict=True)[0], facts=())


def _chosen(snapshot: GraphSnapshot, items: int, seed: int) -> Ints:
    """Rows of popular items, drawn by seed."""
    counts = np.bincount(snapshot.interactions.item, minlength=len(snapshot.items))
    popular = np.argsort(-counts, kind="stable")[_POPULAR[0] : _POPULAR[1]]
    return np.sort(np.random.default_rng(seed).choice(popular, items, replace=False))


def _others(snapshot: GraphSnapshot, new: Ints, asked: argparse.Namespace) -> Ints:
    """Rows of other items, drawn by seed."""
    rest = np.setdiff1d(np.arange(len(snapshot.items)), new)
    return np.asarray(np.random.default_rng([asked.seed, 1]).permutation(rest)[: asked.others])


def _without(snapshot: GraphSnapshot, items: Ints) -> GraphSnapshot:
    kept = snapshot.interactions.select(~np.isin(snapshot.interactions.item, items))
    return replace(snapshot, interactions=kept)


def _shares(model: Recommender, histories: dict[str, list[str]]) -> np.ndarray:
    """float64 ``[n_items]``: each item's share of the exposure in lists for these histories."""
    ids = model.rank(histories=histories, k=K).ids
    rows = model.snapshot.items.rows(ids.ravel().tolist())
    weights = np.tile(position_discount(K), len(ids))
    found = np.bincount(rows, weights=weights, minlength=len(model.snapshot.items))
    return np.asarray(found / found.sum())


@dataclass(frozen=True, eq=False)
class _Simulation:
    """Days of one way; ``new`` int64: the rows of the new items whose share is measured;
    ``histories``: for which lists are made; ``share`` of the places that is explored; ``counted``:
    whether new items are counted by exposure."""

    world: World
    new: Ints
    histories: dict[str, list[str]]
    share: float
    counted: bool
    asked: argparse.Namespace

    def run(self, snapshot: GraphSnapshot) -> list[dict[str, Any]]:
        """For each day the new items' share of the exposure, their rewards, and all rewards."""
        log: list[dict[str, Any]] = []
        seen: list[ShownItems] = []
        start = snapshot.seen_until
        for day in range(self.asked.days):
            model = _fitted(snapshot, self.asked.seed)
            if self.counted and seen:
                model = _counted(model, _joined(seen, None if start is None else start + 1))
            share = float(_shares(model, self.histories)[self.new].sum())
            user, shown = self._shown(model, day)
            own = int((shown.rewarded & np.isin(shown.item, self.new)).sum())
            log.append(
                {"day": day, "share": share, "rewards": float(shown.rewarded.mean()), "own": own}
            )
            seen.append(shown)
            pairs = np.unique(np.stack([user, shown.item])[:, shown.rewarded], axis=1)
            snapshot = _with_events(snapshot, pairs[0], pairs[1])
        return log

    def _shown(self, model: Recommender, day: int) -> tuple[Ints, ShownItems]:
        """The user of each place that is shown on a day, and what it shows."""
        rng = np.random.default_rng([self.asked.seed, day])
        items, rewarded = [], []
        for visit in range(self.asked.visits):
            seed = day * self.asked.visits + visit
            ids = model.rank(histories=self.histories, k=K, explore=self.share, seed=seed).ids
            item = model.snapshot.items.rows(ids.ravel().tolist()).reshape(-1, K)
            chance = self.world.probability(np.arange(len(item)), item)
            items.append(item)
            rewarded.append(rng.random(item.shape) < chance)
        item = np.concatenate(items)
        user = np.tile(np.repeat(np.arange(len(self.histories)), K), self.asked.visits)
        position = np.tile(np.arange(1, K + 1), len(item))
        return user, ShownItems(item.ravel(), position, np.concatenate(rewarded).ravel())


def _joined(seen: list[ShownItems], start: int | None) -> ShownItems:
    """The log of several days."""
    return ShownItems(
        np.concatenate([day.item for day in seen]),
        np.concatenate([day.position for day in seen]),
        np.concatenate([day.rewarded for day in seen]),
        start,
    )


def _counted(model: Recommender, shown: ShownItems) -> Recommender:
    engine = model.state.engine
    counted = with_factors(engine, exposure_factors(engine, shown))
    return Recommender.of(replace(model.state, engine=counted))


def _histories(snapshot: GraphSnapshot) -> dict[str, list[str]]:
    """The items of each user, in the order of users."""
    rows, items = snapshot.interactions, snapshot.items.ids
    cuts = rows.indptr(len(snapshot.users))
    return {
        str(name): items[rows.item[start:end]].tolist()
        for name, start, end in zip(snapshot.users.ids, cuts, cuts[1:], strict=False)
    }


def _with_events(snapshot: GraphSnapshot, user: Ints, item: Ints) -> GraphSnapshot:
    """The snapshot with more interactions."""
    rows = snapshot.interactions
    more = rows.select(np.zeros(len(user), dtype=np.int64))
    latest = snapshot.seen_until
    time = np.full(len(user), 0 if latest is None else latest + _DAY, dtype=np.int64)
    added = replace(more, user=user, item=item, timestamp=time)
    return merge_snapshots(snapshot, replace(snapshot, interactions=added))


def _tell(goal: float, days: dict[str, list[dict[str, Any]]], asked: argparse.Namespace) -> None:
    reached = {name: _first(log, _GOAL * goal) for name, log in days.items()}
    rewards = {name: float(np.mean([one["rewards"] for one in log])) for name, log in days.items()}
    plain, *_, counted = days
    table = [
        {
            "way": name,
            "share from day": reached[name],
            "share on the last day": round(log[-1]["share"], 5),
            "rewards a place": round(rewards[name], 5),
        }
        for name, log in days.items()
    ]
    late, soon = reached[plain], reached[counted]
    result = {
        "data": DATA,
        "protocol": f"{PROTOCOLS[DATA]}; semi-synthetic rewards; {asked.items} popular and "
        f"{asked.others} other items lose their rows; {asked.visits} lists of each user a day, "
        f"{asked.explore:.0%} of the places explored; no graph; quick fit every day",
        "days": asked.days,
        "share_of_the_known_items": round(goal, 5),
        "goal": round(_GOAL * goal, 5),
        "from_day": reached,
        "times_sooner": None if soon is None else (late or asked.days) / max(soon, 1),
        "at_least": late is None,
        "rewards": {name: round(value, 5) for name, value in rewards.items()},
        "cost": round(1.0 - rewards[counted] / rewards[plain], 5),
        "log": {
            name: [{key: round(value, 5) for key, value in one.items()} for one in log]
            for name, log in days.items()
        },
    }
    report.finish("judge-new-items", result, table, asked.save)


def _first(log: list[dict[str, Any]], share: float) -> int | None:
    """The first day from which on the items have the share; None for no day."""
    below = [one["day"] for one in log if one["share"] < share]
    if not below:
        return int(log[0]["day"])
    return None if below[-1] == log[-1]["day"] else int(below[-1]) + 1
