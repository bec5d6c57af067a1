"""Interactions and facts as columns on disk.

The rows are those of a snapshot, in its order. A user's rows are a run, so that ``indptr`` stands
for the column of users. Times are 32 bits after the earliest one where their span allows it. A
column that says the same of every row has no file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kgrec.graph.columns import (
    ABSENT,
    BLOCK,
    NO_TIME,
    PackedInts,
    RunInts,
    coded_words,
    codes_and_names,
    repeated,
    small,
)
from kgrec.graph.mapped.files import MAX_SMALL, column_writers, map_column, write_column
from kgrec.graph.tables import WORDS, Facts, Interactions

USER_INDPTR, ITEM_ROW, TIME, RATING = "user_indptr", "item", "timestamp", "rating"


@dataclass(frozen=True)
class EventLayout:
    """How the columns of n interactions are held.

    Attributes
    ----------
    n, users : int
        Numbers of interactions and of users.
    first, last : int or None
        The earliest and the latest time, unix seconds; None without any.
    untimed : bool
        Some interactions have no time.
    rated : bool
        Some interactions have a rating.
    names : mapping of str to tuple of str
        The names that occur in each column of words, in order.
    """

    n: int
    users: int
    first: int | None
    last: int | None
    untimed: bool
    rated: bool
    names: Mapping[str, tuple[str, ...]]

    @staticmethod
    def of(events: Interactions, users: int) -> EventLayout:
        """The layout of interactions at hand."""
        first = last = None
        untimed = rated = False
        for part in _blocks(len(events)):
            time = np.asarray(events.timestamp[part])
            known = time[time != NO_TIME]
            untimed |= len(known) < len(time)
            rated |= not bool(np.isnan(events.rating[part]).all())
            if len(known):
                low, high = int(known.min()), int(known.max())
                first = low if first is None else min(first, low)
                last = high if last is None else max(last, high)
        names = {name: _used(getattr(events, name)) for name in WORDS}
        return EventLayout(len(events), users, first, last, untimed, rated, names)

    @property
    def small_times(self) -> bool:
        """Whether times are held as 32 bits after ``first``."""
        return (
            self.first is not None and self.last is not None and self.last - self.first <= MAX_SMALL
        )

    def columns(self) -> dict[str, np.dtype[Any]]:
        """The columns that have a file, and their types."""
        found: dict[str, np.dtype[Any]] = {ITEM_ROW: np.dtype(np.int32)}
        if self.first is not None:
            found[TIME] = np.dtype(np.int32 if self.small_times else np.int64)
        if self.rated:
            found[RATING] = np.dtype(np.float32)
        for name, words in self.names.items():
            if len(words) > 1:
                found[name] = np.dtype(code_type(len(words)))
        return found

    def times(self, seconds: np.ndarray) -> np.ndarray:
        """The times of some rows (int64, NO_TIME where absent) as they are written."""
        if not self.small_times:
            return seconds
        return np.where(seconds == NO_TIME, ABSENT, seconds - self.first).astype(np.int32)


def code_type(count: int) -> type[np.signedinteger[Any]]:
    """The type in which pandas holds codes of so many names."""
    return np.int8 if count < 2**7 else np.int16 if count < 2**15 else np.int32


def _blocks(n: int) -> Iterator[slice]:
    return (slice(start, start + BLOCK) for start in range(0, n, BLOCK))


def _used(column: np.ndarray) -> tuple[str, ...]:
    codes, names = codes_and_names(column)
    if len(names) == 1 and len(codes):
        return tuple(names)
    used = np.zeros(len(names), dtype=bool)
    for part in _blocks(len(codes)):
        used[codes[part]] = True
    return tuple(names[used])


def write_events(folder: Path, events: Interactions, layout: EventLayout) -> None:
    """Write interactions that are at hand."""
    write_column(folder / f"{USER_INDPTR}.npy", events.indptr(layout.users))
    place = {}
    for name in WORDS:
        _, names = codes_and_names(getattr(events, name))
        known = {word: code for code, word in enumerate(layout.names[name])}
        place[name] = np.array([known.get(word, 0) for word in names], dtype=np.int64)
    with column_writers(folder, layout.columns()) as files:
        for part in _blocks(layout.n):
            for name, file in files.items():
                if name in WORDS:
                    file.append(place[name][codes_and_names(getattr(events, name))[0][part]])
                elif name == TIME:
                    file.append(layout.times(np.asarray(events.timestamp[part])))
                else:
                    file.append(np.asarray(getattr(events, name)[part]))


def map_events(folder: Path, layout: EventLayout) -> Interactions:
    """The interactions of a folder, mapped."""
    n, files = layout.n, {name: map_column(folder / f"{name}.npy") for name in layout.columns()}
    time = repeated(np.int64(NO_TIME), n)
    if TIME in files:
        first = layout.first or 0
        time = small(PackedInts(files[TIME], first)) if layout.small_times else files[TIME]
    words = {
        name: coded_words(
            files.get(name, repeated(np.int8(0), n)), np.array(layout.names[name], dtype=object)
        )
        for name in WORDS
    }
    return Interactions(
        user=small(RunInts(map_column(folder / f"{USER_INDPTR}.npy"))),
        item=small(PackedInts(files[ITEM_ROW])),
        timestamp=time,
        rating=files.get(RATING, repeated(np.float32(np.nan), n)),
        event=words["event"],
        scenario=words["scenario"],
        split=words["split"],
    )


def fact_names(place: int) -> tuple[str, str]:
    """The names of the columns of heads and tails of relation number ``place``."""
    return f"facts_{place}_head", f"facts_{place}_tail"


def write_facts(folder: Path, facts: tuple[Facts, ...]) -> None:
    """Write the facts of every relation."""
    for place, one in enumerate(facts):
        for name, rows in zip(fact_names(place), (one.head, one.tail), strict=True):
            with column_writers(folder, {name: np.dtype(np.int32)}) as files:
                for part in _blocks(len(one)):
                    files[name].append(np.asarray(rows[part]))


def map_facts(folder: Path, kinds: list[tuple[str, str, str]]) -> tuple[Facts, ...]:
    """The facts of a folder, mapped; ``kinds``: (head label, relation, tail label) of each."""
    found = []
    for place, kind in enumerate(kinds):
        head, tail = (
            small(PackedInts(map_column(folder / f"{name}.npy"))) for name in fact_names(place)
        )
        found.append(Facts(*kind, head, tail))
    return tuple(found)
