"""XMRec's markets: what is asked of every model, and where its answers put what was wanted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, Final, NamedTuple, Self

import numpy as np
import pandas as pd

from benchmarks.peers.als import AlsPeer
from benchmarks.peers.base import Fitting, PeerData
from benchmarks.peers.linear import EASE_TRIES
from graph_schema import Catalog
from kgrec import Recommender
from kgrec.graph import GraphSnapshot
from kgrec.graph.snapshot import Interactions, Ints
from kgrec.graph.source import read_source
from kgrec.metrics.baselines import EASE, Baseline, History, Popularity, binary_history
from kgrec.metrics.groups import popularity_groups

DRAWN_WITH: Final = 2026
N_NEGATIVES: Final = 99
PROTOCOL: Final = (
    "per user and market the last row by date is test, the one before valid, ties in file order, "
    "users with fewer than three rows only train; fit on train, chosen on valid, histories at test "
    "are train and valid; candidates are the market's items outside the history, so that a test "
    "item bought before counts as missed; NDCG@10, mean over the market's users; sampled: the test "
    "item among 99 items that the user never bought, drawn with numpy.random.default_rng([2026, "
    "place of the market])"
)


class Measured(NamedTuple):
    """NDCG@10 of B users, float64: among all candidates, and among the sampled; and whether what
    each wanted is popular, object ``[B]`` (``popularity_groups`` of the market's train rows)."""

    full: np.ndarray
    sampled: np.ndarray
    popularity: np.ndarray


Positions = np.ndarray  # int64 [B, n]: from 0, where each item stands in each user's list


@dataclass(frozen=True, eq=False)
class Market:
    """One market: its ``items`` (n), and for each of B users with a test row the id, the item
    ``wanted`` (int64 ``[B]``, a place in ``items``), the negatives (int64 ``[B, 99]``) and the
    history of train and valid rows; and how popular each item is there (object ``[n]``)."""

    name: str
    catalog: Catalog
    items: np.ndarray
    users: list[str]
    wanted: Ints
    negatives: Ints
    histories: list[list[str]]
    popularity: np.ndarray

    @staticmethod
    def build(catalog: Catalog, events: pd.DataFrame, name: str, place: int) -> Market:
        own = events[events["scenario"] == name]
        items = np.sort(own["item_id"].unique()).astype(object)
        test = own[own["split"] == "test"].sort_values("user_id", kind="stable")
        users = test["user_id"].tolist()
        wanted = _places(items, test["item_id"])
        bought = own[own["user_id"].isin(set(users))]
        known = np.zeros((len(users), len(items)), dtype=bool)
        known[_places(np.array(users, dtype=object), bought["user_id"]),
              _places(items, bought["item_id"])] = True  # fmt: skip
        past = own[own["split"] != "test"].groupby("user_id")["item_id"].apply(list)
        trained = own[own["split"] == "train"]["item_id"]
        counts = np.bincount(_places(items, trained), minlength=len(items))
        return Market(
            name,
            catalog,
            items,
            users,
            wanted,
            _drawn(known, place),
            [past[user] for user in users],
            popularity_groups(counts),
        )

    def positions(self, model: Recommender, scenario: str | None) -> Positions:
        """By a fitted recommender; items of the history stand behind all others."""
        parts = []
        for start in range(0, len(self.users), 500):
            ranked = model.rank(
                self.users[start : start + 500],
                k=len(self.items),
                scenario=scenario,
                candidates=self.items.tolist(),
            )
            parts.append(self._of_ids(ranked.ids))
        return np.concatenate(parts)

    def positions_of_stranger(self, model: Recommender) -> Positions:
        """By a model that was fitted without this market: the same users are described by their
        histories; items that the model doesn't know stand behind all others."""
        known = set(model.snapshot.items.ids)
        histories = [[item for item in past if item in known] for past in self.histories]
        candidates = [item for item in self.items.tolist() if item in known]
        if not candidates:
            return np.full((len(self.users), len(self.items)), len(self.items), dtype=np.int64)
        ranked = model.rank(histories=histories, k=len(candidates), candidates=candidates)
        return self._of_ids(ranked.ids)

    def _of_ids(self, ids: np.ndarray) -> Positions:
        row, column = np.nonzero(ids != None)  # noqa: E711 (element by element)
        found = np.full((len(ids), len(self.items)), len(self.items), dtype=np.int64)
        found[row, _places(self.items, ids[row, column])] = column
        return found

    def baselines(self) -> dict[str, Positions]:
        """Popularity, EASE and matrix factorisation (implicit's ALS) of this market alone; their
        settings are chosen on valid."""
        return {
            "popularity": self._scored(Popularity(), "test")[0],
            "ease": self._best([partial(EASE, value) for value in EASE_TRIES]),
            "als": self._best([partial(_Factorised, **each) for each in AlsPeer.tries]),
        }

    def _best(self, makes: Sequence[Callable[[], Baseline]]) -> Positions:
        valid = [self._ndcg_of(make(), "valid") for make in makes]
        return self._scored(makes[int(np.argmax(valid))](), "test")[0]

    @cached_property
    def _snapshot(self) -> GraphSnapshot:
        return read_source(self.catalog, None)

    def _ndcg_of(self, baseline: Baseline, split: str) -> float:
        positions, wanted = self._scored(baseline, split)
        return float(ndcg(positions, wanted).mean())

    def _scored(self, baseline: Baseline, split: str) -> tuple[Positions, Ints]:
        """Positions, and what was wanted, of the users with a row of ``split``."""
        snapshot = self._snapshot
        rows = snapshot.interactions
        n_users, n_items = len(snapshot.users), len(snapshot.items)
        baseline.fit(rows.select(rows.split == "train"), n_users, n_items)
        past = ("train", "valid") if split == "test" else ("train",)
        history = binary_history(rows.select(np.isin(rows.split, past)), n_users, n_items)
        asked = rows.select(rows.split == split)
        scores = np.array(baseline.score(history[asked.user]), dtype=np.float64)
        scores[history[asked.user].nonzero()] = -np.inf
        order = np.argsort(-scores, axis=1, kind="stable")
        positions = np.empty_like(order)
        np.put_along_axis(positions, order, np.arange(n_items)[None], axis=1)
        positions[history[asked.user].nonzero()] = n_items
        place = _places(self.items, snapshot.items.ids)
        ours = np.full((len(positions), len(self.items)), n_items, dtype=np.int64)
        ours[:, place] = positions
        turn = np.argsort(_places(np.array(self.users, dtype=object),
                                  snapshot.users.ids[asked.user]))  # fmt: skip
        return ours[turn], place[asked.item][turn]

    def measured(self, positions: Positions) -> Measured:
        """How good lists are that put the market's items at ``positions``."""
        own = np.take_along_axis(positions, self.wanted[:, None], axis=1)
        above = (np.take_along_axis(positions, self.negatives, axis=1) < own).sum(axis=1)
        missed = own[:, 0] >= len(self.items)
        sampled = gain(np.where(missed, len(self.items), above))
        return Measured(ndcg(positions, self.wanted), sampled, self.popularity[self.wanted])


class _Factorised:
    """implicit's ALS, asked like a baseline."""

    name = "als"

    def __init__(self, **settings: Any) -> None:
        self._peer = AlsPeer(**settings)

    def fit(self, interactions: Interactions, n_users: int, n_items: int) -> Self:
        self._peer.fit(PeerData(n_users, n_items, 0, interactions, ()), Fitting())
        return self

    def score(self, history: History) -> np.ndarray:
        return np.asarray(self._peer.score_rows(history))


def ndcg(positions: Positions, wanted: Ints) -> np.ndarray:
    """NDCG@10 of every user with one item wanted, float64 ``[B]``."""
    return gain(np.take_along_axis(positions, wanted[:, None], axis=1)[:, 0])


def gain(place: np.ndarray) -> np.ndarray:
    """1 / log2(place + 2) within the first ten places (from 0), else 0."""
    return np.where(place < 10, 1 / np.log2(place + 2.0), 0.0)


def _places(ids: np.ndarray, wanted: np.ndarray | pd.Series[str]) -> Ints:
    found: Ints = pd.Index(ids).get_indexer(pd.Index(np.asarray(wanted, dtype=object)))
    return found.astype(np.int64)


def _drawn(known: np.ndarray, place: int) -> Ints:
    """int64 ``[B, 99]``: for each user items that are not known, drawn without replacement."""
    rng = np.random.default_rng([DRAWN_WITH, place])
    keys = np.where(known, np.inf, rng.random(known.shape))
    drawn: Ints = np.argpartition(keys, N_NEGATIVES - 1, axis=1)[:, :N_NEGATIVES]
    return drawn
