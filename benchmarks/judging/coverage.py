"""``python -m benchmarks.judge coverage``: intervals that contain the truth; the cost of exploring.

ml-1m-kg, rewards of a semi-synthetic world (``benchmarks.judging.world``). Both models are fitted
with effort quick: the new one on the training rows, the current one on those of half of the
users, without facts; all rows are in the histories of both. Each draw is a log of explored lists of
the current model; the new model is estimated from it, by the code that ``kgrec judge`` runs, and
its true mean reward is known. One draw goes through the public methods as well, and must give the
same.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import pandas as pd

from benchmarks.harness import report
from benchmarks.harness.datasets import PROTOCOLS, load_dataset
from benchmarks.judging.world import World, looked_at
from kgrec import ModelConfig, Recommender, RecommenderConfig
from kgrec.evaluation import FeedbackLog, PolicyValue, WeightedRows
from kgrec.evaluation.reward_model import Places, predict_rewards
from kgrec.graph import GraphSnapshot
from kgrec.graph.snapshot import Floats, Ints
from kgrec.graph.source import read_source
from kgrec.ranking.exploration import draw_list, pool_size, swap_plan
from kgrec.scoring.ranked_lists import score_blocks

DATA: Final = "ml-1m-kg"
K: Final = 10
_SHARE: Final = 0.5  # of the users teach the current model
NAMES: Final = ("snips", "dr", "ips", "dm")


def main(arguments: Sequence[str] | None = None) -> None:
    asked = _parser().parse_args(arguments)
    full = read_source(load_dataset(DATA).catalog, None)
    world = World.of(full)
    train = full.without_splits(("valid", "test"))
    current = Recommender.of(_fitted(_part(train, asked.seed), asked.seed).state.over(train))
    new = _fitted(train, asked.seed)
    case = Case.of(current, new, world, asked.users, asked.seed)
    draws, sizes = [], []
    for draw in range(asked.draws):
        rows = case.draw(asked.explore, asked.lists, np.random.default_rng([asked.seed, draw]))
        draws.append(rows.values())
        sizes.append(rows.effective_size)
    _tell(case, draws, sizes, _public_path(current, new, case, asked), asked)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.judge coverage")
    parser.add_argument("--draws", type=int, default=200, help="how many logs")
    parser.add_argument("--users", type=int, default=2_000, help="how many users are shown lists")
    parser.add_argument("--lists", type=int, default=10, help="lists of each user in a log")
    parser.add_argument("--explore", type=float, default=0.1, help="share of explored places")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--save", action="store_true", help="keep the result")
    return parser


def _part(snapshot: GraphSnapshot, seed: int) -> GraphSnapshot:
    """The snapshot with half of the users' rows, without facts."""
    chosen = np.random.default_rng(seed).random(len(snapshot.users)) < _SHARE
    kept = snapshot.interactions.select(chosen[snapshot.interactions.user])
    return replace(snapshot, interactions=kept, facts=())


def _fitted(snapshot: GraphSnapshot, seed: int) -> Recommender:
    config = RecommenderConfig(model=ModelConfig(use_text=False))
    return Recommender(config).fit(snapshot, seed=seed, effort="quick")


@dataclass(frozen=True, eq=False)
class Case:
    """The lists of both models for some users, as item rows.

    ``names``: their ids; ``group`` int64 ``[B]``: their order by id as text, as in a report;
    ``ranked`` int64 ``[B, n]``: the current model's list and the next best; ``fresh``: each user's
    new items; ``new`` int64 ``[B, K]``: the new model's list; ``scores`` float32 ``[B, n_items]``:
    the new model's, standardised.
    """

    world: World
    names: list[str]
    group: Ints
    ranked: Ints
    fresh: list[Ints]
    new: Ints
    scores: np.ndarray

    @staticmethod
    def of(current: Recommender, new: Recommender, world: World, users: int, seed: int) -> Case:
        """Some of the users, drawn by seed."""
        drawn = np.random.default_rng(seed).permutation(len(current.snapshot.users))[:users]
        rows = np.sort(drawn)
        names = current.snapshot.users.ids[rows].tolist()
        scores = np.empty((len(rows), len(current.snapshot.items)), dtype=np.float32)
        for start, block in score_blocks(new.state.engine, new.state.resolver.of_users(rows)):
            scores[start : start + len(block)] = block.numpy()
        scores -= scores.mean(axis=1, keepdims=True)
        scores /= scores.std(axis=1, keepdims=True)
        ranked = _rows(current, names, K + pool_size(K))
        new_items = zip(_new(current, rows), ranked, strict=True)
        return Case(
            world=World(world.liking[rows]),
            names=names,
            group=np.argsort(np.argsort(np.array(names, dtype=str), kind="stable")),
            ranked=ranked,
            fresh=[one[~np.isin(one, own)] for one, own in new_items],
            new=_rows(new, names, K),
            scores=scores,
        )

    @property
    def users(self) -> Ints:
        """int64 ``[B]``: the users' numbers here."""
        return np.arange(len(self.names))

    @property
    def truth(self) -> float:
        """The mean reward of a place of the new model's lists."""
        return float(self.world.probability(self.users, self.new).mean())

    def rewards(self, explore: float) -> float:
        """The mean reward of a place of the current model's lists, of which ``explore`` are
        explored: exact, by the probabilities."""
        total = 0.0
        for user, (ranked, fresh) in enumerate(zip(self.ranked, self.fresh, strict=True)):
            liking, n = self.world.liking[user], min(K, len(fresh))
            plan = swap_plan(explore, K, len(ranked) - K, n)
            waiting = np.full(n, liking[fresh].mean() if n else 0.0)
            shown = np.concatenate([liking[ranked], waiting]) @ plan.probability
            total += float((shown * looked_at(K)).mean())
        return total / len(self.users)

    def draw(self, explore: float, lists: int, rng: np.random.Generator) -> WeightedRows:
        """The rows of one log, with weights and predictions for the new model."""
        user = np.repeat(self.users, lists)
        drawn = [draw_list(self.ranked[one], self.fresh[one], K, explore, rng) for one in user]
        item = np.stack([one.rows for one in drawn])
        reward = rng.random(item.shape) < self.world.probability(user, item)
        return self.rows(user, item, np.stack([one.probability for one in drawn]), reward)

    def rows(self, user: Ints, item: Ints, probability: Floats, reward: np.ndarray) -> WeightedRows:
        """A log, ``[lists]`` and ``[lists, K]``, as rows for the new model."""
        chosen = self.new[user]
        weight = np.where(item == chosen, 1.0 / probability, 0.0).ravel()
        position = np.tile(np.arange(1, K + 1), len(user))
        places = [
            Places(one.ravel(), position, self.scores[user[:, None], one].ravel().astype(float))
            for one in (item, chosen)
        ]
        group, paid = np.repeat(self.group[user], K), reward.ravel().astype(np.float64)
        return WeightedRows(paid, weight, *predict_rewards(paid, group, *places), group)


