"""``python -m benchmarks.questions``: questions to new users on the halved catalog of ml-1m-kg."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any, Final

import numpy as np
import pandas as pd

from benchmarks.harness.datasets import data_folder, load_dataset
from benchmarks.harness.report import finish, interval, run
from kgrec.evaluation import paired_bootstrap
from kgrec.graph import GraphSnapshot
from kgrec.graph.snapshot import Floats, Ints
from kgrec.graph.source import read_source
from kgrec.questions.answers import Answers
from kgrec.questions.belief import Belief
from kgrec.questions.prior import ACTIVITY, FACTORS, USERS, Prior
from kgrec.questions.selection import QuestionRequest, choose_questions, question_frame

DATA: Final = "ml-1m-kg"
PROTOCOL: Final = (
    "all interactions count as chosen; numpy.random.default_rng(3) permutes the users in order of "
    "id: the first 1,000 are new users, the others train; then it permutes the items in the order "
    "of items.csv: questions are about the first half, targets are what new users chose of the "
    "second half; an answer is whether they chose the item; NDCG@10 after n answers"
)
ASKED: Final = (5, 10, 20)
NEW_USERS: Final = 1_000
SHOPS: Final = (0, 30, 100, 300, 1_000)  # training users of smaller shops
INNER: Final = (11, 12)  # seeds of the inner splits
GRID: Final[dict[str, tuple[float, ...]]] = {
    "factors": (64, 128),
    "activity": (0.25, 0.5, 0.75),
}
TRUST: Final = (30.0, 100.0, 300.0, 1_000.0)
_NONE: Final = np.empty(0, dtype=np.int64)
_DISCOUNT: Final = 1 / np.log2(np.arange(2, 12))

Order = Callable[[Floats], Sequence[int]]  # items in the order of asking, for a new user's choices


@dataclass(frozen=True, eq=False)
class Halves:
    """Training users' graph, and new users: ``chosen`` float64 ``[new, n_items]``; items that
    may be asked about and targets, bool ``[n_items]``."""

    train: GraphSnapshot
    chosen: Floats
    asked: np.ndarray
    targets: np.ndarray

    def ndcg(self, scores: Floats) -> Floats:
        """NDCG@10 of each new user with a target; ``scores`` ``[new, n_items]``."""
        wanted, columns = self.chosen[:, self.targets], scores[:, self.targets]
        best = np.argsort(-columns, axis=1, kind="stable")[:, :10]
        hits = np.take_along_axis(wanted, best, axis=1) @ _DISCOUNT
        count = wanted.sum(axis=1).astype(int)
        ideal = np.cumsum(_DISCOUNT)[np.minimum(count, 10) - 1]
        return np.asarray((hits / ideal)[count > 0])

    def with_users(self, count: int) -> Halves:
        """The same new users in a shop with the first ``count`` training users."""
        events = self.train.interactions
        kept = np.isin(events.user, np.unique(events.user)[:count])
        return Halves(self.train.without(~kept), self.chosen, self.asked, self.targets)


class Split:
    """The protocol's users and items as rows of the snapshot."""

    def __init__(self) -> None:
        self.snapshot = read_source(load_dataset(DATA).catalog)
        users = np.sort(self.snapshot.users.ids.astype(np.int64)).astype(str).astype(object)
        self.users = self.snapshot.users.rows(users)
        lines = read_item_ids()
        self.items = self.snapshot.items.rows(lines)
        draw = np.random.default_rng(3)
        order = draw.permutation(len(self.users))
        self.new, self.training = order[:NEW_USERS], order[NEW_USERS:]
        self.item_order = draw.permutation(len(self.items))

    def test(self) -> Halves:
        """The protocol itself."""
        return self._halves(self.training, self.new, self.item_order)

    def inner(self, seed: int) -> Halves:
        """1,000 of the training users as new users, and other halves of the items."""
        draw = np.random.default_rng(seed)
        order = self.training[draw.permutation(len(self.training))]
        return self._halves(order[NEW_USERS:], order[:NEW_USERS], draw.permutation(len(self.items)))

    def _halves(self, training: Ints, new: Ints, items: Ints) -> Halves:
        events = self.snapshot.interactions
        known = np.isin(events.user, self.users[training])
        chosen = np.zeros((len(self.users), len(self.items)))
        chosen[events.user, events.item] = 1.0
        asked = np.zeros(len(self.items), dtype=bool)
        asked[self.items[items[: len(items) // 2]]] = True
        train = self.snapshot.without(~known)
        return Halves(train, chosen[self.users[new]], asked, ~asked)


def read_item_ids() -> np.ndarray:
    """Ids of the items in the order of items.csv, object ``[n]``."""
    frame = pd.read_csv(data_folder() / DATA / "items.csv.gz", dtype={"item_id": str})
    return np.asarray(frame["item_id"], dtype=object)


class Asking:
    """Questions by the expected gain of the list, each after the answers to those before."""

    def __init__(self, halves: Halves, prior: Prior) -> None:
        self.halves, self.prior = halves, prior
        self._next: dict[tuple[int, ...], int] = {}

    def order(self, chosen: Floats) -> list[int]:
        asked: list[int] = []
        for _ in range(max(ASKED)):
            asked.append(self._question(asked, chosen))
        return asked

    def _question(self, asked: list[int], chosen: Floats) -> int:
        key = tuple(sorted(2 * row + int(chosen[row]) for row in asked))
        if key not in self._next:
            request = QuestionRequest(1, "items", self.halves.asked, self.halves.targets)
            found = choose_questions(self.prior, answers_of(asked, chosen), request)
            self._next[key] = found[0].row
        return self._next[key]


def answers_of(asked: Sequence[int], chosen: Floats) -> Answers:
    """Whether each of ``asked`` was chosen."""
    rows = np.sort(np.array(asked, dtype=np.int64))
    return Answers(rows, chosen[rows], _NONE, np.empty(0), _NONE, _NONE)


def measured(
    halves: Halves, prior: Prior, order: Order, most: int = NEW_USERS
) -> dict[int, Floats]:
    """NDCG@10 of each new user after so many answers to the questions of ``order``."""
    chosen = halves.chosen[:most]
    part = Halves(halves.train, chosen, halves.asked, halves.targets)
    orders = [order(one) for one in chosen]
    return {
        count: part.ndcg(
            np.stack(
                [
                    Belief.of(prior, answers_of(asked[:count], one)).scores
                    for asked, one in zip(orders, chosen, strict=True)
                ]
            )
        )
        for count in (0, *ASKED)
    }


def fixed(order: Sequence[int]) -> Order:
    """The same questions for everyone."""
    return lambda _: order


def greedy_variance(prior: Prior, allowed: np.ndarray, count: int) -> list[int]:
    """The items with the largest variance left, one after another."""
    table, rows, found = prior.items, np.flatnonzero(allowed), list[int]()
    covariance = np.eye(table.factors.shape[1])
    for _ in range(count):
        variance = ((table.factors @ covariance) * table.factors).sum(axis=1) + table.noise
        variance[found] = -np.inf
        best = int(rows[variance[rows].argmax()])
        moved = covariance @ table.factors[best]
        covariance = covariance - np.outer(moved, moved) / variance[best]
        found.append(best)
    return found


def choose(split: Split, most: int) -> list[dict[str, Any]]:
    """Mean NDCG@10 on inner splits of the training users: of each setting of GRID over two, and of
    each of TRUST over shops with few users of the first."""
    rows = []
    whole = [split.inner(seed) for seed in INNER]
    for values in product(*GRID.values()):
        settings: dict[str, Any] = dict(zip(GRID, values, strict=True))
        rows.append(settings | _mean_ndcg(whole, settings, most))
        print(rows[-1], file=sys.stderr, flush=True)
    small = [whole[0].with_users(count) for count in SHOPS[1:4]]
    for trust in TRUST:
        rows.append({"trust_at": trust} | _mean_ndcg(small, {"trust_at": trust}, most // 2))
        print(rows[-1], file=sys.stderr, flush=True)
    return rows


def _mean_ndcg(splits: Sequence[Halves], settings: dict[str, Any], most: int) -> dict[str, float]:
    found: dict[int, list[float]] = {count: [] for count in ASKED}
    for halves in splits:
        prior = Prior.of(halves.train, **settings)
        got = measured(halves, prior, Asking(halves, prior).order, most)
        for count in ASKED:
            found[count].append(float(got[count].mean()))
    return {f"after {n}": float(np.mean(values)) for n, values in found.items()}


def compare(halves: Halves) -> tuple[dict[str, dict[int, Floats]], Prior, float]:
    """NDCG@10 by way of asking, the prior, and the seconds that it took."""
    started = time.process_time()
    prior = Prior.of(halves.train)
    seconds = time.process_time() - started
    rows = np.flatnonzero(halves.asked)
    popular = rows[np.argsort(-prior.items.mean[rows], kind="stable")].tolist()
    draws = np.random.default_rng(0)
    ways: dict[str, Order] = {
        "expected list": Asking(halves, prior).order,
        "greedy variance": fixed(greedy_variance(prior, halves.asked, max(ASKED))),
        "most popular": fixed(popular),
        "random": lambda _: draws.choice(rows, max(ASKED), replace=False).tolist(),
    }
    return {name: measured(halves, prior, order) for name, order in ways.items()}, prior, seconds


def shops(halves: Halves, most: int) -> list[dict[str, Any]]:
    """NDCG@10 in shops with few training users, with and without facts and attributes."""
    rows = []
    for count in SHOPS:
        small = halves.with_users(count)
        bare = Halves(without_graph(small.train), small.chosen, small.asked, small.targets)
        row: dict[str, Any] = {"users": count}
        for name, one in (("with graph", small), ("without", bare)):
            prior = Prior.of(one.train)
            if not prior.items.factors.any():
                continue
            got = measured(one, prior, Asking(one, prior).order, most)
            row |= {f"{name}, after {n}": float(got[n].mean()) for n in (0, 10, 20)}
        rows.append(row)
    return rows


def without_graph(snapshot: GraphSnapshot) -> GraphSnapshot:
    """The same interactions without facts and without attributes of items."""
    items = replace(snapshot.items, attributes=snapshot.items.attributes[["title"]])
    return replace(snapshot, facts=(), items=items)


def seconds_a_question(snapshot: GraphSnapshot, prior: Prior, chosen: Floats) -> dict[str, float]:
    """Milliseconds of the processor for a question among all items and entities, with the table of
    the answer: the median and the slowest of 20."""
    times, asked = [], list[int]()
    for _ in range(max(ASKED)):
        started = time.process_time()
        found = choose_questions(prior, answers_of(asked, chosen), QuestionRequest(1, "both"))
        question_frame(snapshot, found)
        times.append(1_000 * (time.process_time() - started))
        item = choose_questions(prior, answers_of(asked, chosen), QuestionRequest(1, "items"))
        asked.append(item[0].row)
    return {"median_ms": float(np.median(times)), "most_ms": float(np.max(times))}


def measure(split: Split, most: int) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The protocol's figures, and the rows of the table."""
    halves = split.test()
    found, prior, seconds = compare(halves)
    rows = [
        {"asked by": name, **{f"after {n}": float(v.mean()) for n, v in got.items()}}
        for name, got in found.items()
    ]
    ours = found["expected list"]
    gains = {
        f"{name}, after {n}": interval(paired_bootstrap(got[n], ours[n]))
        for name, got in found.items()
        for n in (10, 20)
        if got is not ours
    }
    result = {
        "data": DATA,
        "protocol": PROTOCOL,
        "settings": {"factors": FACTORS, "activity": ACTIVITY, "trust_at": USERS},
        "ndcg@10": rows,
        "gain_on": gains,
        "small_shops": {"new_users": most, "rows": shops(halves, most)},
        "prior_seconds": round(seconds, 2),
        "a_question": seconds_a_question(halves.train, prior, halves.chosen[0]),
    }
    return result, rows


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--choose", action="store_true", help="compare settings on training users alone"
    )
    parser.add_argument("--most", type=int, default=300, help="new users of smaller measurements")
    parser.add_argument("--save", action="store_true", help="keep results/questions*.json")
    return parser


def main(arguments: Sequence[str] | None = None) -> None:
    given = _parser().parse_args(arguments)
    split = Split()
    if given.choose:
        rows = choose(split, given.most)
        result = {"data": DATA, "new_users": given.most, "inner_splits": list(INNER), "rows": rows}
        finish("questions.choose", result, rows, given.save)
        return
    result, rows = measure(split, given.most)
    finish("questions", result, rows, given.save)


if __name__ == "__main__":
    run(main)
