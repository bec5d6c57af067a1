"""``python -m benchmarks.additive``: what adding rows to the item–item weights costs.

Beside computing them anew with the same settings, in processor seconds (medians of three, in turn),
and the largest difference between the two. ml-100k-split and ml-1m-kg with graph, words and the
limit of 500 items a user, as a quick fit chooses them; "made-up" is a catalog of 50,000 items and
1,000,000 events. New events are drawn as the others. With many items all weights are computed anew
once, before the new events, and compared for 1,000 items, with the ridge of before.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pandas as pd
import torch

from benchmarks.harness import report
from benchmarks.harness.datasets import load_dataset
from graph_schema import Catalog
from kgrec.graph import GraphSnapshot
from kgrec.graph.news import updated
from kgrec.graph.source import read_source
from kgrec.training.data.item_words import named_item_words
from kgrec.training.item_weights import NamedRows, local_weights, regression_rows
from kgrec.training.weight_sums import CountedRows, added_weights

DATA: Final = ("ml-100k-split", "ml-1m-kg", "made-up")
_RIDGE, _TURNS, _SOME = 3.0, 3, 1_000
_ITEMS, _USERS, _EVENTS = 50_000, 60_000, 1_000_000
_CPU = torch.device("cpu")


def main(arguments: Sequence[str] | None = None) -> None:
    asked = _parser().parse_args(arguments)
    rows = [row for name in asked.data for row in measured(name, asked.events, asked.turns)]
    result = {"benchmark": "additive", "rows": rows}
    report.finish("additive", result, rows, asked.save)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.additive",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--data", nargs="+", choices=DATA, default=list(DATA))
    parser.add_argument("--events", nargs="+", type=int, default=[10, 100, 1_000])
    parser.add_argument("--turns", type=int, default=_TURNS)
    parser.add_argument("--save", action="store_true", help="keep the result")
    return parser


def measured(name: str, sizes: Sequence[int], turns: int) -> list[dict[str, Any]]:
    """A row per number of new events."""
    graph, words = data(name)
    started = time.process_time()
    before = counted(graph, words)
    weights, sums = added_weights(None, before, _RIDGE, 1.0, _CPU)
    whole = time.process_time() - started
    many, rows = not sums.products, []
    for size in sizes:
        news = events_like(graph, size)
        now_graph = updated(graph, Catalog.from_frames(interactions=news))
        seconds: dict[str, list[float]] = {"anew": [whole] if many else [], "added": []}
        for _ in range(1 if many else turns):
            for way in ("added",) if many else ("anew", "added"):
                started = time.process_time()
                now = counted(now_graph, words)
                known = None if way == "anew" else (counted(graph, words), sums, weights)
                made, _ = added_weights(known, now, _RIDGE, 1.0, _CPU)
                seconds[way].append(time.process_time() - started)
                if way == "anew":
                    anew = made
                else:
                    found = made
        if many:
            some = np.sort(np.random.default_rng(2).choice(len(now.items), _SOME, replace=False))
            anew = local_weights(now.rows, sums.penalty, some)[:, some]
            found = found[:, some]
        difference = abs(found - anew)
        medians = {way: float(np.median(times)) for way, times in seconds.items()}
        rows.append(
            {
                "data": name,
                "items": len(before.items),
                "events": len(graph.interactions),
                "new_events": size,
                **{f"{way}_seconds": round(value, 3) for way, value in medians.items()},
                "share": round(medians["added"] / medians["anew"], 3),
                "difference": float(difference.max()),
                "other_weights": int((difference > 1e-6).sum()),
            }
        )
        print(report.table(rows[-1:]), flush=True)
    return rows


def data(name: str) -> tuple[GraphSnapshot, NamedRows | None]:
    """A graph and the words of its items; they stay, as no text changes."""
    catalog = made_up() if name == "made-up" else load_dataset(name).catalog
    graph = read_source(catalog, None)
    return graph, None if name == "made-up" else NamedRows(*named_item_words(graph))


def made_up() -> Catalog:
    """Items with a popularity that falls with their rank, and users of 200 tastes."""
    rng = np.random.default_rng(0)
    odds = 1 / (np.arange(_ITEMS) + 20.0) ** 0.7
    item = rng.choice(_ITEMS, _EVENTS, p=odds / odds.sum())
    user, taste = rng.integers(0, _USERS, _EVENTS), rng.integers(0, 200, _USERS)
    own = rng.random(_EVENTS) < 0.6
    item[own] = item[own] // 200 * 200 + taste[user[own]]
    events = pd.DataFrame({"user_id": user.astype(str), "item_id": item.astype(str)})
    return Catalog.from_frames(interactions=events.drop_duplicates())


def events_like(graph: GraphSnapshot, size: int) -> pd.DataFrame:
    """New events whose users and items are as frequent as in the graph."""
    rng, old = np.random.default_rng(1), graph.interactions
    user = graph.users.ids[rng.choice(np.asarray(old.user), size)]
    item = graph.items.ids[rng.choice(np.asarray(old.item), size)]
    return pd.DataFrame({"user_id": user, "item_id": item}).drop_duplicates()


def counted(graph: GraphSnapshot, words: NamedRows | None) -> CountedRows:
    """The rows of the regression."""
    rows = regression_rows(graph, graph=1.0, words=words, feedback=None, user_cap=500.0)
    return CountedRows(rows, graph.users.ids, graph.items.ids[rows.items])


if __name__ == "__main__":
    report.run(main)
