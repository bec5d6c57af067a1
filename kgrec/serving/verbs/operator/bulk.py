"""Bulk: items, users, entities, facts and events, one on each line, in one request."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Final

import msgspec

from graph_schema.names import ENTITY, ITEM, USER
from kgrec.errors import ServiceError
from kgrec.serving.event_log import Record
from kgrec.serving.live_graph import EVENT, FACTS
from kgrec.serving.problems import Problem, problem_of_body
from kgrec.serving.service import Service
from kgrec.serving.verbs.bodies import EventBody, Fact, Id, NodeBody
from kgrec.serving.verbs.call import Call
from kgrec.serving.verbs.operator.answers import BulkAnswer, RefusedLine
from kgrec.serving.verbs.writes import NewEvents, fact_row, facts_record, node_record

PARAMS: Final = {
    "missing": "create (default): events of unknown items wait for the item; reject: refuse them",
    "all": "true: nothing is stored where a line is refused; for at most 10,000 lines",
}
_GROUP = 1_000  # lines that are stored and flushed together
_PART = 50  # lines between two looks at the other requests
_MOST_AT_ONCE = 10_000
_MOST_NAMED = 1_000


class ItemLine(NodeBody, kw_only=True, tag_field="kind", tag="item"):
    """An item, or attributes of one to change."""

    id: Id


class UserLine(NodeBody, kw_only=True, tag_field="kind", tag="user"):
    """A user, or attributes of one to change."""

    id: Id


class EntityLine(NodeBody, kw_only=True, tag_field="kind", tag="entity"):
    """An entity, or attributes of one to change."""

    id: Id


class FactLine(Fact, kw_only=True, tag_field="kind", tag="fact"):
    """A fact to add."""


class EventLine(EventBody, kw_only=True, tag_field="kind", tag="event"):
    """An event."""


Line = ItemLine | UserLine | EntityLine | FactLine | EventLine
_LABELS: Final = {ItemLine: ITEM, UserLine: USER, EntityLine: ENTITY}
_decode = msgspec.json.Decoder(Line).decode
_CHOICES: Final = {"missing": ("create", "reject"), "all": ("false", "true")}


async def bulk(service: Service, body: AsyncIterator[bytes], call: Call) -> BulkAnswer:
    """Store items, users, entities, facts and events, a JSON object a line (or in a JSON list).

    Lines are stored in groups of a thousand; what is wrong with a line is said by its number, and
    the others are stored, unless ``all`` is true. Sending a file again is safe: nodes and facts
    are the same then, and so are events with an id, or with the same Idempotency-Key."""
    call.check(*PARAMS)
    whole = _choice(call, "all") == "true"
    with _alone(service):
        load = _Load(service, call, whole=whole)
        try:
            async for line in body:
                await load.add(line)
            await load.store()
        except (Problem, ServiceError) as error:
            raise load.stopped(error) from None
    return load.answer()


class _Load:
    """One request: the lines so far."""

    def __init__(self, service: Service, call: Call, *, whole: bool) -> None:
        self.service, self.call, self.whole = service, call, whole
        self.events = NewEvents(service, _choice(call, "missing"), call)
        self.refused: list[RefusedLine] = []
        self.line = self.stored_until = self.accepted = self.count_refused = 0
        self.sequence = service.log.last
        self._records: list[Record] = []
        self._lines: list[int] = []

    async def add(self, line: bytes) -> None:
        """Take in the next line. Raises Problem, ServiceError."""
        self.line += 1
        if line.strip():
            await self._take(line)
        if self.line % _PART == 0:
            await asyncio.sleep(0)
        if self.whole and self.line > _MOST_AT_ONCE:
            detail = f"all=true allows {_MOST_AT_ONCE:,} lines; send less, or leave it out."
            raise Problem(413, "too_large", detail)
        if not self.whole and len(self._records) >= _GROUP:
            await self.store()

    async def store(self) -> None:
        """Store what was taken in since the last time, and let answers have it; nothing where the
        whole is refused."""
        if self.whole and self.count_refused:
            return
        if self._records:
            first = await self.service.store(self._records)
            self.sequence = max(first + len(self._records) - 1, self.sequence)
            if any(record["kind"] != EVENT for record in self._records):
                await self.service.grow()
                self._name_what_does_not_fit(first)
        self.accepted += len(self._records)
        self.service.metrics.events.labels("accepted").inc(self.events.take_count())
        self.stored_until = self.line
        self._records, self._lines = [], []

    def _name_what_does_not_fit(self, first: int) -> None:
        refused = self.service.served.live.refused
        for place, line in enumerate(self._lines):
            why = refused.get(first + place)
            if why is not None:
                self.accepted -= 1
                self._refuse(Problem(422, "does_not_fit", why), line)

    def stopped(self, error: Problem | ServiceError) -> Problem:
        """The answer where the rest can't be read or stored: what is stored, and what is not."""
        found = error if isinstance(error, Problem) else Problem(503, "unavailable", str(error))
        if self.stored_until:
            found.detail += (
                f" The lines until {self.stored_until:,} are stored; send the others again."
            )
        return found

    def answer(self) -> BulkAnswer:
        """What became of the lines."""
        return BulkAnswer(
            lines=self.line,
            accepted=self.accepted,
            duplicate=self.events.duplicate,
            refused=self.count_refused,
            errors=sorted(self.refused, key=lambda one: one.line),
            sequence=self.sequence,
            effective="now",
        )

    async def _take(self, line: bytes) -> None:
        try:
            value = _decode(line)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            self._refuse(problem_of_body(error))
            return
        try:
            await self._keep(value)
        except Problem as problem:
            self._refuse(problem)

    async def _keep(self, value: Line) -> None:
        """Make the record of a line. Raises Problem where it is refused."""
        if isinstance(value, EventLine):
            record = await self.events.record(value, self.line - 1)
        elif isinstance(value, FactLine):
            record = facts_record(self.service, [fact_row(value)], FACTS, self.call)
        else:
            label = _LABELS[type(value)]
            record = node_record(self.service, label, str(value.id), value.attributes, self.call)
            if label == ITEM:
                self.events.coming.add(str(value.id))
        if record is not None:  # else it is known already
            self._records.append(record)
            self._lines.append(self.line)

    def _refuse(self, problem: Problem, line: int | None = None) -> None:
        self.count_refused += 1
        if len(self.refused) < _MOST_NAMED:
            at = self.line if line is None else line
            self.refused.append(RefusedLine(line=at, code=problem.code, detail=problem.detail))


@contextmanager
def _alone(service: Service) -> Iterator[None]:
    """One load at a time, so that memory and the disk are shared with the others. Raises
    Problem."""
    if service.loading:
        raise Problem(
            503, "busy", "another load runs; try again soon.", headers={"Retry-After": "1"}
        )
    service.loading = True
    try:
        yield
    finally:
        service.loading = False


def _choice(call: Call, name: str) -> str:
    """A parameter of few values, the first by default. Raises Problem."""
    values = _CHOICES[name]
    given = call.params.get(name, values[0])
    if given not in values:
        raise Problem(422, "invalid_parameter", f"{name} is {' or '.join(values)}.")
    return given
