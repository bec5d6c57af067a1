"""Writes: events, impressions and changes of the graph, stored in the log before the answer."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np

from graph_schema.names import USER
from graph_schema.privacy.key import fingerprint_of
from kgrec.errors import RequestError
from kgrec.graph.snapshot import NO_TIME
from kgrec.serving.event_log import Record, now
from kgrec.serving.lists import GivenList
from kgrec.serving.live_graph import (
    EVENT,
    FACTS,
    IMPRESSIONS,
    NO_FACTS,
    NO_NODE,
    NODE,
    TAKEN_BACK,
    users_of_fact,
)
from kgrec.serving.problems import Problem
from kgrec.serving.service import LABELS, Served, Service
from kgrec.serving.verbs.answers import HistoryAnswer, PastEvent, Refused, StoredAnswer
from kgrec.serving.verbs.bodies import (
    EventBody,
    EventsBody,
    Fact,
    FactsBody,
    ImpressionsBody,
    NodeBody,
)
from kgrec.serving.verbs.call import Call

_AHEAD = 86_400  # seconds by which a client's clock may be ahead
_PAGE, _MOST = 100, 1_000
_ERASED = "erased"
_SAID = "this person was erased; let them come back with kgrec erase --lift --root."


class NewEvents:
    """Events that are checked one after the other, before they are stored together.

    Attributes
    ----------
    coming : set of str
        Ids of items that are stored with them.
    duplicate : int
        How many were known already.
    """

    def __init__(self, service: Service, missing: str, call: Call) -> None:
        self.service, self.missing, self.call = service, missing, call
        self.received = now()
        self.coming: set[str] = set()
        self.duplicate = 0
        self._ids: set[str] = set()
        self._count = 0

    async def record(self, event: EventBody, place: int) -> Record | None:
        """The record of an event; None for one that is known already.

        ``place``: in the request, from 0. Raises Problem for an event that is refused."""
        service, served = self.service, self.service.served
        wrong = _wrong(served, event, self.received)
        item = str(event.item)
        if self.missing == "reject" and item not in self.coming and not served.knows_item(item):
            wrong = "unknown_item", f"item {event.item!r} is unknown; PUT it first."
        if service.is_erased(event.user):
            wrong = _ERASED, _SAID
        if wrong is not None:
            service.metrics.events.labels("rejected").inc()
            raise Problem(422, *wrong)
        record = _record(event, self.received, self.call, place)
        key = record.get("event_id")
        if key is not None and (key in self._ids or key in service.pending or key in service.ids):
            self.duplicate += 1
            service.metrics.events.labels("duplicate").inc()
            if key in service.pending:
                await service.pending[key]
            return None
        if key is not None:
            self._ids.add(key)
        self._count += 1
        return record

    def take_count(self) -> int:
        """How many records were made since it was asked last."""
        count, self._count = self._count, 0
        return count


async def add_events(service: Service, body: EventsBody, call: Call) -> StoredAnswer:
    """Store events; the next list of each user counts them."""
    started = time.perf_counter()
    events, rejected = NewEvents(service, body.missing, call), []
    records: list[Record] = []
    for place, event in enumerate(body.events):
        try:
            record = await events.record(event, place)
        except Problem as problem:
            rejected.append(Refused(index=place, code=problem.code, detail=problem.detail))
            continue
        if record is not None:
            records.append(record)
    sequence = await service.store(records) + len(records) - 1 if records else service.log.last
    service.metrics.events.labels("accepted").inc(events.take_count())
    service.metrics.visible.observe(time.perf_counter() - started)
    return StoredAnswer(
        accepted=len(records),
        duplicate=events.duplicate,
        rejected=rejected,
        sequence=sequence,
        effective="now",
    )


async def take_back(service: Service, body: None, call: Call) -> StoredAnswer:
    """Take an event back by its id."""
    key = call.path["id"]
    number = service.ids.get(key)
    if number is None:
        raise Problem(404, "unknown_event", f"no event of the last seven days has the id {key!r}.")
    user = service.served.live.users.get(number)
    if user is None:  # it is in the graph, or was taken back
        return StoredAnswer(accepted=0, duplicate=1, sequence=service.log.last, effective="now")
    record = {"kind": TAKEN_BACK, "user": user, "of": number, "received": now(), "who": call.who}
    return StoredAnswer(accepted=1, sequence=await service.store([record]), effective="now")


async def add_impressions(service: Service, body: ImpressionsBody, call: Call) -> StoredAnswer:
    """Store which items of a list were shown, and the model that made it; of lists that explore or
    are of an A/B experiment also who asked, and the place and probability of each item, so that
    models can be evaluated by them."""
    record: Record = {
        "kind": IMPRESSIONS,
        "list_id": body.list_id,
        "items": [str(item) for item in body.items],
        "received": now(),
    }
    given = await service.given(body.list_id)
    if given is not None:
        record["model"] = given.model
        if given.experiment is not None:
            record |= {"experiment": given.experiment, "arm": given.arm}
        if given.body.explore is not None or given.experiment is not None:
            record |= _explored(given, record["items"])
    return StoredAnswer(accepted=1, sequence=await service.store([record]), effective="now")


async def put_node(service: Service, body: NodeBody, call: Call) -> StoredAnswer:
    """Make a user, item or entity, or change its attributes."""
    label = LABELS[call.path["kind"]]
    record = node_record(service, label, call.path["id"], body.attributes, call)
    return await _stored(service, record)


def node_record(
    service: Service, label: str, node_id: str, attributes: dict[str, Any], call: Call
) -> Record:
    """The record of a node that is made or changed. Raises Problem."""
    if label == USER:
        named = _named_otherwise(service.served, node_id)
        if named is not None:
            raise Problem(422, "named_otherwise", named)
        _refuse_erased(service, [node_id])
    return {
        "kind": NODE,
        "label": label,
        "id": node_id,
        "attributes": attributes,
        "received": now(),
        "who": call.who,
    }


async def delete_node(service: Service, body: None, call: Call) -> StoredAnswer:
    """Remove a user, item or entity: no list has a removed item from now on, and nothing of a
    removed user counts. The graph loses it now, or a user and an item with interactions at the next
    fold."""
    label = LABELS[call.path["kind"]]
    record = {
        "kind": NO_NODE,
        "label": label,
        "id": call.path["id"],
        "received": now(),
        "who": call.who,
    }
    return await _stored(service, record)


async def put_facts(service: Service, body: FactsBody, call: Call) -> StoredAnswer:
    """Add facts."""
    return await _facts(service, body, FACTS, call)


async def delete_facts(service: Service, body: FactsBody, call: Call) -> StoredAnswer:
    """Remove facts."""
    return await _facts(service, body, NO_FACTS, call)


def user_events(service: Service, body: None, call: Call) -> HistoryAnswer:
    """A user's events, the latest first."""
    call.check("limit", "cursor")
    limit, start = call.count("limit", _PAGE, _MOST), call.cursor()
    served, user = service.served, call.path["id"]
    if not served.knows_user(user):
        raise Problem(404, "unknown_user", f"user {user!r} is unknown.")
    events = _events(served, user)
    page = events[start : start + limit]
    after = start + len(page)
    return HistoryAnswer(
        user=user,
        events=page,
        total=len(events),
        next=str(after) if after < len(events) else None,
    )