def _new(model: Recommender, users: Ints) -> Iterator[Ints]:
    """The rows of each user's new items that the user has not had."""
    engine = model.state.engine
    few = engine.new_items
    stored = engine.stored(users)
    for user in range(len(stored)):
        yield few[~np.isin(few, stored.item[stored.indptr[user] : stored.indptr[user + 1]])]


def _rows(model: Recommender, users: list[str], k: int) -> Ints:
    """int64 ``[B, k]``: the item rows of the lists."""
    ids = model.rank(users, k=k).ids
    return model.snapshot.items.rows(ids.ravel().tolist()).reshape(ids.shape)


def _public_path(
    current: Recommender, new: Recommender, case: Case, asked: argparse.Namespace
) -> dict[str, Any]:
    """One log made by ``recommend(explore=)`` and read by ``judge``: the largest difference of an
    estimate from the same log's rows in this benchmark."""
    asking = {"k": K, "explore": asked.explore}
    shown = [current.recommend(case.names, **asking, seed=n) for n in range(asked.lists)]
    lists = pd.concat(shown)
    item = current.snapshot.items.rows(lists["item_id"].tolist()).reshape(-1, K)
    user = pd.Index(case.names).get_indexer(pd.Index(lists["user_id"])[::K])
    rng = np.random.default_rng([asked.seed, asked.draws])
    reward = rng.random(item.shape) < case.world.probability(user, item)
    rewards = lists[reward.ravel()].assign(reward=1)
    found = new.judge(FeedbackLog.of_lists(lists, rewards))
    probability = lists["probability"].to_numpy().reshape(-1, K)
    mine = case.rows(user, item, probability, reward).values()
    differences = [abs(found.values[name].mean - mine[name].mean) for name in NAMES]
    return {
        "largest_difference": float(max(differences)),
        "effective_size": round(found.effective_size, 1),
        "values": {name: _plain(value) for name, value in found.values.items()},
    }


def _plain(value: PolicyValue) -> dict[str, float]:
    return {name: round(getattr(value, name), 6) for name in ("mean", "low", "high")}


def _figures(name: str, values: list[PolicyValue], truth: float) -> dict[str, Any]:
    """Over the draws: the mean estimate and width, and how often the interval has the truth."""
    return {
        "estimate": name,
        "mean": round(float(np.mean([one.mean for one in values])), 6),
        "truth": round(truth, 6),
        "width": round(float(np.mean([one.high - one.low for one in values])), 6),
        "covered": float(np.mean([one.low <= truth <= one.high for one in values])),
    }


def _tell(
    case: Case,
    draws: list[dict[str, PolicyValue]],
    sizes: list[float],
    public: dict[str, Any],
    asked: argparse.Namespace,
) -> None:
    truth, plain, explored = case.truth, case.rewards(0.0), case.rewards(0.02)
    table = [_figures(name, [one[name] for one in draws], truth) for name in NAMES]
    result = {
        "data": DATA,
        "protocol": f"{PROTOCOLS[DATA]}; rewards of a semi-synthetic world; {asked.lists} lists of "
        f"{K} for each of {len(case.names)} users and draw, {asked.explore:.0%} of the places "
        "explored",
        "draws": asked.draws,
        "truth": round(truth, 6),
        "current": round(plain, 6),
        "effective_size": {"mean": round(float(np.mean(sizes)), 1), "least": round(min(sizes), 1)},
        "same_items": round(float((case.new == case.ranked[:, :K]).mean()), 4),
        "estimates": {row["estimate"]: row for row in table},
        "cost_of_2_percent": round(1.0 - explored / plain, 6),
        "public_path": public,
    }
    report.finish("judge-coverage", result, table, asked.save)
