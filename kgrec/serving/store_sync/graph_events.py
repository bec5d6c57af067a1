"""The events that a model's graph has, and until which record of a log it has them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TypeAlias

from kgrec.graph.snapshot import GraphSnapshot
from kgrec.recommender import Recommender
from kgrec.serving.event_log import Record, records_of
from kgrec.serving.live_graph import EVENT, NO_NODE, TAKEN_BACK, allowed
from kgrec.serving.registry import Root
from kgrec.serving.store_sync.position import Positions
from kgrec.stores.people.erased_people import Tombstones

Said: TypeAlias = tuple[str, str, int | None, str]  # user, item, timestamp, kind


def events_of_users(snapshot: GraphSnapshot, users: Iterable[str]) -> set[Said]:
    """The events of these users in a graph."""
    seen, found, names = snapshot.interactions, set[Said](), sorted(set(users))
    starts = seen.indptr(len(snapshot.users))
    for user, row in zip(names, snapshot.users.rows(names).tolist(), strict=True):
        for place in range(*starts[row : row + 2].tolist()) if row >= 0 else ():
            item = str(snapshot.items.ids[seen.item[place]])
            found.add((user, item, int(seen.timestamp[place]), str(seen.event[place])))
    return found


def graph_has_until(root: Root, folder: Path) -> int:
    """The number of the last record of a service's log that a new model has by the store.

    A model that was fitted on the store has the records that were written there until then, which
    must not count a second time. The store has them in the order of the log: so it is the last of
    the first events that are all in the graph. What follows is added to the graph as ever.

    Parameters
    ----------
    root : Root
        The folder of the service.
    folder : Path
        The model's folder.

    Returns
    -------
    int
        0 where no store was written, or the model has none of the events.

    Raises
    ------
    ModelError
        Where the model can't be loaded.
    ServiceError
        Where the log or the positions can't be read.
    """
    written = Positions.read(root.positions).written_until
    if not written or not root.log.exists():
        return 0
    tombstones = Tombstones.read(root.tombstones)
    records = list(allowed(records_of(root.log), tombstones))
    events = [one for one in _still_there(records) if one["number"] <= written]
    snapshot = Recommender.load(folder).state.full_snapshot
    there = events_of_users(snapshot, (one["user"] for one in events))
    last = 0
    for one in events:
        if (one["user"], one["item"], one["timestamp"], one.get("event") or "") not in there:
            break
        last = one["number"]
    return int(last)


def _still_there(records: list[Record]) -> list[Record]:
    """The events that nobody took back, of users and items that nobody removed."""
    back = {one["of"] for one in records if one["kind"] == TAKEN_BACK}
    gone = {(one["label"], one["id"]) for one in records if one["kind"] == NO_NODE}
    return [
        one
        for one in records
        if one["kind"] == EVENT
        and one["number"] not in back
        and not {("User", one["user"]), ("Item", one["item"])} & gone
    ]
