"""What the few-shot benchmark asks: a scenario that training never saw, its users and items."""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import pandas as pd
import scipy.sparse as sp

from benchmarks.harness.datasets import data_folder, load_dataset
from benchmarks.scenario_data.ages import AGES
from benchmarks.scenario_data.markets import gain
from graph_schema import Catalog
from kgrec import Recommender
from loaders.xmrec import xmrec

KS: Final = (0, 5, 10, 20, 50)
DRAWN_WITH: Final = 2026
PROTOCOL: Final = (
    "no row of the left-out scenario is in training; of each of its users (and market) the last "
    "row by date is test, the one before valid, ties in file order, users with fewer than three "
    "rows only train; a request is the user's train and valid items as a history, the candidates "
    "are the scenario's items that are not in it; examples are k random train rows, drawn with "
    "numpy.random.default_rng([2026, k, draw]); items that training never saw stay in the ranking "
    "below all others, a test row of one counts as missed; NDCG@10, mean over users, then over "
    "draws with 95% intervals; control: the same model and histories without a scenario; no_head: "
    "a model trained without a head on the same rows; popularity and cosine: from the examples "
    "alone, ties counting as half"
)
Ndcg = np.ndarray  # float64 [users]
_ALIKE = ("train", "valid")


def load_events(data: str) -> tuple[Catalog, pd.DataFrame]:
    """The catalog and its interactions: user_id, item_id, timestamp, scenario, split. Raises
    SourceError."""
    catalog = (
        xmrec(data_folder() / data).catalog if data == "xmrec-markets" else _age_groups()
    )  # fmt: skip
    frame = catalog.interactions.reset_index(drop=True)
    frame = frame.sort_values(["user_id", "timestamp"], kind="stable")
    groups = frame.groupby(["user_id", "scenario"], sort=False)
    from_end, size = groups.cumcount(ascending=False), groups["item_id"].transform("size")
    split = np.select([size < 3, from_end == 0, from_end == 1], ["train", "test", "valid"], "train")
    return catalog, frame.assign(split=split)


def _age_groups() -> Catalog:
    """ml-1m-kg with an age group on every rating."""
    catalog = load_dataset("ml-1m-kg").catalog
    groups = {str(age): name for name, ages in (AGES.groups or {}).items() for age in ages}
    group = catalog.users.set_index("user_id")["age"].map(groups)
    scenario = catalog.interactions["user_id"].map(group)
    events = catalog.interactions.drop(columns="split").assign(scenario=scenario)
    return Catalog.from_frames(**{**catalog.tables, "interactions": events})


