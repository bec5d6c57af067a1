"""Public data sets as snapshots with splits, each by one rule."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

import numpy as np
import pandas as pd

import loaders
from benchmarks.context_data.frappe import Frappe
from benchmarks.harness.datasets import data_folder, load_dataset
from benchmarks.scenario_data.few_shot import load_events
from benchmarks.texts import review_rows
from graph_schema import Catalog
from kgrec.evaluation import leave_last_out, random_split, user_time_split
from kgrec.graph import GraphSnapshot
from kgrec.graph.snapshot import Interactions
from kgrec.graph.source import read_source

DRAWN_WITH: Final = 2026
_LIKED: Final = 3.0  # a rating from which a coat counts as chosen
_FILMS_USERS: Final = 1_500  # of ml-1m-kg, with pictures' vectors in place of the graph
_MARKETS: Final = {"in": 2, "jp": 4, "mx": 17, "de": 22, "fr": 23, "uk": 45, "ca": 55}

BY_TIME: Final = "each user's latest tenth is test, the tenth before valid, ties at random"
AT_RANDOM: Final = "a random tenth of each user's items is test, another valid"
LAST_TWO: Final = "each user's last row is test, the one before valid, ties at random"
NAMED: Final = "as published"


@dataclass(frozen=True, eq=False)
class Source:
    """A data set: its name, how it is split, and its snapshot with splits.

    ``size`` orders runs: about how many rows it has, in thousands.
    """

    name: str
    split: str
    size: int
    load: Callable[[], GraphSnapshot]


def split_by(snapshot: GraphSnapshot, rule: str) -> GraphSnapshot:
    """The snapshot with splits by BY_TIME, AT_RANDOM or LAST_TWO."""
    rules: dict[str, Callable[[Interactions], np.ndarray]] = {
        BY_TIME: user_time_split,
        AT_RANDOM: partial(random_split, seed=DRAWN_WITH),
        LAST_TWO: leave_last_out,
    }
    events = snapshot.interactions
    return replace(snapshot, interactions=replace(events, split=rules[rule](events)))


def public_sources() -> list[Source]:
    """All public data sets, without reading them."""
    reviews = {name: partial(_reviews, name) for name in review_rows.NAMES}
    markets = [
        Source(f"market-{name}", LAST_TWO, size, partial(_market, name))
        for name, size in _MARKETS.items()
    ]
    return [
        Source("ml-100k-split", NAMED, 55, partial(_named, "ml-100k-split")),
        Source("ml-100k-time", BY_TIME, 100, _ml_100k),
        Source("ml-1m-kg", NAMED, 932, partial(_named, "ml-1m-kg")),
        Source("ml-1m-kg-random", AT_RANDOM, 932, partial(_ml_1m, AT_RANDOM)),
        Source("ml-1m-kg-last", LAST_TWO, 932, partial(_ml_1m, LAST_TWO)),
        Source("amazon-beauty-kg", NAMED, 198, partial(_named, "amazon-beauty-kg")),
        Source("alibaba-ifashion", NAMED, 1_781, partial(_named, "alibaba-ifashion")),
        *(Source(name, LAST_TWO, 10, load) for name, load in reviews.items()),
        *markets,
        Source("frappe", AT_RANDOM, 19, _frappe),
        Source(
            "coat", "a random fifth of the chosen coats is valid, drawn coats are test", 7, _coat
        ),
        Source("visual-movielens", BY_TIME, 100, _films_with_pictures),
    ]


def _named(name: str) -> GraphSnapshot:
    return read_source(load_dataset(name).catalog)


def _ml_100k() -> GraphSnapshot:
    """All ratings, each a positive, with the named graph."""
    return split_by(read_source(loaders.load(loaders.fetch()).catalog), BY_TIME)


def _ml_1m(rule: str) -> GraphSnapshot:
    return split_by(_named("ml-1m-kg"), rule)


def _reviews(name: str) -> GraphSnapshot:
    """Without the split of the benchmarks of texts, whose ties are in file order."""
    return split_by(read_source(review_rows.review_catalog(name)), LAST_TWO)


def _market(name: str) -> GraphSnapshot:
    """One market alone: its users, and the items that it has."""
    catalog, events = load_events("xmrec-markets")
    own = events[events["scenario"] == name].drop(columns=["scenario", "split"])
    users = pd.DataFrame({"user_id": own["user_id"].unique()})
    items = catalog.items[catalog.items["item_id"].isin(set(own["item_id"]))]
    return split_by(
        read_source(Catalog.from_frames(users=users, items=items, interactions=own)), LAST_TWO
    )


def _frappe() -> GraphSnapshot:
    """Pairs of user and app, each once."""
    rows = Frappe.read().rows[["user_id", "item_id"]].drop_duplicates()
    users = pd.DataFrame({"user_id": rows["user_id"].unique()})
    return split_by(read_source(Catalog.from_frames(users=users, interactions=rows)), AT_RANDOM)


def _coat() -> GraphSnapshot:
    """Coats with a rating of 3 or more: chosen ones to fit and choose on, drawn ones to test."""
    folder = data_folder() / "coat"
    read = {
        name: pd.read_csv(folder / f"{name}.csv.xz", dtype={"user_id": str, "item_id": str})
        for name in ("users", "items", "train", "test")
    }
    chosen, drawn = (
        part.loc[part["rating"] >= _LIKED, ["user_id", "item_id"]].assign(split=name)
        for name, part in ((name, read[name]) for name in ("train", "test"))
    )
    chosen["split"] = np.where(
        np.random.default_rng(DRAWN_WITH).random(len(chosen)) < 0.2, "valid", "train"
    )
    drawn = drawn.merge(chosen[["user_id", "item_id"]], how="left", indicator=True)
    drawn = drawn[drawn["_merge"] == "left_only"].drop(columns="_merge")
    rows = pd.concat([chosen, drawn], ignore_index=True)
    return read_source(
        Catalog.from_frames(users=read["users"], items=read["items"], interactions=rows)
    )


def _films_with_pictures() -> GraphSnapshot:
    """ml-1m-kg's films that have vectors of their pictures, for some users and without a graph."""
    catalog = load_dataset("ml-1m-kg").catalog
    table = pd.read_csv(
        data_folder() / "visual-movielens" / "features.csv.xz", dtype={"movielens_id": str}
    ).set_index("movielens_id")
    items = catalog.items[catalog.items["item_id"].isin(set(table.index))]
    users = catalog.users.sort_values("user_id").sample(_FILMS_USERS, random_state=DRAWN_WITH)
    events = catalog.interactions.drop(columns="split")
    events = events[
        events["user_id"].isin(set(users["user_id"]))
        & events["item_id"].isin(set(items["item_id"]))
    ]
    ids = items["item_id"].to_numpy(dtype=object)
    vectors = {"pictures": (ids, table.loc[ids].to_numpy(dtype=np.float32))}
    kept = items[["item_id", "title"]]
    made = Catalog.from_frames(users=users, items=kept, interactions=events, vectors=vectors)
    return split_by(read_source(made), BY_TIME)
