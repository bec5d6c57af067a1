"""LiveGraph: what the records of a log add to a graph, as far as answers need it at once."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Iterable
from typing import Any, Final

from kgrec.scoring.live_events import LiveEvent, LiveEvents
from kgrec.serving.event_log import Record

EVENT, TAKEN_BACK, IMPRESSIONS = "event", "taken back", "impressions"
NODE, NO_NODE, FACTS, NO_FACTS = "node", "no node", "facts", "no facts"
WINDOW: Final = 7 * 86_400  # seconds in which the id of an event is remembered


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
    last : int
        The number of the last record.
    """

    def __init__(self, records: Iterable[Record] = (), after: int = 0) -> None:
        self.events = LiveEvents()
        self.withdrawn: set[str] = set()
        self.numbers: OrderedDict[str, int] = OrderedDict()
        self.changed: dict[tuple[str, str], dict[str, Any] | None] = {}
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