@dataclass(frozen=True, eq=False)
class LeftOut:
    """One scenario ``name`` of ``events``: the ``items`` that it has, the ``histories`` of its
    users and what each ``wanted``, as ids."""

    whole: Catalog
    events: pd.DataFrame
    name: str
    items: list[str]
    histories: list[list[str]]
    wanted: np.ndarray

    @staticmethod
    def build(events: tuple[Catalog, pd.DataFrame], name: str) -> LeftOut:
        catalog, frame = events
        own = frame[frame["scenario"] == name]
        test = own[own["split"] == "test"]
        past = own[own["split"].isin(_ALIKE)].groupby("user_id")["item_id"].apply(list)
        return LeftOut(
            catalog,
            frame,
            name,
            sorted(own["item_id"].unique()),
            [past[user] for user in test["user_id"]],
            test["item_id"].to_numpy(dtype=object),
        )

    def catalog(self) -> Catalog:
        """All but what happened in the scenario."""
        kept = self.events[self.events["scenario"] != self.name]
        tables = dict(self.whole.tables)
        scenarios = self.whole.scenarios
        tables["scenarios"] = scenarios[scenarios["scenario_id"] != self.name]
        return Catalog.from_frames(**{**tables, "interactions": kept})

    def known_to(self, model: Recommender) -> LeftOut:
        """With only the items that the model has, as candidates and in histories."""
        known = set(model.snapshot.items.ids)
        histories = [[item for item in past if item in known] for past in self.histories]
        return replace(self, items=[i for i in self.items if i in known], histories=histories)

    def draw(self, k: int, draw: int) -> pd.DataFrame:
        """``k`` random train rows; those of items that nobody knows are among the k, and dropped,
        as nothing is known about them."""
        own = self.events[
            (self.events["scenario"] == self.name) & (self.events["split"] == "train")
        ]
        rng = np.random.default_rng([DRAWN_WITH, k, draw])
        rows = own.iloc[np.sort(rng.choice(len(own), k, replace=False))]
        known = rows["item_id"].isin(set(self.items))
        return rows.loc[known, ["user_id", "item_id", "timestamp"]]

    def copy(self, model: Recommender) -> Recommender:
        """A recommender of its own; what ``adapt`` does to it the model doesn't see."""
        return copy.copy(model)

    def ndcg(self, model: Recommender, scenario: str | None) -> Ndcg:
        ranked = model.rank(
            histories=self.histories, k=10, scenario=scenario, candidates=self.items
        )
        hits = ranked.ids == self.wanted[:, None]
        place = hits.argmax(axis=1)
        return gain(np.where(hits.any(axis=1), place, np.inf))

    def others_stay(self, model: Recommender) -> bool:
        """Whether every other scenario, and none, ranks the same with the same scores after an
        ``adapt`` from 50 examples."""
        fresh = self.copy(model).adapt(self.name, self.draw(50, 0), candidates=self.items)
        for scenario in (None, *model.snapshot.scenarios.ids):
            one, other = (
                m.rank(histories=self.histories[:200], k=50, scenario=scenario)
                for m in (model, fresh)
            )
            same = np.array_equal(one.ids, other.ids)
            if not same or not np.array_equal(one.scores, other.scores):
                return False
        return True

    def popularity(self, examples: pd.DataFrame) -> Ndcg:
        """By how often an item is among the examples."""
        counts = examples["item_id"].value_counts().reindex(self.items, fill_value=0)
        scores = np.tile(counts.to_numpy(dtype=np.float64), (len(self.wanted), 1))
        return self._by_scores(scores)

    def cosine(self, examples: pd.DataFrame) -> Ndcg:
        """Nearest neighbours: cosines between items by the users of the examples."""
        users = pd.factorize(examples["user_id"])[0]
        places = pd.Index(self.items).get_indexer(pd.Index(examples["item_id"]))
        shape = (max(users.max(initial=-1) + 1, 1), len(self.items))
        bought = sp.csr_matrix((np.ones(len(users)), (users, places)), shape=shape)
        length = np.sqrt(np.asarray(bought.power(2).sum(axis=0)).ravel())
        scaled = bought @ sp.diags(1 / np.maximum(length, 1.0))
        alike = (scaled.T @ scaled).tocsr()
        return self._by_scores(np.asarray((self._history_matrix() @ alike).todense()))

    def _history_matrix(self) -> sp.csr_matrix:
        index = pd.Index(self.items)
        rows = np.repeat(np.arange(len(self.histories)), [len(past) for past in self.histories])
        items = index.get_indexer(pd.Index([item for past in self.histories for item in past]))
        shape = (len(self.histories), len(self.items))
        return sp.csr_matrix((np.ones(len(rows)), (rows, items)), shape=shape)

    def _by_scores(self, scores: np.ndarray) -> Ndcg:
        """NDCG@10; items of equal score stand in the middle of their places."""
        scores[self._history_matrix().nonzero()] = -np.inf
        place = pd.Index(self.items).get_indexer(pd.Index(self.wanted))
        own = np.where(place >= 0, scores[np.arange(len(place)), place], -np.inf)[:, None]
        above = (scores > own).sum(axis=1) + ((scores == own).sum(axis=1) - 1) / 2
        return gain(np.where(place >= 0, above, np.inf))
