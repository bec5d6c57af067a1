"""Frappe: which app a user opens now, and which new one; protocols of the data's README.

*now*: rows are drawn by ``default_rng(2026).random``: < .8 train, ≥ .9 test, of which 3,000 are
asked about; the rows between choose. *new*: a fifth of the user–app pairs, drawn by
``default_rng(2026).permutation`` of the sorted pairs, is held out whole; each is one question, in
the circumstances of its first row, about apps with training rows; training rows choose. A training
pair is one event there, in the circumstances that it was used in most.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd

from benchmarks.harness.datasets import data_folder
from graph_schema import Catalog
from kgrec import ContextConfig, Query, Recommender, RecommenderConfig
from kgrec.config import Effort
from kgrec.evaluation import paired_bootstrap

COLUMNS: Final = ("daytime", "weekday", "isweekend", "homework", "weather", "country", "city")
COUNT: Final = "cnt"
_ASKED: Final = 3_000
_K: Final = 10
_SHUFFLED: Final = ("daytime", "city", "weather", "weekday")  # in this order


@dataclass(frozen=True, eq=False)
class Frappe:
    """The rows: user_id, item_id, cnt and the circumstances, in the order of the file."""

    rows: pd.DataFrame

    @staticmethod
    def read() -> Frappe:
        """From the benchmark data, without ``cost``. Raises SourceError where it isn't there."""
        rows = pd.read_csv(data_folder() / "frappe" / "usage.csv.xz")
        rows = rows.rename(columns={"user": "user_id", "item": "item_id"}).drop(columns="cost")
        return Frappe(rows.astype({"user_id": str, "item_id": str, "city": str}))

    def with_shuffled(self, count: int, seed: int) -> tuple[Frappe, tuple[str, ...]]:
        """The rows with columns of shuffled values, and the names of these."""
        rng, added = np.random.default_rng([seed, 5]), {}
        for name in _SHUFFLED[:count]:
            added[f"shuffled_{name}"] = rng.permutation(self.rows[name])
        return Frappe(self.rows.assign(**added)), tuple(added)

    def catalog(self, rows: pd.DataFrame) -> Catalog:
        """A catalog of some rows, with all users."""
        users = pd.DataFrame({"user_id": pd.unique(self.rows["user_id"])})
        return Catalog.from_frames(users=users, interactions=rows)


def measure_now(data: Frappe, effort: Effort, seed: int, shuffled: int) -> Iterator[dict[str, Any]]:
    """Rows of the table for "which app now"."""
    drawn = np.random.default_rng(2026).random(len(data.rows))
    test = data.rows[drawn >= 0.9].sample(_ASKED, random_state=0)

    def fit(source: Frappe, columns: tuple[str, ...]) -> Recommender:
        split = np.where(drawn < 0.8, "train", "valid")
        rows = source.rows.assign(split=split)[drawn < 0.9]
        model = _fit(source, rows, columns, effort, seed, COUNT)
        # Rows that chose are no history: the protocol trains on the others alone.
        full = model.state.full_snapshot.without_splits(("valid",))
        return Recommender.of(model.state.without(full))

    yield from _rows("now", data, test, fit, seed, shuffled, exclude_seen=False)


def measure_new(data: Frappe, effort: Effort, seed: int, shuffled: int) -> Iterator[dict[str, Any]]:
    """Rows of the table for "a new app"."""
    pair = data.rows.groupby(["user_id", "item_id"], sort=False).ngroup().to_numpy()
    ids = data.rows[["user_id", "item_id"]].astype("int64")
    order = np.lexsort((ids["item_id"], ids["user_id"]))
    rank = pd.factorize(pair[order])[0]
    place = np.empty(len(pair), dtype=np.int64)
    place[order] = rank
    n_pairs = int(rank.max()) + 1
    held = np.zeros(n_pairs, dtype=bool)
    held[np.random.default_rng(2026).permutation(n_pairs)[: n_pairs // 5]] = True
    train, test = ~held[place], data.rows[held[place]]
    known = set(data.rows["item_id"][train])
    test = test.drop_duplicates(["user_id", "item_id"])
    test = test[test["item_id"].isin(known)]

    def fit(source: Frappe, columns: tuple[str, ...]) -> Recommender:
        rows = source.rows[train].sort_values(COUNT, ascending=False, kind="stable")
        rows = rows.drop_duplicates(["user_id", "item_id"]).sort_index()
        return _fit(source, rows, columns, effort, seed, None)

    yield from _rows("new", data, test, fit, seed, shuffled, exclude_seen=True)


def _rows(
    task: str,
    data: Frappe,
    test: pd.DataFrame,
    fit: Any,
    seed: int,
    shuffled: int,
    *,
    exclude_seen: bool,
) -> Iterator[dict[str, Any]]:
    """With the circumstances, without them in the request, and with shuffled columns beside."""
    model = fit(data, COLUMNS)
    whole = _ndcg(model, test, COLUMNS, exclude_seen)
    yield _row(task, "context", whole)
    plain = _ndcg(model, test, (), exclude_seen)
    gain = paired_bootstrap(plain, whole)
    yield _row(task, "no context in the request", plain) | {
        "context_adds": [round(one, 5) for one in (gain.mean, gain.low, gain.high)]
    }
    if shuffled:
        other, names = data.with_shuffled(shuffled, seed)
        columns = (*COLUMNS, *names)
        asked = other.rows.loc[test.index]
        found = _ndcg(fit(other, columns), asked, columns, exclude_seen)
        changed = float(found.mean() - whole.mean())
        yield _row(task, f"{shuffled} shuffled columns", found) | {"changed": round(changed, 5)}


def _row(task: str, model: str, values: np.ndarray) -> dict[str, Any]:
    mean = round(float(values.mean()), 5)
    return {"task": task, "model": model, "ndcg@10": mean, "asked": len(values)}


def _fit(
    data: Frappe,
    rows: pd.DataFrame,
    columns: tuple[str, ...],
    effort: Effort,
    seed: int,
    count: str | None,
) -> Recommender:
    context = ContextConfig(columns=columns, count=count)
    config = RecommenderConfig(context=context)
    return Recommender(config).fit(data.catalog(rows), effort=effort, seed=seed)


def _ndcg(
    model: Recommender, test: pd.DataFrame, columns: Sequence[str], exclude_seen: bool
) -> np.ndarray:
    """float64 ``[n]``: NDCG@10 of each row's app in the list of its user, in its circumstances."""
    found = np.zeros(len(test))
    for place, row in enumerate(test.to_dict("records")):
        context = {name: row[name] for name in columns} or None
        query = Query([row["user_id"]], context=context)
        ids = model.rank(query, k=_K, exclude_seen=exclude_seen).ids[0].tolist()
        if row["item_id"] in ids:
            found[place] = 1 / np.log2(ids.index(row["item_id"]) + 2)
    return found
