"""LiveEvents: events that came after the graph was read, and count in the next answer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from kgrec.arrays import offsets, row_numbers
from kgrec.feedback import cap_repeats
from kgrec.graph.snapshot import Ints
from kgrec.nn import Histories
from kgrec.nn.histories import both_ages
from kgrec.scoring.engine import Engine
from kgrec.scoring.request import GivenEvents


class LiveEvent(NamedTuple):
    """One event.

    Attributes
    ----------
    number : int
        Its place among all events of a log; later ones have larger numbers.
    item : str
        Id of the item.
    timestamp : int
        Unix seconds.
    kind : str
        Its kind, "" without one.
    rating : float
        NaN without one.
    """

    number: int
    item: str
    timestamp: int
    kind: str = ""
    rating: float = math.nan


class LiveEvents:
    """The events of each user since the graph was read.

    Histories of stored users go on with them, and users who are not stored have them as history.
    Reading and adding may happen in different threads: a user's events are replaced in one
    assignment.
    """

    def __init__(self) -> None:
        self._of_user: dict[str, tuple[LiveEvent, ...]] = {}
        self._removed: set[str] = set()  # users whose stored history counts no more

    def __len__(self) -> int:
        return sum(map(len, self._of_user.values()))

    def __contains__(self, user: str) -> bool:
        return user in self._of_user

    def of(self, user: str) -> tuple[LiveEvent, ...]:
        """The events of a user, in the order in which they were added."""
        return self._of_user.get(user, ())

    def add(self, user: str, event: LiveEvent) -> None:
        """Add an event."""
        self._of_user[user] = (*self.of(user), event)

    def take_back(self, user: str, number: int) -> None:
        """Remove the event with this number, if the user has it."""
        left = tuple(event for event in self.of(user) if event.number != number)
        if left:
            self._of_user[user] = left
        else:
            self._of_user.pop(user, None)

    def before(self, user: str, number: int) -> LiveEvents:
        """The events of this user alone, those before the one with this number."""
        found = LiveEvents()
        earlier = tuple(event for event in self.of(user) if event.number < number)
        if earlier:
            found._of_user[user] = earlier
        if user in self._removed:
            found._removed.add(user)
        return found

    def remove(self, user: str) -> None:
        """Remove a user: the stored history counts no more, nor do the events so far."""
        self._of_user.pop(user, None)
        self._removed.add(user)

    def any_of(self, users: Sequence[str]) -> bool:
        """Whether one of these users has events here, or was removed."""
        if not self._of_user.keys().isdisjoint(users):
            return True
        return bool(self._removed) and not self._removed.isdisjoint(users)

    def rows(self, users: Sequence[str], rows: Ints) -> Ints:
        """``rows`` int64 ``[B]`` of the users in the graph, -1 for those who were removed."""
        if not self._removed:
            return rows
        return np.where([user in self._removed for user in users], -1, rows)

    def histories(
        self, engine: Engine, users: Sequence[str], rows: Ints, scenario: Ints
    ) -> tuple[Histories, GivenEvents]:
        """The stored histories of some users with the events that came later.

        A kind of event that the model's settings give no weight says nothing.

        Parameters
        ----------
        engine : Engine
            The model over the stored graph. Events with items that it does not have are left out.
        users : sequence of str
            Ids.
        rows : int64 ``[B]``
            Rows of the users; -1 for users that are not stored.
        scenario : int64 ``[B]``
            Codes of the scenarios; -1 for none.

        Returns
        -------
        Histories
            Of B users.
        GivenEvents
            Kinds, ratings and times of the events.
        """
        parts = [
            self._joined(engine, user, row) for user, row in zip(users, rows.tolist(), strict=True)
        ]
        item, text, place = (
            np.concatenate([part[column] for part in parts]) if parts else np.empty(0, np.int64)
            for column in range(3)
        )
        given = GivenEvents.joined([part[3] for part in parts])
        indptr = offsets(np.array([len(part[0]) for part in parts], dtype=np.int64))
        order = np.lexsort((item, given.time, row_numbers(indptr)))
        item, text, place, given = item[order], text[order], place[order], given.select(order)
        age, visit = both_ages(indptr, given.time)
        later, weight = np.zeros(len(rows), dtype=bool), None
        feedback = engine.model.shape.feedback
        if feedback is not None:
            said = feedback.weights(given.kind, given.rating, strict=False)
            weight = cap_repeats(indptr, item, said, feedback.repeats)
        histories = Histories(
            indptr, item, age, visit, text, rows, scenario, later, weight, row=place
        )
        return histories, given

    def _joined(self, engine: Engine, user: str, row: int) -> tuple[Ints, Ints, Ints, GivenEvents]:
        """Item rows, rows of texts, rows among the snapshot's interactions (-1 for later events),
        and kinds, ratings and times of a user's events, stored ones first."""
        events = [event for event in self.of(user) if event.item in engine.item_row]
        item = np.array([engine.item_row[event.item] for event in events], dtype=np.int64)
        text = np.full(len(events), -1, dtype=np.int64)
        new = GivenEvents(
            np.array([event.kind for event in events], dtype=object),
            np.array([event.rating for event in events], dtype=np.float32),
            np.array([event.timestamp for event in events], dtype=np.int64),
        )
        if row < 0:
            return item, text, text, new
        stored, data = slice(*engine.sequences.indptr[row : row + 2].tolist()), engine.sequences
        place = np.arange(stored.start, stored.stop, dtype=np.int64)
        known = engine.snapshot.interactions
        old = GivenEvents(
            np.asarray(known.event[stored], dtype=object),
            known.rating[stored],
            data.timestamp[stored],
        )
        return (
            np.concatenate([data.item[stored], item]),
            np.concatenate([data.text[stored], text]),
            np.concatenate([place, np.full(len(events), -1, dtype=np.int64)]),
            GivenEvents.joined([old, new]),
        )