def _events(served: Served, user: str) -> list[PastEvent]:
    live = [
        PastEvent(
            item=event.item,
            timestamp=event.timestamp,
            event=event.kind or None,
            rating=None if event.rating != event.rating else event.rating,
            title=served.titles.get(event.item),
            number=event.number,
        )
        for event in served.live.events.of(user)
    ]
    return sorted(
        [*_stored_events(served, user), *live],
        key=lambda event: (event.timestamp is not None, event.timestamp or 0, event.number or 0),
        reverse=True,
    )


def _stored_events(served: Served, user: str) -> list[PastEvent]:
    snapshot = served.model.snapshot
    row = int(served.live.events.rows([user], snapshot.users.rows([user]))[0])
    if row < 0:
        return []
    seen = snapshot.interactions
    rows = range(*seen.indptr(len(snapshot.users))[row : row + 2].tolist())
    found = []
    for place in rows:
        item, rating = str(snapshot.items.ids[seen.item[place]]), float(seen.rating[place])
        time = int(seen.timestamp[place])
        found.append(
            PastEvent(
                item=item,
                timestamp=None if time == NO_TIME else time,
                event=str(seen.event[place]) or None,
                rating=None if rating != rating else rating,
                title=served.titles.get(item),
            )
        )
    return found


def _explored(given: GivenList, items: list[str]) -> Record:
    """Who asked for a list, and the places and probabilities of its items that were shown."""
    places = {
        str(item): (place, probability)
        for place, (item, probability) in enumerate(given.items.items(), start=1)
    }
    found = [places.get(item, (0, None)) for item in items]
    return {
        "user": None if given.body.user is None else str(given.body.user),
        "positions": [place for place, _ in found],
        "probabilities": [probability for _, probability in found],
    }


