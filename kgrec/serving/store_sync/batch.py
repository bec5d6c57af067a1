"""Records of a log as what stores take: catalogs of nodes, facts and events, and removals."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import blake2b
from typing import Any, Final

import msgspec
import pandas as pd

from graph_schema import Catalog
from graph_schema.names import CHANGED, ITEM, NODE_TYPES, RECORD, USER
from kgrec.serving.event_log import Record
from kgrec.serving.fold import catalog_of, removal_of
from kgrec.serving.live_graph import EVENT, FACTS, NO_FACTS, NO_NODE, NODE, TAKEN_BACK

REMOVALS: Final = (NO_NODE, NO_FACTS, TAKEN_BACK)
FROM_STORE: Final = "from_store"  # a mark of records that were read in the store
OF_STORE: Final = "store:"  # how the ids of their events begin: then the reference, or a digest
_DIGEST_BYTES: Final = 6


def reference(record: Record, service: str) -> str:
    """What tells the event of a record from all others in a store: the service, the number, and a
    digest of the content, should a log be put back from a copy."""
    digest = blake2b(msgspec.json.encode(record), digest_size=_DIGEST_BYTES).hexdigest()
    return f"{service}-{record['number']}-{digest}"


def stored_catalog(records: Sequence[Record], service: str, at: int) -> Catalog:
    """What records that add say, as a catalog that a store can merge: each event with its
    reference, and what is new with the time ``at`` of the write, in unix seconds.

    Raises CatalogError.
    """
    rows: list[Record] = []
    for record in records:
        rows += [_node(label, node) for label, node in _mentioned(record)]
        if record["kind"] == EVENT:
            rows.append({**record, RECORD: reference(record, service), CHANGED: at})
        elif record["kind"] == NODE:
            rows.append({**record, "attributes": {**record["attributes"], CHANGED: at}})
        else:
            rows += [_node(label, node, **{CHANGED: at}) for label, node in _ends(record)]
            rows.append(record)
    return catalog_of(rows)


def stored_removal(
    records: Sequence[Record], service: str, taken_back: Iterable[Record]
) -> dict[str, Any]:
    """What records that remove say, as ``GraphStore.remove`` takes it; ``taken_back``: the records
    of the events that they take back."""
    events = [
        {
            "user_id": one["user"],
            "item_id": one["item"],
            "timestamp": one["timestamp"],
            RECORD: _record_of(one, service),
        }
        for one in taken_back
    ]
    removal = removal_of(record for record in records if record["kind"] != TAKEN_BACK)
    return {**removal, "interactions": pd.DataFrame(events) if events else None}


def _record_of(record: Record, service: str) -> str | None:
    """The property by which a store has the event of a record; None: it has none."""
    if FROM_STORE not in record:
        return reference(record, service)
    key = str(record["event_id"]).removeprefix(OF_STORE)
    return key if "-" in key else None


def _mentioned(record: Record) -> list[tuple[str, str]]:
    """The nodes at the ends of an event."""
    if record["kind"] != EVENT:
        return []
    return [(USER, record["user"]), (ITEM, record["item"])]


def _ends(record: Record) -> list[tuple[str, str]]:
    """The nodes at the ends of a record's facts."""
    assert record["kind"] == FACTS
    return [
        (NODE_TYPES[fact[f"{end}_type"]], fact[end])
        for fact in record["facts"]
        for end in ("head", "tail")
    ]


def _node(label: str, node: str, **attributes: Any) -> Record:
    """A record of a node that says no more of it than these attributes."""
    return {"kind": NODE, "label": label, "id": node, "attributes": attributes}
