"""Histories that come with a request: read from whatever form the caller has."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, compress
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from graph_schema.conversion.columns import unix_seconds_of
from kgrec.arguments import all_integers, as_id, id_list
from kgrec.errors import RequestError
from kgrec.graph.snapshot import Ints
from kgrec.scoring.request import GivenEvents

_LIST, _TEXT = frozenset({list}), frozenset({str})
GivenHistories: TypeAlias = "Mapping[Any, Sequence[Any]] | Sequence[Sequence[Any]] | pd.DataFrame"


@dataclass(frozen=True)
class HistoryLists:
    """Histories as lists.

    Attributes
    ----------
    names : list of str or None
        Ids of the users; None without.
    integers : bool or None
        Whether the ids of the users were given as integers; None without ids.
    items : list of list of str
        Ids of the items, oldest first where there are no times.
    times : int64 ``[n]`` or None
        Unix seconds of all events, history by history, in any order; None without.
    events : GivenEvents or None
        Kinds and ratings of all events, in the same order; None without.
    """

    names: list[str] | None
    integers: bool | None
    items: list[list[str]]
    times: Ints | None = None
    events: GivenEvents | None = None

    @staticmethod
    def read(users: Any, histories: Any) -> HistoryLists:
        """Read the ``users`` and ``histories`` of a Query. Raises RequestError."""
        names = None if users is None else id_list(users, "users")
        integers = None if users is None else all_integers(users)
        events = None
        if isinstance(histories, pd.DataFrame):
            frame = histories
            histories, events = histories_of_frame(frame), _events_of_frame(frame)
        if isinstance(histories, Mapping):
            if names is not None:
                raise RequestError("histories already name their users; pass users or histories.")
            names = [as_id(user, "histories") for user in histories]
            integers = all_integers(list(histories))
            lists = list(histories.values())
        else:
            lists = _list_of_lists(histories)
        if names is not None and len(names) != len(lists):
            raise RequestError(f"{len(names)} users but {len(lists)} histories; pass one for each.")
        return replace(_read_events(names, integers, lists), events=events)

    def only(self, known: Container[str]) -> HistoryLists:
        """The histories without the items that are not ``known``."""
        kept = [[item in known for item in items] for items in self.items]
        items = [list(compress(row, keep)) for row, keep in zip(self.items, kept, strict=True)]
        left = np.array(list(chain.from_iterable(kept)), dtype=bool)
        times = None if self.times is None else self.times[left]
        events = None if self.events is None else self.events.select(left)
        return HistoryLists(self.names, self.integers, items, times, events)


def histories_of_frame(frame: pd.DataFrame) -> dict[Any, list[Any]]:
    """The histories of a frame with user_id, item_id and perhaps timestamp, by user."""
    missing = [name for name in ("user_id", "item_id") if name not in frame.columns]
    if missing:
        raise RequestError(
            f"the frame of histories has no column {missing[0]!r}; it needs user_id and item_id, "
            "and may have timestamp, event and rating."
        )
    if not frame.columns.is_unique:
        raise RequestError("the frame of histories has a column twice; keep one of them.")
    events = frame["item_id"].tolist()
    if "timestamp" in frame.columns:
        events = list(zip(events, frame["timestamp"], strict=True))
    found: dict[Any, list[Any]] = {}
    for user, event in zip(frame["user_id"].tolist(), events, strict=True):
        as_id(user, "histories")
        found.setdefault(user, []).append(event)
    return found


def _events_of_frame(frame: pd.DataFrame) -> GivenEvents | None:
    """Kinds and ratings of a frame's rows, user by user as they first occur; None without either
    column. Raises RequestError for a rating that is no number."""
    if not {"event", "rating"} & set(frame.columns):
        return None
    order = np.argsort(pd.factorize(frame["user_id"])[0], kind="stable")
    plain = GivenEvents.plain(len(frame))
    kind, rating = plain.kind, plain.rating
    if "event" in frame.columns:
        kind = frame["event"].astype(object).where(frame["event"].notna(), "").map(str).to_numpy()
    if "rating" in frame.columns:
        try:
            rating = pd.to_numeric(frame["rating"]).to_numpy(np.float32, na_value=np.nan)
        except (ValueError, TypeError) as error:
            raise RequestError(
                f"a rating in the frame of histories is no number ({error}); give numbers, or "
                "leave it empty."
            ) from error
    return GivenEvents(kind, rating, plain.time).select(order)


def _list_of_lists(histories: Any) -> list[Any]:
    if isinstance(histories, pd.Series):
        raise RequestError(
            "histories is a Series; pass histories.to_dict() if its index has the users, or "
            "histories.tolist()."
        )
    scalar = isinstance(histories, str | bytes) or getattr(histories, "ndim", 1) == 0
    if scalar or not isinstance(histories, Iterable):
        raise RequestError(
            f"histories is {histories!r}; pass {{user id: [item ids]}}, a list of such lists, or a "
            "frame with user_id and item_id."
        )
    return list(histories)


def _read_events(
    names: list[str] | None, integers: bool | None, lists: Sequence[Any]
) -> HistoryLists:
    if _all_plain(lists):
        return HistoryLists(names, integers, list(lists))
    lists = [list(given) if type(given) is tuple else given for given in lists]
    timed = [type(given) is list and len(given) > 0 and type(given[0]) is tuple for given in lists]
    if not any(timed):
        return HistoryLists(names, integers, [_untimed(given) for given in lists])
    events = [
        _timed(given) if has_times else _empty(given)
        for given, has_times in zip(lists, timed, strict=True)
    ]
    times = np.concatenate([times for _, times in events])
    return HistoryLists(names, integers, [items for items, _ in events], times)


def _untimed(given: Any) -> list[str]:
    if isinstance(given, str):
        raise RequestError("a history is a list of item ids, not one string.")
    return id_list(given, "a history")


def _timed(events: list[Any]) -> tuple[list[str], Ints]:
    """The items of (item id, time) pairs, and their times."""
    pairs = [_event(event) for event in events]
    given = pd.Series([time for _, time in pairs], dtype=object)
    times, known = unix_seconds_of(given, "a history")
    if not known.all():
        raise RequestError("an event of a history has no time, as others have; give all or none.")
    return [as_id(item, "a history") for item, _ in pairs], times


def _empty(given: Any) -> tuple[list[str], Ints]:
    if _untimed(given):
        raise RequestError("some histories have times and others have none; give all or none.")
    return [], np.empty(0, dtype=np.int64)


def _all_plain(lists: Sequence[Any]) -> bool:
    """Whether all histories are lists of texts, as most are; seen without a look at each alone."""
    return _LIST.issuperset(map(type, lists)) and _TEXT.issuperset(
        map(type, chain.from_iterable(lists))
    )


def _event(event: Any) -> tuple[Any, Any]:
    if not isinstance(event, tuple) or len(event) != 2:
        raise RequestError(f"{event!r} is no (item id, time) pair, as other events of the history.")
    return event
