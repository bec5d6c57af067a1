"""LiveGraph: what the records of a log add to a graph, as far as answers need it at once; and the
records without people who were erased."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Iterator
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
WINDOW: Final = 7 * 86_400  # seconds in which the id of an event is remembered
IsGone = Callable[[str], bool]


class LiveGraph:
    """The records of a log that the answers of a service need in memory.

    Attributes
    ----------
    events : LiveEvents
        The events since the graph was read.
    withdrawn : set of str
        Ids of items that were removed since: no list has them.
    numbers : dict of str to int
        The number of the record of each event's id, for the last seven days.
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
        self.numbers: OrderedDict[str, int] = OrderedDict()
        self.changed: dict[tuple[str, str], dict[str, Any] | None] = {}
        self.graph: list[Record] = []
        self.refused: dict[int, str] = {}
        self.last = after
        self.users: dict[int, str] = {}
        self._times: dict[str, int] = {}
        for record in records:
            self.add(record, graph_has=record["number"] <= after)

    def add(self, record: Record, *, graph_has: bool = False) -> None:
        """Take in one record; ``graph_has``: whether the graph that answers has it already."""
        kind, number = record["kind"], record["number"]
        self.last = max(self.last, number)
        if kind == EVENT:
            self._remember(record)
        if graph_has:
            return
        if kind in GRAPH:
            self.graph.append(record)
        if kind == EVENT:
            rating = record.get("rating")
            event = LiveEvent(
                number,
                record["item"],
                record["timestamp"],
                record.get("event") or "",
                math.nan if rating is None else rating,
            )
            self.events.add(record["user"], event)
            self.users[number] = record["user"]
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

    def _remember(self, record: Record) -> None:
        key, at = record.get("event_id"), record["received"]
        if key is not None:
            self.numbers[key] = record["number"]
            self._times[key] = at
        while self.numbers:
            oldest = next(iter(self.numbers))
            if self._times[oldest] >= at - WINDOW:
                break
            del self.numbers[oldest], self._times[oldest]


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
