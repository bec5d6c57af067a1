"""``python -m benchmarks.people``: whom to follow, on friendships generated over users of ml-1m."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd

from benchmarks.harness.datasets import load_dataset
from benchmarks.harness.report import finish, interval, run
from graph_schema import Catalog
from kgrec import Recommender
from kgrec.arrays import unit_rows
from kgrec.evaluation import paired_bootstrap
from kgrec.graph.snapshot import Floats, Ints
from kgrec.social.features import NAMES

DATA: Final = "ml-1m-kg"
USERS: Final = 1_900
FRIENDSHIPS: Final = 12_500
ITEMS: Final = 20  # of a user's history, on average
HIDDEN: Final = 0.2
LONE: Final = 0.06  # share of the users all of whose facts are hidden
PROTOCOL: Final = (
    "1,900 users of ml-1m drawn by seed, with about 20 of their items; 12,500 friendships, each by "
    "a user drawn by a lognormal activity: with a friend of a friend, with a user of similar taste "
    "(softmax of cosines of 24 singular vectors of all ratings), or with anybody by the number of "
    "friends; 60 % of the items shown are from friends' histories. A fifth of the facts is hidden, "
    "and all of 6 % of the users; the model is fitted on the rest; all users but the friends left "
    "are ranked; NDCG@10 and recall@20 of the hidden"
)


@dataclass(frozen=True)
class Shape:
    """How friends are found: shares of friends of friends, of similar taste, and of anybody; and
    whether a fact holds one way only."""

    name: str
    closing: float
    taste: float
    anybody: float
    one_way: bool = False


_SHAPES: Final = (
    Shape("mixed", 0.5, 0.35, 0.15),
    Shape("closed", 0.75, 0.1, 0.15),
    Shape("one-way", 0.3, 0.2, 0.5, one_way=True),
    Shape("no-pattern", 0.0, 0.1, 0.9),
)
SHAPES: Final = {one.name: one for one in _SHAPES}


@dataclass(frozen=True, eq=False)
class Made:
    """Generated data: histories as (user, item) and facts as (head, tail), int64 pairs."""

    histories: tuple[Ints, Ints]
    facts: tuple[Ints, Ints]


def generate(chosen: np.ndarray, shape: Shape, seed: int) -> Made:
    """Facts among users with choices ``chosen`` (bool ``[users, items]``), and short histories."""
    draw = np.random.default_rng(seed)
    friends = _friends(chosen, shape, draw)
    head = np.repeat(np.arange(len(friends)), [len(one) for one in friends])
    tail = np.array([other for one in friends for other in sorted(one)], dtype=np.int64)
    return Made(_histories(chosen, friends, draw), (head, tail))


def _friends(chosen: np.ndarray, shape: Shape, draw: np.random.Generator) -> list[set[int]]:
    count = len(chosen)
    activity = draw.lognormal(0.0, 1.0, count)
    activity /= activity.sum()
    near = _odds_by_taste(chosen, activity)
    friends: list[set[int]] = [set() for _ in range(count)]
    degree = np.ones(count)
    made, wanted = 0, FRIENDSHIPS * (2 if shape.one_way else 1)
    while made < wanted:
        user = int(draw.choice(count, p=activity))
        other = _other(user, friends, near, degree, shape, draw)
        if other in (-1, user) or other in friends[user]:
            continue
        friends[user].add(other)
        if not shape.one_way:
            friends[other].add(user)
            degree[user] += 1
        degree[other] += 1
        made += 1
    return friends


def _other(
    user: int,
    friends: list[set[int]],
    near: Floats,
    degree: Floats,
    shape: Shape,
    draw: np.random.Generator,
) -> int:
    """Whom a user meets next; -1 for nobody."""
    chance = draw.random()
    if chance < shape.closing and friends[user]:
        between = sorted(friends[user])[draw.integers(len(friends[user]))]
        known = sorted(friends[between] - friends[user] - {user})
        return known[draw.integers(len(known))] if known else -1
    if chance < shape.closing + shape.taste:
        return min(int(np.searchsorted(near[user], draw.random())), len(near) - 1)
    return int(draw.choice(len(degree), p=degree / degree.sum()))


def _odds_by_taste(chosen: np.ndarray, activity: Floats) -> Floats:
    """float64 ``[m, m]``: running sums of the odds of each other user, by taste."""
    left, _, _ = np.linalg.svd(chosen - chosen.mean(axis=0), full_matrices=False)
    taste = unit_rows(left[:, :24])
    odds = np.exp(8 * taste @ taste.T) * np.sqrt(activity)
    np.fill_diagonal(odds, 0.0)
    return np.asarray((odds / odds.sum(axis=1, keepdims=True)).cumsum(axis=1))


def _histories(
    chosen: np.ndarray, friends: list[set[int]], draw: np.random.Generator
) -> tuple[Ints, Ints]:
    pairs = set()
    for user, known in enumerate(friends):
        others = sorted(known)
        for _ in range(ITEMS + int(draw.integers(-10, 11))):
            copied = others and draw.random() < 0.6
            owner = others[draw.integers(len(others))] if copied else user
            items = np.flatnonzero(chosen[owner])
            pairs.add((user, int(items[draw.integers(len(items))])))
    user, item = np.array(sorted(pairs), dtype=np.int64).T
    return user, item


@dataclass(frozen=True, eq=False)
class Hidden:
    """Facts that the model sees and those hidden, int64 pairs, and the users without any left."""

    shown: tuple[Ints, Ints]
    hidden: tuple[Ints, Ints]
    lone: np.ndarray

    @staticmethod
    def of(made: Made, count: int, shape: Shape, seed: int) -> Hidden:
        draw = np.random.default_rng(seed)
        lone = draw.random(count) < LONE
        head, tail = made.facts
        # Both directions of a friendship are hidden together.
        key = np.minimum(head, tail) * count + np.maximum(head, tail)
        by_pair = draw.random(count * count)[key] if not shape.one_way else draw.random(len(head))
        gone = (by_pair < HIDDEN) | lone[head] | (lone[tail] & (not shape.one_way))
        return Hidden((head[~gone], tail[~gone]), (head[gone], tail[gone]), lone)


def fit(
    base: Catalog, users: list[str], items: list[str], made: Made, facts: tuple[Ints, Ints]
) -> Recommender:
    """The quick model of the generated data."""
    names, titles = np.array(users, dtype=object), np.array(items, dtype=object)
    follows = pd.DataFrame(
        {
            "head": names[facts[0]],
            "head_type": "user",
            "relation": "FRIEND_OF",
            "tail": names[facts[1]],
            "tail_type": "user",
        }
    )
    events = pd.DataFrame(
        {"user_id": names[made.histories[0]], "item_id": titles[made.histories[1]]}
    )
    catalog = Catalog.from_frames(
        users=pd.DataFrame({"user_id": names}),
        items=base.items,
        entities=base.entities,
        interactions=events,
        facts=pd.concat([base.facts, follows], ignore_index=True),
    )
    return Recommender().fit(catalog, effort="quick")


def figures(scores: Floats, seen: Sequence[set[int]], wanted: Sequence[set[int]]) -> Floats:
    """NDCG@10 and recall@20 of rows of scores, float64 ``[B, 2]``."""
    discount, found = 1 / np.log2(np.arange(2, 12)), []
    for row, known, hidden in zip(scores, seen, wanted, strict=True):
        left = row.copy()
        left[sorted(known)] = -np.inf
        hits = np.isin(np.argsort(-left, kind="stable")[:20], sorted(hidden))
        ideal = discount[: min(10, len(hidden))].sum()
        found.append(((hits[:10] * discount).sum() / ideal, hits.sum() / len(hidden)))
    return np.array(found)


def measure(
    base: Catalog, chosen: np.ndarray, users: list[str], items: list[str], shape: Shape, seed: int
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The figures of one shape, of ours and of single features."""
    made = generate(chosen, shape, seed)
    hidden = Hidden.of(made, len(users), shape, seed + 1)
    model = fit(base, users, items, made, hidden.shown)
    started = time.process_time()
    people = model.state.people
    rows = people.engine.snapshot.users.rows(users)
    seen, wanted = (_sets(pairs, rows) for pairs in (hidden.shown, hidden.hidden))
    table, gains = [], {}
    for group, lone in (("follow somebody", False), ("follow nobody", True)):
        asked = [u for u in sorted(wanted) if bool(seen.get(u)) is not lone]
        features = np.concatenate([people.pairs.of(np.array([user])) for user in asked])
        known = [seen.get(user, set()) | {user} for user in asked]
        hits = [wanted[user] for user in asked]
        ways = {"kgrec": people.blend.scores(features, lone=lone)}
        ways |= {name: features[:, :, place] for place, name in enumerate(NAMES)}
        got = {name: figures(scores, known, hits) for name, scores in ways.items()}
        best = max(NAMES, key=lambda name: got[name][:, 0].mean())
        for name in ("kgrec", "resource allocation", "taste", "popularity", best):
            mean = got[name].mean(axis=0)
            row = {"shape": shape.name, "users who": group, "users": len(asked), "by": name}
            entry = row | {"ndcg@10": float(mean[0]), "recall@20": float(mean[1])}
            if entry not in table:
                table.append(entry)
        gains[group] = {"best single": best} | interval(
            paired_bootstrap(got[best][:, 0], got["kgrec"][:, 0])
        )
    fitted = model.state.follow_blend
    result = {
        "gain_on_best_single": gains,
        "chosen_on": {} if fitted is None else dict(fitted.figures),
        "seconds": round(time.process_time() - started, 1),
    }
    return result, table


