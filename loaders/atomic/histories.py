"""Rows with a history (``item_id_list``) as events.

Files for sequential models repeat themselves: one row for each event, with the events before it.
Here each event of a user is one event, however many rows hold it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa

from loaders.report import FileReport

LIST: Final = "_list"  # at the end of the name of a column of a history
ITEMS: Final = f"item_id{LIST}"
BAR: Final = "|"  # joins the values of a sequence
_TRAIN: Final = "train"  # a history is known when its row is to be predicted


@dataclass(frozen=True)
class Event:
    """An event: the row that it comes from, and its values by column."""

    row: int
    values: dict[str, str | None]

    @property
    def item(self) -> str:
        return str(self.values["item_id"])


def events_of(table: pa.Table, rows: np.ndarray, file: FileReport) -> tuple[pa.Table, np.ndarray]:
    """The table with one row for each event of each history, and the row in the file of each.

    The values of other lists as long as that of the items (``timestamp_list``) are those of its
    events; all other values of a row belong to its own event, that of ``item_id``.
    """
    columns = {name: table.column(name).to_pylist() for name in table.column_names}
    names = [name for name in columns if not name.endswith(LIST)]
    names += [n.removesuffix(LIST) for n in columns if n.endswith(LIST)]
    names = list(dict.fromkeys(names))
    users: dict[str, list[Event]] = {}
    given, uneven = 0, 0
    for place in range(table.num_rows):
        row = {name: values[place] for name, values in columns.items()}
        past, short = _past(row, int(rows[place]))
        own = _own(row, int(rows[place]))
        given, uneven = given + len(past) + len(own), uneven + short
        known = users.setdefault(row["user_id"], [])
        users[row["user_id"]] = merged(known, past, own)
    events = [event for known in users.values() for event in known]
    timed = any(event.values.get("timestamp") for event in events)
    if not timed:
        names = [*(name for name in names if name != "timestamp"), "timestamp"]
        _number(users)
    _note(file, table.num_rows, given, len(events), uneven, timed)
    found = {
        name: pa.chunked_array([pa.array([e.values.get(name) for e in events], pa.string())])
        for name in names
    }
    return pa.table(found), np.array([event.row for event in events], dtype=np.int64)


def merged(known: list[Event], past: list[Event], own: list[Event]) -> list[Event]:
    """The events of a user, with those of a row that are not among them yet.

    Events that follow one another are looked for, so that an item may come again later.
    """
    row = [*past, *own]
    if not past or not known:
        return [*known, *row]
    items, whole = [event.item for event in known], [event.item for event in row]
    if _place(items, whole) >= 0:
        return known
    if _place(items, whole[: len(past)]) >= 0:
        return [*known, *own]
    inside = _place(whole, items)
    if inside >= 0:
        return [*row[:inside], *known, *row[inside + len(items) :]]
    ahead, behind = _overlap(items, whole), _overlap(whole, items)
    if behind > ahead:
        return [*row[:-behind], *known]
    return [*known, *row[ahead:]]


def _place(items: Sequence[str], part: Sequence[str]) -> int:
    """Where ``part`` stands in ``items`` without a gap, from the end; -1 if nowhere."""
    for start in range(len(items) - len(part), -1, -1):
        if items[start : start + len(part)] == part:
            return start
    return -1


def _overlap(first: Sequence[str], second: Sequence[str]) -> int:
    """How many items at the end of ``first`` are those at the start of ``second``."""
    for size in range(min(len(first), len(second)), 0, -1):
        if first[-size:] == second[:size]:
            return size
    return 0


def _past(row: dict[str, str | None], number: int) -> tuple[list[Event], bool]:
    """The events of a row's history, and whether one of its other lists is of another length."""
    lists = {name: _split(value) for name, value in row.items() if name.endswith(LIST)}
    items = lists[ITEMS]
    even = {name: values for name, values in lists.items() if len(values) == len(items)}
    shared = {"user_id": row["user_id"]}
    if "split" in row:
        shared["split"] = _TRAIN
    events = [
        Event(number, {**shared, **{n.removesuffix(LIST): v[i] for n, v in even.items()}})
        for i in range(len(items))
    ]
    return events, any(values and name not in even for name, values in lists.items())


def _own(row: dict[str, str | None], number: int) -> list[Event]:
    """The event that a row is about, if it has one."""
    values = {name: value for name, value in row.items() if not name.endswith(LIST)}
    return [Event(number, values)] if values.get("item_id") else []


def _split(value: str | None) -> list[str]:
    return [part for part in (value or "").split(BAR) if part]


def _number(users: dict[str, list[Event]]) -> None:
    """Write the place of each event among those of its user as its time."""
    for known in users.values():
        for place, event in enumerate(known, start=1):
            event.values["timestamp"] = str(place)


def _note(file: FileReport, rows: int, given: int, events: int, uneven: int, timed: bool) -> None:
    file.notes.append(
        f"column {ITEMS} is read as events: {rows:,} rows hold {given:,}, of which {events:,} are "
        f"distinct and {given - events:,} are the same event in another row."
    )
    if uneven:
        file.notes.append(
            f"{uneven:,} rows have lists of another length than {ITEMS}; these were not read."
        )
    if not timed:
        file.notes.append(
            "there are no times: the place of an event among those of its user (1, 2, ...) stands "
            "for its time, so that their order is kept."
        )
