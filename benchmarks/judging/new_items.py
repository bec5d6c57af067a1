"""``python -m benchmarks.judge new_items``: how soon good new items get their share of the lists.

ml-100k-split, rewards of a semi-synthetic world, items with at least 10 rows. Some that are popular
lose all of their rows, as if they were new. Every day each user is shown some lists, for the
history of the training rows; what is rewarded is added to the rows, and the model (effort quick,
without the graph) is fitted again. The items have their share on the first day when the model's own
lists for all users, without exploring, give them half of the exposure that they have in the model
that knows all of their rows.
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
_GOAL: Final = 0.5  # of the share that the items have in the model that knows them


def main(arguments: Sequence[str] | None = None) -> None:
    asked = _parser().parse_args(arguments)
    full = _common(read_source(load_dataset(DATA).catalog, None))
    world = World.of(full)
    known = full.without_splits(("valid", "test"))
    new = _chosen(known, asked.items, asked.seed)
    goal = float(_shares(_fitted(known, asked.seed), _histories(known))[new].sum())
    start = _without(known, new)
    histories = _histories(start)
    days = {
        share: _Simulation(world, new, histories, share, asked).run(start)
        for share in (0.0, asked.explore)
    }
    _tell(goal, days, asked)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.judge new_items")
    parser.add_argument("--items", type=int, default=10, help="how many items become new")
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
    """Days of one share of exploring; ``new`` int64: the rows of the new items; ``histories``: for
    which lists are made."""

    world: World
    new: Ints
    histories: dict[str, list[str]]
    share: float
    asked: argparse.Namespace

    def run(self, snapshot: GraphSnapshot) -> list[dict[str, Any]]:
        """For each day the new items' share of the exposure, their rewards, and all rewards."""
        log: list[dict[str, Any]] = []
        for day in range(self.asked.days):
            model = _fitted(snapshot, self.asked.seed)
            share = float(_shares(model, self.histories)[self.new].sum())
            user, item, shown = self._rewarded(model, day)
            own = int(np.isin(item, self.new).sum())
            log.append({"day": day, "share": share, "rewards": len(item) / shown, "own": own})
            snapshot = _with_events(snapshot, user, item)
        return log

    def _rewarded(self, model: Recommender, day: int) -> tuple[Ints, Ints, int]:
        """The users and items that are rewarded on a day, and the number of places shown."""
        rng = np.random.default_rng([self.asked.seed, day])
        found, shown = [], 0
        for visit in range(self.asked.visits):
            seed = day * self.asked.visits + visit
            ids = model.rank(histories=self.histories, k=K, explore=self.share, seed=seed).ids
            items = model.snapshot.items.rows(ids.ravel().tolist()).reshape(-1, K)
            hit = rng.random(items.shape) < self.world.probability(np.arange(len(items)), items)
            found.append(np.stack([np.repeat(np.arange(len(items)), K)[hit.ravel()], items[hit]]))
            shown += items.size
        pairs = np.unique(np.concatenate(found, axis=1), axis=1)
        return pairs[0], pairs[1], shown


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
    time = np.full(len(user), 0 if latest is None else latest + 1, dtype=np.int64)
    added = replace(more, user=user, item=item, timestamp=time)
    return merge_snapshots(snapshot, replace(snapshot, interactions=added))


def _tell(goal: float, days: dict[float, list[dict[str, Any]]], asked: argparse.Namespace) -> None:
    reached = {share: _first(log, _GOAL * goal) for share, log in days.items()}
    table = [
        {
            "explored": share,
            "first day with the share": reached[share],
            "share on the last day": log[-1]["share"],
            "rewarded pairs a place": float(np.mean([one["rewards"] for one in log])),
        }
        for share, log in days.items()
    ]
    plain, soon = reached[0.0], reached[asked.explore]
    result = {
        "data": DATA,
        "protocol": f"{PROTOCOLS[DATA]}; semi-synthetic rewards; {asked.items} popular items lose "
        f"their rows; {asked.visits} lists of each user a day; no graph; quick fit every day",
        "days": asked.days,
        "share_of_the_known_items": round(goal, 5),
        "goal": round(_GOAL * goal, 5),
        "first_day": {str(share): day for share, day in reached.items()},
        "times_sooner": None if soon is None else (plain or asked.days) / max(soon, 1),
        "at_least": plain is None,
        "log": {
            str(share): [{name: round(value, 5) for name, value in one.items()} for one in log]
            for share, log in days.items()
        },
    }
    report.finish("judge-new-items", result, table, asked.save)


def _first(log: list[dict[str, Any]], share: float) -> int | None:
    """The first day on which the items have the share; None for no day."""
    return next((one["day"] for one in log if one["share"] >= share), None)
