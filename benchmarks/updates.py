"""What an update of a model costs: an event, a new item, a new title, an item that leaves.

``python -m benchmarks.updates ml-1m-kg`` fits with effort quick, changes the model step by step,
and prints one line of JSON: medians of the processor's milliseconds, beside making everything anew,
and how far scores are from those of a model that was made anew.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.harness.datasets import load_dataset
from benchmarks.harness.report import finish, run
from graph_schema import Catalog
from kgrec import ModelConfig, Recommender, RecommenderConfig
from kgrec.explore.graph_indexes import GraphIndexes
from kgrec.scoring.bound_model import read_inputs

_FACTS = 3  # of a new item
_STREAM = "an event after another"  # with lists in between, and no index
_MORE = 10  # times as many of them
_USERS = 50  # whose scores are compared


def main(arguments: Sequence[str] | None = None) -> None:
    options = _parser().parse_args(arguments)
    model = _model(options)
    state = model.state.warm_up()
    learned = _milliseconds(state.engine.cache.learn_cold)
    rows = [{"step": "learn what new items are like, once", "update": round(learned, 1)}]
    for step, change in _steps(model).items():
        change(0)  # the first one makes what later ones add to
        model.state.warm_up()
        indexed = step != _STREAM
        first = 1 + 1000 * (step == _STREAM)
        numbers = range(first, first + options.runs * (_MORE if step == _STREAM else 1))
        took = [_timed(model, change, number, indexed=indexed) for number in numbers]
        update, answer, ready = (round(median(one), 2) for one in zip(*took, strict=True))
        rows.append({"step": step, "update": update, "answer": answer, "indexes": ready})
    anew = _anew(model)
    rows.append({"step": "all made anew", "update": round(_milliseconds(anew.state.warm_up), 1)})
    name = f"updates-{options.dataset}" + ("-text" if options.text else "")
    result = {"dataset": options.dataset, "rows": rows, "difference": _difference(model, anew)}
    finish(name, result, rows, options.save)


def _model(options: argparse.Namespace) -> Recommender:
    if options.model is not None:
        return Recommender.load(options.model)
    config = RecommenderConfig(model=ModelConfig(use_text=options.text))
    return Recommender(config).fit(load_dataset(options.dataset).catalog, effort="quick")


def _steps(model: Recommender) -> dict[str, Callable[[int], object]]:
    """By name: how to change the model for the n-th time."""
    graph = model.snapshot
    user, item = graph.users.ids[3], graph.items.ids[10]
    attributes = graph.items.attributes.iloc[[10]].reset_index(drop=True)
    facts = graph.facts[0] if graph.facts else None
    ends = [] if facts is None else graph.entities.ids[facts.tail[:_FACTS]].tolist()

    def event(number: int) -> object:
        timestamp = 2_000_000_000 + number
        row = {"user_id": [user], "item_id": [item], "timestamp": [timestamp]}
        return model.update(pd.DataFrame(row))

    def new(number: int) -> object:
        name = f"new{number}"
        rows = [
            {"head": name, "head_type": "item", "relation": facts.relation, "tail": end}
            | {"tail_type": "entity"}
            for end in ends
            if facts is not None
        ]
        items = attributes.assign(item_id=name)
        if "title" in items:
            items["title"] = f"A title of its own, number {number}"
        return model.update(
            Catalog.from_frames(items=items, facts=pd.DataFrame(rows) if rows else None)
        )

    def renamed(number: int) -> object:
        row = {"item_id": [f"new{number}"], "title": [f"Another title {number}"]}
        return model.update(Catalog.from_frames(items=pd.DataFrame(row)))

    def gone(number: int) -> object:
        return model.remove(items=[f"new{number}"])

    return {
        "an event": event,
        _STREAM: event,
        "a new item": new,
        "another title": renamed,
        "an item leaves": gone,
    }


def _timed(
    model: Recommender, change: Callable[[int], object], number: int, *, indexed: bool
) -> tuple[float, float, float]:
    """Milliseconds of the change, of a user's next list, and of the indexes, if they are asked."""
    user = model.snapshot.users.ids[3]
    return (
        _milliseconds(lambda: change(number)),
        _milliseconds(lambda: model.recommend(user)),
        _milliseconds(lambda: model.state.warm_up()) if indexed else 0.0,
    )


def _milliseconds(work: Callable[[], Any]) -> float:
    started = time.process_time()
    work()
    return 1000 * (time.process_time() - started)


def _anew(model: Recommender) -> Recommender:
    """The same model and graph, with everything but the regression of new items made anew."""
    state, bound = model.state, model.state.engine.bound
    inputs = read_inputs(bound.model, bound.vocabulary, bound.snapshot, bound.texts, bound.device)
    cache = replace(state.engine.cache, bound=replace(bound, given_inputs=inputs))
    engine = replace(state.engine, cache=cache)
    indexes = GraphIndexes.of(engine, state.indexes.mapping)
    return Recommender.of(replace(state, engine=engine, indexes=indexes))


def _difference(model: Recommender, anew: Recommender) -> float:
    """The greatest difference of two models' scores."""
    users = model.snapshot.users.ids[:_USERS].tolist()
    one, other = (each.rank(users, k=100).scores for each in (model, anew))
    return float(np.abs(one - other).max())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.updates", description="What an update of a model costs."
    )
    parser.add_argument("dataset", nargs="?", default="ml-1m-kg", help="ml-1m-kg, ml-100k-split")
    parser.add_argument("--runs", type=int, default=7, help="of each step, whose median counts")
    parser.add_argument("--text", action="store_true", help="the model reads titles")
    parser.add_argument("--model", type=Path, help="a folder in place of the quick fit")
    parser.add_argument("--save", action="store_true", help="keep the result")
    return parser


if __name__ == "__main__":
    run(main)
