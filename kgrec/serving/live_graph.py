"""LiveGraph: what the records of a log add to a graph, as far as answers need it at once; and the
records without people who were erased."""

from __future__ import annotations

import hashlib
import math
import sqlite3
from collections.abc import Callable, Collection, Iterable, Iterator
from sys import intern
from typing import TYPE_CHECKING, Any, Final

from graph_schema.names import NODE_TYPES, USER
from kgrec.scoring.live_events import LiveEvent, LiveEvents
from kgrec.serving.event_log import Keep, Record
from kgrec.stores.people.erased_people import Tombstones

if TYPE_CHECKING:
    from kgrec.recommender import Recommender

EVENT, TAKEN_BACK, IMPRESSIONS = "event", "taken back", "impressions"
NODE, NO_NODE, FACTS, NO_FACTS = "node", "no node", "facts", "no facts"
GRAPH: Final = (NODE, NO_NODE, FACTS, NO_FACTS)
_DAY: Final = 86_400  # seconds
_DAYS: Final = 7  # in which the id of an event is remembered, and what is left of another one
IsGone = Callable[[str], bool]


class LiveGraph:
    """The records of a log that the answers of a service need in memory.

    Attributes
    ----------
    events : LiveEvents
        The events since the graph was read.
    withdrawn : set of str
        Ids of items that were removed since: no list has them.
    changed : dict of (label, id) to dict or None
        Attributes of nodes that were changed since; None for those that were removed.
    users : dict of int to str
        Who had the event with this number, for those that the graph does not have yet.
    graph : list of dict
        The records that change nodes and facts of the graph.
    refused : dict of int to str
        Why some of them do not fit the graph, by their numbers.
    last : int
        The number of the last record.
    """

    def __init__(self, records: Iterable[Record] = (), after: int = 0) -> None:
        self.events = LiveEvents()
        self.withdrawn: set[str] = set()
        self.changed: dict[tuple[str, str], dict[str, Any] | None] = {}
        self.graph: list[Record] = []
        self.refused: dict[int, str] = {}
        self.last = after
        self.users: dict[int, str] = {}
        for record in records:
            self.add(record, graph_has=record["number"] <= after)

    def add(self, record: Record, *, graph_has: bool = False) -> None:
        """Take in one record; ``graph_has``: whether the graph that answers has it already."""
        kind, number = record["kind"], record["number"]
        self.last = max(self.last, number)
        if graph_has:
            return
        if kind in GRAPH:
            self.graph.append(record)
        if kind == EVENT:
            rating, user = record.get("rating"), intern(record["user"])
            event = LiveEvent(
                number,
                intern(record["item"]),  # each text once, however many events have it
                record["timestamp"],
                intern(record.get("event") or ""),
                math.nan if rating is None else rating,
            )
            self.events.add(user, event)
            self.users[number] = user
        elif kind == TAKEN_BACK:
            self.events.take_back(record["user"], record["of"])
            self.users.pop(record["of"], None)
        elif kind == NODE:
            node = record["label"], record["id"]
            self.changed[node] = {**(self.changed.get(node) or {}), **record["attributes"]}
            if node[0] == "Item":
                self.withdrawn.discard(node[1])
        elif kind == NO_NODE:
            self._remove(record["label"], record["id"])

    def _remove(self, label: str, node_id: str) -> None:
        self.changed[label, node_id] = None
        if label == "Item":
            self.withdrawn.add(node_id)
        if label == "User":
            self.events.remove(node_id)


class RecentIds:
    """The ids of the events of the last seven days, with the numbers of their records.

    They are many where events are, so each has some 45 bytes: a digest of 128 bits, in tables of a
    day that SQLite has in memory. Those of a day are forgotten together.
    """

    def __init__(self) -> None:
        self._tables = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        self._days: list[int] = []  # the latest first

    def __contains__(self, key: str) -> bool:
        return self.get(key) is not None

    def get(self, key: str) -> int | None:
        """The number of the record of an event; None for an id that is not remembered."""
        digest = _digest(key)
        for day in self._days:
            asked = f'SELECT number FROM "{day}" WHERE id = ?'
            found = self._tables.execute(asked, (digest,)).fetchone()
            if found is not None:
                return int(found[0])
        return None

    def add(self, record: Record) -> None:
        """Remember the record of an event, if it has an id."""
        key, day = record.get("event_id"), record["received"] // _DAY
        if key is None:
            return
        day = max([day, *self._days[:1]])  # the clock may have been set back
        if day not in self._days:
            self._begin(day)
        row = _digest(key), record["number"]
        self._tables.execute(f'INSERT OR REPLACE INTO "{day}" VALUES (?, ?)', row)

    def _begin(self, day: int) -> None:
        self._days = sorted([*self._days, day], reverse=True)
        self._tables.execute(
            f'CREATE TABLE "{day}" (id BLOB PRIMARY KEY, number INTEGER) WITHOUT ROWID'
        )
        while self._days[-1] < self._days[0] - _DAYS:
            self._tables.execute(f'DROP TABLE "{self._days.pop()}"')


def _digest(key: str) -> bytes:
    return hashlib.blake2b(key.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def users_of(record: Record) -> set[str]:
    """The ids of the people whom a record names."""
    if record["kind"] in (NODE, NO_NODE):
        return {record["id"]} if record["label"] == USER else set()
    if record["kind"] in (FACTS, NO_FACTS):
        return {user for fact in record["facts"] for user in users_of_fact(fact)}
    return set() if record.get("user") is None else {record["user"]}


def users_of_fact(fact: dict[str, Any]) -> list[str]:
    """The ids of the users at the ends of a fact."""
    ends = ("head", "tail")
    return [fact[end] for end in ends if NODE_TYPES.get(fact[f"{end}_type"]) == USER]


def keeps(records: Iterable[Record], is_gone: IsGone, own_lists: Collection[str] = ()) -> Keep:
    """What is kept of each record without these people: all but their own events and nodes, their
    facts, and what was shown of their lists: ``own_lists``, and those that their events name."""
    lists = set(own_lists)
    for record in records:
        if "list_id" in record and any(map(is_gone, users_of(record))):
            lists.add(record["list_id"])

    def keep(record: Record) -> Record | None:
        if record["kind"] == IMPRESSIONS and record["list_id"] in lists:
            return None
        if not any(map(is_gone, users_of(record))):
            return record
        if record["kind"] not in (FACTS, NO_FACTS):
            return None
        facts = [one for one in record["facts"] if not any(map(is_gone, users_of_fact(one)))]
        return {**record, "facts": facts} if facts else None

    return keep


def allowed(records: Iterable[Record], tombstones: Tombstones | None) -> Iterator[Record]:
    """The records without people who were erased, should a copy of the log have them."""
    if not tombstones:
        yield from records
        return
    keep = keeps((), tombstones.covers)
    for record in records:
        kept = keep(record)
        if kept is not None:
            yield kept


def still_there(model: Recommender, tombstones: Tombstones | None) -> list[str]:
    """The users of a model who were erased."""
    if not tombstones:
        return []
    ids = model.state.full_snapshot.users.ids
    found: list[str] = ids[tombstones.covered(ids.tolist())].tolist()
    return found


def without_erased(model: Recommender, tombstones: Tombstones | None) -> int:
    """Remove from a model in memory the people who were erased, should its folder have them; its
    learned parts stay as they are. Returns how many there were. Raises RequestError."""
    users = still_there(model, tombstones)
    if users:
        model.remove(users=users)
    return len(users)
