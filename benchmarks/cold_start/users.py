"""Cold users: a tenth of the users is unknown to the model, and shows a few events at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from benchmarks.peers.linear import EASE_TRIES
from kgrec import Recommender
from kgrec.arrays import Csr, pairs_to_csr, take_rows
from kgrec.evaluation import evaluate_ranking, hit_matrix, user_metrics
from kgrec.graph import GraphSnapshot
from kgrec.graph.snapshot import Interactions, Ints
from kgrec.metrics.baselines import EASE, Baseline, Popularity, history_rows
from kgrec.metrics.metrics import UserMetrics
from kgrec.ranking import top_k

DRAWN_WITH: Final = 2026
LENGTHS: Final = (1, 3, 5, 10)
TARGETS: Final = 20
KS: Final = (10, 20)
METRICS: Final = ("ndcg@10", "recall@20")
PROTOCOL: Final = (
    "user ids sorted as numbers, the first tenth of numpy.random.default_rng(2026).permutation is "
    "left out of training; history is a user's first 1, 3, 5 or 10 events, targets are the next "
    "20, all other items are candidates; kgrec gets the events with their times by update(), "
    "without training or anything else about the users; peers are fitted on train and valid rows "
    "of the others"
)


@dataclass(frozen=True, eq=False)
class ColdUsers:
    """``fit``: the graph without the cold users' events and without test rows; ``events``: all
    events of the cold users ``users`` (int64 rows), by time."""

    fit: GraphSnapshot
    users: Ints
    events: Interactions

    @staticmethod
    def draw(snapshot: GraphSnapshot) -> ColdUsers:
        count = len(snapshot.users)
        users = np.random.default_rng(DRAWN_WITH).permutation(count)[: count // 10]
        cold = np.isin(snapshot.interactions.user, users)
        held = cold | np.asarray(snapshot.interactions.split == "test")
        return ColdUsers(snapshot.without(held), users, snapshot.interactions.select(cold))

    def histories(self, length: int) -> list[Ints]:
        """The item rows of every cold user's first ``length`` events, oldest first."""
        return [self._events_of(user)[:length] for user in self.users]

    def new_user_events(self, length: int) -> pd.DataFrame:
        """The first events of every cold user, who gets a name that nobody had before."""
        row = np.searchsorted(self.events.user, self.users)
        count = np.searchsorted(self.events.user, self.users, side="right") - row
        taken = np.minimum(count, length)
        ends = np.cumsum(taken)
        place = np.repeat(row - ends + taken, taken) + np.arange(ends[-1])
        names = [f"newcomer {user} after {length}" for user in self.users]
        return pd.DataFrame(
            {
                "user_id": np.repeat(np.array(names, dtype=object), taken),
                "item_id": self.fit.items.ids[self.events.item[place]],
                "timestamp": self.events.timestamp[place],
            }
        )

    def measure(self, length: int, lists: Ints) -> UserMetrics:
        """Metrics of ``lists`` int64 ``[users, 20]`` (item rows) for histories of that length, a
        value for each user who has targets."""
        after = [self._events_of(user)[length : length + TARGETS] for user in self.users]
        row = np.repeat(np.arange(len(after)), [len(items) for items in after])
        targets = pairs_to_csr(row, np.concatenate(after), len(after))
        counts = np.diff(targets[0])
        asked = counts > 0
        values = user_metrics(hit_matrix(lists, targets)[asked], counts[asked], KS)
        return {name: values[name] for name in METRICS}

    def _events_of(self, user: int) -> Ints:
        low, high = np.searchsorted(self.events.user, [user, user + 1])
        return self.events.item[low:high]


def measure_model(trial: ColdUsers, model: Recommender) -> dict[int, UserMetrics]:
    """A fitted model that receives new users' first events as they come in, by ``update`` and
    without training, and nothing else of them."""
    found = {}
    for length in LENGTHS:
        events = trial.new_user_events(length)
        model.update(events)
        ranked = model.rank(list(dict.fromkeys(events["user_id"])), k=max(KS))
        lists = trial.fit.items.rows(ranked.ids.ravel()).reshape(ranked.ids.shape)
        found[length] = trial.measure(length, lists)
    return found


def measure_baseline(trial: ColdUsers, baseline: Baseline) -> dict[int, UserMetrics]:
    """A fitted baseline on the same histories."""
    n_items = len(trial.fit.items)
    found = {}
    for length in LENGTHS:
        seen = _csr(trial.histories(length))
        scores = baseline.score(history_rows(seen, n_items))
        lists, _ = top_k(scores, max(KS), seen=seen)
        found[length] = trial.measure(length, lists)
    return found


def fitted_baselines(trial: ColdUsers) -> dict[str, Baseline]:
    """Popularity and EASE on all rows of the known users; EASE's λ is the best of eight on their
    validation rows."""
    events = trial.fit.interactions
    size = (len(trial.fit.users), len(trial.fit.items))
    train = events.select(np.asarray(events.split == "train"))
    valid = events.select(np.asarray(events.split == "valid"))
    tried = {
        value: _ndcg(EASE(value).fit(train, *size), train, valid, size) for value in EASE_TRIES
    }
    best = max(tried, key=lambda value: tried[value])
    return {
        "popularity": Popularity().fit(events, *size),
        f"ease (λ {best:g})": EASE(best).fit(events, *size),
    }


def _ndcg(
    baseline: Baseline, train: Interactions, valid: Interactions, size: tuple[int, int]
) -> float:
    n_users, n_items = size
    seen = pairs_to_csr(train.user, train.item, n_users)
    score: Callable[[Ints], np.ndarray] = lambda rows: baseline.score(  # noqa: E731
        history_rows(take_rows(seen, rows), n_items)
    )
    targets = pairs_to_csr(valid.user, valid.item, n_users)
    return evaluate_ranking(score, n_items=n_items, targets=targets, seen=seen, ks=(10,))["ndcg@10"]


def _csr(rows: list[Ints]) -> Csr:
    row = np.repeat(np.arange(len(rows)), [len(items) for items in rows])
    return pairs_to_csr(row, np.concatenate(rows), len(rows))