def _sets(pairs: tuple[Ints, Ints], rows: Ints) -> dict[int, set[int]]:
    found: dict[int, set[int]] = {}
    for head, tail in zip(rows[pairs[0]].tolist(), rows[pairs[1]].tolist(), strict=True):
        found.setdefault(head, set()).add(tail)
    return found


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shapes", default=",".join(SHAPES), help="mixed,closed,…")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--save", action="store_true", help="keep results/people.json")
    return parser


def main(arguments: Sequence[str] | None = None) -> None:
    given = _parser().parse_args(arguments)
    base = load_dataset(DATA).catalog
    events = base.interactions
    everyone = sorted(events["user_id"].unique())
    draw = np.random.default_rng(given.seed)
    users = [str(everyone[place]) for place in draw.permutation(len(everyone))[:USERS]]
    items = base.items["item_id"].astype(str).tolist()
    known = events[events["user_id"].isin(users)]
    chosen = np.zeros((len(users), len(items)), dtype=bool)
    at = [
        pd.Index(known_ids).get_indexer(pd.Index(known[name]))
        for name, known_ids in (("user_id", users), ("item_id", items))
    ]
    chosen[at[0], at[1]] = True
    rows, shapes = [], {}
    for name in given.shapes.split(","):
        shapes[name], table = measure(base, chosen, users, items, SHAPES[name], given.seed)
        rows += table
        print(name, shapes[name], file=sys.stderr, flush=True)
    result = {"data": DATA, "protocol": PROTOCOL, "rows": rows, "shapes": shapes}
    finish("people", result, rows, given.save)


if __name__ == "__main__":
    run(main)
