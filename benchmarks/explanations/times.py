"""How long explanations take: one pair, ten items of a user, and the worst hub there can be."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any, Final

import numpy as np
import pandas as pd

from graph_schema.names import ENTITY, ITEM, USER
from kgrec import Recommender
from kgrec.explain import Constraints, Explainer, NodeMatches, ScoreBreakdown
from kgrec.graph.snapshot import Facts, GraphSnapshot, Interactions, NodeTable, Texts

HUB: Final = 100_000  # edges of each hub
ROUNDS: Final = 5


def times(model: Recommender, lists: list[tuple[str, list[str]]]) -> dict[str, float]:
    """Milliseconds after warm-up: medians and 95th percentiles over users and their lists."""
    model.explain_all(*lists[0])
    pairs = [_milliseconds(partial(model.explain, user, items[0])) for user, items in lists]
    tens = [_milliseconds(partial(model.explain_all, user, items)) for user, items in lists]
    last = [(user, items[-1]) for user, items in lists]
    changes = [_milliseconds(partial(model.counterfactual, *pair)) for pair in last]
    return {
        **_spread("ms_pair", pairs),
        **_spread("ms_ten", tens),
        **_spread("ms_counterfactual", changes),
    }


def _spread(name: str, values: list[float]) -> dict[str, float]:
    return {
        name: round(float(np.median(values)), 2),
        f"{name}_p95": round(float(np.quantile(values, 0.95)), 2),
    }


def _milliseconds(call: Callable[[], Any]) -> float:
    started = time.perf_counter()
    call()
    return 1e3 * (time.perf_counter() - started)


def hub_times(edges: int = HUB) -> dict[str, float]:
    """Milliseconds, the median of some rounds, in a graph where every edge meets a hub: two items
    that all users chose and one genre that all items have. Once for an explanation, once for all
    paths of up to four hops between a user and an item."""
    graph = hub_graph(edges)
    explainer = Explainer(graph)
    explainer.warm_up()
    _ = explainer.index.whole
    history = np.array([0, 5])
    scores = ScoreBreakdown(
        score=4.0,
        baseline=0.0,
        history=history,
        timestamps=np.array([1, 2]),
        parts={"id": np.array([1.0, 0.5]), "knowledge": np.array([1.5, 1.0])},
        matches=NodeMatches.none(),
    )
    limits = explainer.index.limits(Constraints())
    user, item = explainer.index.space.node(USER, 7), explainer.index.space.node(ITEM, 3)
    explain = [_milliseconds(lambda: explainer.explain(scores, 1, user=7)) for _ in range(ROUNDS)]
    search = [
        _milliseconds(lambda: explainer.index.between(user, item, limits, limit=10))
        for _ in range(ROUNDS)
    ]
    return {
        "ms_hub": round(float(np.median(explain)), 2),
        "ms_hub_paths": round(float(np.median(search)), 2),
    }


def hub_graph(edges: int) -> GraphSnapshot:
    """``edges`` users, items and interactions with each of two items; facts of every item with one
    genre, and of one item with all others."""
    rows = np.arange(edges)
    users, items = (_nodes(label, edges) for label in (USER, ITEM))
    both = np.repeat(rows, 2)
    blank = np.full(2 * edges, "", dtype=object)
    events = Interactions(
        user=both,
        item=np.tile(np.array([0, 1]), edges),
        timestamp=np.tile(np.array([1, 2]), edges),
        rating=np.full(2 * edges, np.nan, dtype=np.float32),
        event=blank,
        scenario=blank,
        split=blank,
    )
    genre = Facts(ITEM, "HAS_GENRE", ENTITY, rows, np.zeros(edges, dtype=np.int64))
    bought = Facts(ITEM, "ALSO_BOUGHT", ITEM, np.zeros(edges - 2, dtype=np.int64), rows[2:])
    none, words = np.empty(0, dtype=np.int64), np.empty(0, dtype=object)
    texts = Texts(words, words, none, none, none, none.astype(np.float32))
    return GraphSnapshot(users, items, _nodes(ENTITY, 1), events, (bought, genre), texts, texts)


def _nodes(label: str, count: int) -> NodeTable:
    ids = np.array([str(row) for row in range(count)], dtype=object)
    return NodeTable(label, ids, pd.DataFrame(index=range(count)))
