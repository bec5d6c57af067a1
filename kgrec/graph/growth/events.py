"""A few new events placed among those that are there, where merging all of them would put them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from kgrec.graph.columns import (
    NO_TIME,
    RunInts,
    among,
    codes_and_names,
    run_offsets,
    small,
    with_inserted,
    words_with_inserted,
)
from kgrec.graph.tables import WORDS, Interactions, Ints

MOST_EVENTS: Final = 64  # that are placed; more are merged all at once
_NUMBERS = ("item", "timestamp", "rating")


@dataclass(frozen=True, eq=False)
class PlacedEvents:
    """New events and the places where they come into a table.

    Attributes
    ----------
    events : Interactions
        k events, in the order in which they come.
    gaps : int64 ``[k]``
        The row of the table that each comes before, ascending.
    """

    events: Interactions
    gaps: Ints

    @staticmethod
    def find(known: Interactions, more: Interactions) -> PlacedEvents | None:
        """The places of ``more`` in ``known``.

        Returns
        -------
        PlacedEvents or None
            Without the events that ``known`` has, of which nothing else is said. None where the
            order can't be known from times, items and kinds, or an event that is there changes.
        """
        if known.context or more.context or not len(known) or len(more) > MOST_EVENTS:
            return None
        starts, users, found = _starts(known), np.asarray(more.user), []
        for user in sorted(set(users.tolist())):
            rows = np.flatnonzero(users == user)
            first, last = starts[np.minimum([user, user + 1], len(starts) - 1)].tolist()
            its = more if len(rows) == len(more) else more.select(rows)
            gaps = _gaps(known, slice(first, last), its)
            if gaps is None:
                return None
            found += [(gap, rows[place]) for gap, place in gaps]
        order = np.array([row for _, row in found], dtype=np.int64)
        if not np.array_equal(order, np.arange(len(more))):
            more = more.select(order)
        return PlacedEvents(more, np.array([gap for gap, _ in found], dtype=np.int64))

    def into(self, known: Interactions) -> Interactions:
        """``known`` with the events."""
        more, rows = self.events, self.gaps + np.arange(len(self.gaps))
        if not len(rows):
            return known
        item, timestamp, rating = (
            with_inserted(getattr(known, name), rows, getattr(more, name)) for name in _NUMBERS
        )
        event, scenario, split = (
            words_with_inserted(getattr(known, name), rows, np.asarray(getattr(more, name)))
            for name in WORDS
        )
        user = small(RunInts(_starts(known)).with_more(np.asarray(more.user)))
        return Interactions(user, item, timestamp, rating, event, scenario, split)

    def among_visible(
        self, whole: Interactions, visible: Interactions, hidden: Sequence[str]
    ) -> PlacedEvents | None:
        """The same in ``visible``, the part of the table ``whole`` without the splits ``hidden``;
        None where an event is of one of these."""
        if among(self.events.split, hidden).any():
            return None
        users = np.asarray(self.events.user)
        first, own = (
            starts[np.minimum(users, len(starts) - 1)]
            for starts in (_starts(whole), _starts(visible))
        )
        before = [
            int((~among(whole.split[start:gap], hidden)).sum())
            for start, gap in zip(first.tolist(), self.gaps.tolist(), strict=True)
        ]
        return PlacedEvents(self.events, own + np.array(before, dtype=np.int64))


def _starts(events: Interactions) -> Ints:
    """int64: where the events of each user up to the last one begin, and the end."""
    user = events.user
    if isinstance(user, RunInts):
        return user.indptr
    return run_offsets(user, int(user[-1]) + 1 if len(user) else 0)


@dataclass(frozen=True, eq=False)
class _Keys:
    """What the events of one user are ordered by, arrays ``[n]``: a time, whether the event has
    none and came when others had one, the item, the kind's place among names; and the own time."""

    place: Ints
    untimed: Ints
    item: Ints
    kind: Ints
    time: Ints

    @staticmethod
    def of(events: Interactions, rows: slice, names: Sequence[str], last: int | None) -> _Keys:
        """Of the events in ``rows``; ``last``: the latest time of the user for new events, None for
        those that are there, which keep the places that earlier merges gave them."""
        time = np.asarray(events.timestamp[rows])
        if last is None:
            place = np.maximum.accumulate(time)
        else:
            place = np.where(time == NO_TIME, last, time)
        untimed = (time == NO_TIME) & (place != NO_TIME)
        codes, own = codes_and_names(events.event)
        kind = np.array([names.index(name) for name in own], dtype=np.int64)[codes[rows]]
        return _Keys(place, untimed, np.asarray(events.item[rows]), kind, time)

    @property
    def ordering(self) -> tuple[Ints, Ints, Ints, Ints]:
        return self.place, self.untimed, self.item, self.kind

    def before(self, key: Sequence[int]) -> np.ndarray:
        """bool ``[n]``: which events come before a key of ``ordering``."""
        less = np.zeros(len(self.place), dtype=bool)
        for column, value in zip(self.ordering[::-1], key[::-1], strict=True):
            less = (column < value) | ((column == value) & less)
        return less

    @property
    def ascends(self) -> bool:
        """Whether each event comes before the next, and none is equal to another."""
        less = np.zeros(max(len(self.place) - 1, 0), dtype=bool)
        for column in self.ordering[::-1]:
            less = (column[:-1] < column[1:]) | ((column[:-1] == column[1:]) & less)
        return bool(less.all())


def _gaps(known: Interactions, rows: slice, more: Interactions) -> list[tuple[int, int]] | None:
    """The gap and the place in ``more`` of one user's new events, in their order; ``rows``: those
    of the user in ``known``. None as in ``find``."""
    names = sorted({*codes_and_names(known.event)[1], *codes_and_names(more.event)[1]})
    old = _Keys.of(known, rows, names, None)
    times = [*old.place[-1:].tolist(), *np.asarray(more.timestamp).tolist()]
    new = _Keys.of(more, slice(0, len(more)), names, max(times))
    if not old.ascends:
        return None
    placed, seen = [], set()
    for place, key in enumerate(zip(*(column.tolist() for column in new.ordering), strict=True)):
        time = int(new.time[place])
        same = (old.item == key[2]) & (old.kind == key[3]) & (old.time == time)
        if (key[2:], time) in seen or same.sum() > 1:
            return None
        seen.add((key[2:], time))
        if same.any():
            if not _says_nothing(known, rows.start + int(same.argmax()), more, place):
                return None
            continue
        gap = int(old.before(key).sum())
        if gap < len(old.place) and key == tuple(int(column[gap]) for column in old.ordering):
            return None
        placed.append((key, rows.start + gap, place))
    return [(gap, place) for _, gap, place in sorted(placed)]


def _says_nothing(known: Interactions, row: int, more: Interactions, place: int) -> bool:
    """Whether a new event tells nothing that an equal one in ``known`` does not."""
    rating = float(more.rating[place])
    if not np.isnan(rating) and rating != float(known.rating[row]):
        return False
    said = ((getattr(known, name)[row], getattr(more, name)[place]) for name in WORDS)
    return all(new in ("", old) for old, new in said)