def _wrong(served: Served, event: EventBody, received: int) -> tuple[str, str] | None:
    """Why an event is refused: a code and a text; None where it is not."""
    if event.timestamp is not None and event.timestamp > received + _AHEAD:
        return (
            "from_the_future",
            f"timestamp {event.timestamp} is more than a day ahead; give unix seconds in UTC.",
        )
    named = _named_otherwise(served, str(event.user))
    if named is not None:
        return "named_otherwise", named
    feedback = served.model.state.engine.model.shape.feedback
    if feedback is not None:
        try:
            feedback.weights(np.array([event.event or ""], dtype=object), np.array([np.nan]))
        except RequestError as error:
            return "no_weight", str(error)
    return None


def _named_otherwise(served: Served, user: str) -> str | None:
    """Why a user's id is not of the kind that the graph has; None where it is."""
    stored = served.model.snapshot.users.ids[:1].tolist()
    key, given = fingerprint_of(str(stored[0])) if stored else "", fingerprint_of(user)
    if not stored or key == given:
        return None
    if not key:
        return "the users of this graph have their own ids; send no pseudonyms."
    return f"the users of this graph are pseudonyms of the key {key}; send those of this key."


def _record(event: EventBody, received: int, call: Call, place: int) -> Record:
    given: dict[str, Any] = msgspec.structs.asdict(event)
    key = given.pop("id")
    if key is None and call.repeat_key is not None:
        key = f"{call.repeat_key}/{place}"
    record = {name: value for name, value in given.items() if value is not None}
    record.update(
        kind=EVENT,
        user=str(event.user),
        item=str(event.item),
        timestamp=received if event.timestamp is None else event.timestamp,
        received=received,
    )
    if key is not None:
        record["event_id"] = key
    return record


def _refuse_erased(service: Service, users: Sequence[str]) -> None:
    """Raise Problem for a person who was erased."""
    if any(map(service.is_erased, users)):
        raise Problem(409, _ERASED, _SAID)


async def _facts(service: Service, body: FactsBody, kind: str, call: Call) -> StoredAnswer:
    rows = [fact_row(fact) for fact in body.facts]
    return await _stored(service, facts_record(service, rows, kind, call), len(rows))


def fact_row(fact: Fact) -> dict[str, Any]:
    """A fact as records have it."""
    return {**msgspec.structs.asdict(fact), "head": str(fact.head), "tail": str(fact.tail)}


def facts_record(service: Service, rows: list[dict[str, Any]], kind: str, call: Call) -> Record:
    """The record of facts that are added or removed. Raises Problem."""
    if kind == FACTS:
        _refuse_erased(service, [user for row in rows for user in users_of_fact(row)])
    return {"kind": kind, "facts": rows, "received": now(), "who": call.who}


async def _stored(service: Service, record: Record, count: int = 1) -> StoredAnswer:
    """Store a change of the graph, and answer when the model that answers has it."""
    number = await service.store([record])
    await service.grow()
    why = service.served.live.refused.get(number)
    if why is None:
        return StoredAnswer(accepted=count, sequence=number, effective="now")
    wrong = Refused(index=0, code="does_not_fit", detail=why)
    return StoredAnswer(accepted=0, sequence=number, effective="never", rejected=[wrong])
