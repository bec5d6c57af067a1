"""Plain events: a small frame of interactions of known users with known items, read directly.

Reading a catalog of one row takes more time than all else that an event needs.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any, Final

import numpy as np
import pandas as pd

from graph_schema.names import ENTITY, ITEM, USER
from kgrec.graph.columns import NO_TIME, codes_and_names, words
from kgrec.graph.growth.events import MOST_EVENTS
from kgrec.graph.snapshot import GraphSnapshot, no_scenarios
from kgrec.graph.tables import Interactions, Ints, NodeTable, Texts

_NEEDED: Final = {"user_id", "item_id"}
_READ: Final = {*_NEEDED, "timestamp", "rating", "event"}
_TIMES: Final = 10**8, 10**11  # unix seconds that can't be days, nor of another unit


def plain_events(graph: GraphSnapshot, news: Any) -> GraphSnapshot | None:
    """The interactions of a DataFrame with the rows of ``graph``, and nothing else.

    Returns
    -------
    GraphSnapshot or None
        None where a catalog must tell what the frame says: with other columns or more rows, with
        users, items or kinds of event that the graph does not have, or with values of other types.
    """
    if not isinstance(news, pd.DataFrame) or not 0 < len(news) <= MOST_EVENTS:
        return None
    columns = {str(name): news[name] for name in news.columns} if news.columns.is_unique else {}
    if not _NEEDED <= columns.keys() <= _READ:
        return None
    user, item = _rows(graph.users, columns["user_id"]), _rows(graph.items, columns["item_id"])
    time = _times(columns.get("timestamp"), len(news))
    rating = _ratings(columns.get("rating"), len(news))
    event = _kinds(graph, columns.get("event"), len(news))
    if user is None or item is None or time is None or rating is None or event is None:
        return None
    if len(news) > 1:
        order = np.argsort(user, kind="stable")
        user, item, time, rating, event = (
            column[order] for column in (user, item, time, rating, event)
        )
    blank = _blank(len(news))
    events = Interactions(user, item, time, rating, event, scenario=blank, split=blank)
    return replace(_nothing(), interactions=events)


@cache
def _nothing() -> GraphSnapshot:
    """A graph without anything."""
    nothing = np.empty(0, dtype=object)
    users, items, entities = (
        NodeTable(label, nothing, pd.DataFrame()) for label in (USER, ITEM, ENTITY)
    )
    rows, ratings = np.empty(0, dtype=np.int64), np.empty(0, dtype=np.float32)
    events = Interactions(rows, rows, rows, ratings, nothing, nothing, nothing)
    texts = Texts(nothing, nothing, rows, rows, rows, ratings)
    return GraphSnapshot(users, items, entities, events, (), texts, texts, no_scenarios())


@cache
def _blank(count: int) -> np.ndarray:
    """So many empty words; there are at most ``MOST_EVENTS``."""
    return words(np.full(count, "", dtype=object))


def _rows(nodes: NodeTable, ids: pd.Series[Any]) -> Ints | None:
    """The rows of ids, texts or whole numbers; None where one is unknown."""
    values = ids.tolist()
    if pd.api.types.is_integer_dtype(ids.dtype):
        values = [str(value) for value in values]
    elif not all(type(value) is str for value in values):
        return None
    rows = np.array([nodes.row(value) for value in values], dtype=np.int64)
    return rows if (rows >= 0).all() else None


def _times(times: pd.Series[Any] | None, count: int) -> Ints | None:
    if times is None:
        return np.full(count, NO_TIME, dtype=np.int64)
    if times.dtype != np.int64:
        return None
    seconds = times.to_numpy()
    return seconds if ((seconds >= _TIMES[0]) & (seconds < _TIMES[1])).all() else None


def _ratings(ratings: pd.Series[Any] | None, count: int) -> np.ndarray | None:
    """float32, NaN where there is no column."""
    if ratings is None:
        return np.full(count, np.nan, dtype=np.float32)
    if ratings.dtype not in (np.int64, np.float64):
        return None
    found = ratings.to_numpy().astype(np.float32)
    return None if np.isinf(found).any() else found


def _kinds(graph: GraphSnapshot, kinds: pd.Series[Any] | None, count: int) -> np.ndarray | None:
    """Kinds that the graph has; "" where the frame has no column."""
    if kinds is None:
        return _blank(count)
    values = kinds.tolist()
    known = {name for name in codes_and_names(graph.interactions.event)[1] if name}
    if not all(type(value) is str and value in known for value in values):
        return None
    return np.array(values, dtype=object)
