"""What others wrote into a store, as requests of a service: events, nodes and facts."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Final

import numpy as np

from graph_schema.names import CHANGED, NODE_TYPES
from kgrec.graph.snapshot import NO_TIME
from kgrec.serving.event_log import Record, now
from kgrec.serving.live_graph import FACTS, RecentIds
from kgrec.serving.problems import Problem
from kgrec.serving.service import Served, Service
from kgrec.serving.store_sync.batch import FROM_STORE, OF_STORE
from kgrec.serving.store_sync.graph_events import Said, events_of_users
from kgrec.serving.verbs.bodies import EventBody
from kgrec.serving.verbs.call import Call
from kgrec.serving.verbs.writes import NewEvents, facts_record, node_record
from kgrec.stores.following.changes import ChangedNode, Changes, StoredFact

WHO: Final = "store"
_TYPES: Final = {label: name for name, label in NODE_TYPES.items()}
_DIGEST_BYTES: Final = 12
_PART: Final = 50  # events between two looks at the requests


def start_of(served: Served) -> int:
    """The unix seconds from which a store is followed first: after the newest event of the model's
    graph; without times in it from now on."""
    times = np.asarray(served.model.state.full_snapshot.interactions.timestamp)
    known = times[times != NO_TIME]
    return min(int(known.max()) + 1, now()) if len(known) else now()


@dataclass(frozen=True)
class GraphNews:
    """What a store has that a model's graph has not: attributes of nodes by label and id, and facts
    as records have them."""

    nodes: list[tuple[str, str, dict[str, Any]]]
    facts: list[dict[str, Any]]


def graph_news(served: Served, changes: Changes) -> GraphNews:
    """What of changed nodes and their facts is new to a model's graph."""
    nodes = [
        (node.label, node.id, new)
        for node in changes.nodes
        if (new := _new_attributes(served, node)) is not None
    ]
    return GraphNews(nodes, [_fact(one) for one in _new_facts(served, changes.facts)])


async def records_of_news(
    service: Service, interactions: list[dict[str, Any]], news: GraphNews
) -> tuple[list[Record], int]:
    """The records of what is new, and how many rows could not be taken in: of people who were
    erased, of kinds of events without a weight, and the like."""
    records, refused = await _event_records(service, interactions)
    call = Call(who=WHO)
    for label, node, attributes in news.nodes:
        try:
            records.append(node_record(service, label, node, attributes, call))
        except Problem:
            refused += 1
    if news.facts:
        try:
            records.append(facts_record(service, news.facts, FACTS, call))
        except Problem:  # a user who was erased
            refused += len(news.facts)
    return [{**record, FROM_STORE: True} for record in records], refused


async def _event_records(service: Service, rows: list[dict[str, Any]]) -> tuple[list[Record], int]:
    events, refused, records = NewEvents(service, "create", Call(who=WHO)), 0, []
    for place, event in enumerate(_new_events(service.served, service.ids, rows)):
        if place % _PART == 0:
            await asyncio.sleep(0)
        try:
            record = await events.record(event, 0)
        except Problem:
            refused += 1
            continue
        if record is not None:
            records.append(record)
    service.metrics.events.labels("accepted").inc(events.take_count())
    return records, refused


def _new_events(served: Served, ids: RecentIds, rows: list[dict[str, Any]]) -> Iterator[EventBody]:
    """The interactions that the model's graph and the log do not have yet."""
    counts: dict[Said, int] = {}
    unknown: list[tuple[str, Said, dict[str, Any]]] = []
    for row in rows:
        said = str(row["user"]), str(row["item"]), row["timestamp"], row["event"] or ""
        counts[said] = place = counts.get(said, 0) + 1
        key = f"{OF_STORE}{_key(row, place)}"
        if key not in ids:
            unknown.append((key, said, row))
    known = _known_events(served, {said[0] for _, said, _ in unknown}) if unknown else set()
    for key, said, row in unknown:
        if said not in known:
            yield EventBody(
                user=said[0],
                item=said[1],
                id=key,
                event=row["event"] or None,
                timestamp=row["timestamp"],
                rating=row["rating"],
                scenario=row["scenario"],
            )


def _known_events(served: Served, users: set[str]) -> set[Said]:
    """What the model's graph, with the rows held back for tests, and the log say of these users."""
    live = {
        (user, one.item, one.timestamp, one.kind)
        for user in users
        for one in served.live.events.of(user)
    }
    return live | events_of_users(served.model.state.full_snapshot, users)


def _key(row: Mapping[str, Any], place: int) -> str:
    """The same for an interaction whenever it is read; ``place``: among identical ones, from 1."""
    if row["record"] is not None:
        return str(row["record"])
    text = repr([row[name] for name in ("user", "item", "event", "timestamp")] + [place])
    return blake2b(text.encode("utf-8", "replace"), digest_size=_DIGEST_BYTES).hexdigest()


def _new_attributes(served: Served, node: ChangedNode) -> dict[str, Any] | None:
    """The attributes in which a node differs from that of the model's graph; None where it is the
    same. Vectors of numbers are left to the next fit."""
    given = {
        name: value
        for name, value in node.properties.items()
        if name not in ("id", CHANGED) and _is_plain(value)
    }
    table = served.model.state.full_snapshot.table(node.label)
    row = int(table.rows([node.id])[0])
    if row < 0:
        return None if served.live.changed.get((node.label, node.id), {}) is None else given
    stored = table.attributes.iloc[row]
    new = {
        name: value
        for name, value in given.items()
        if name not in stored.index or not _equal(stored[name], value)
    }
    return new or None


def _is_plain(value: Any) -> bool:
    if isinstance(value, list):
        return all(isinstance(one, str) for one in value)
    return isinstance(value, str | int | float | bool)


def _equal(stored: Any, given: Any) -> bool:
    if isinstance(given, bool | int | float) and not isinstance(stored, str):
        try:
            return math.isclose(float(stored), float(given), rel_tol=1e-6)
        except (TypeError, ValueError):
            return False
    if isinstance(given, list):
        return bool(given == (stored.tolist() if isinstance(stored, np.ndarray) else stored))
    return str(stored) == str(given)


def _new_facts(served: Served, facts: list[StoredFact]) -> Iterator[StoredFact]:
    """The facts that the model's graph does not have."""
    snapshot = served.model.state.full_snapshot
    blocks = {(one.head_label, one.relation, one.tail_label): one for one in snapshot.facts}
    kinds: dict[tuple[str, str, str], list[StoredFact]] = {}
    for fact in facts:
        kinds.setdefault((fact.head_label, fact.relation, fact.tail_label), []).append(fact)
    for kind, asked in kinds.items():
        block = blocks.get(kind)
        if block is None:
            yield from asked
            continue
        heads = snapshot.table(kind[0]).rows([one.head for one in asked])
        tails = snapshot.table(kind[2]).rows([one.tail for one in asked])
        width = len(snapshot.table(kind[2]))
        stored = np.asarray(block.head, np.int64) * width + np.asarray(block.tail)
        there = (
            np.isin(heads.astype(np.int64) * width + tails, stored) & (heads >= 0) & (tails >= 0)
        )
        yield from (one for one, known in zip(asked, there.tolist(), strict=True) if not known)


def _fact(fact: StoredFact) -> dict[str, Any]:
    return {
        "head": fact.head,
        "relation": fact.relation,
        "tail": fact.tail,
        "head_type": _TYPES[fact.head_label],
        "tail_type": _TYPES[fact.tail_label],
    }
