"""DriftWatch: evaluates the events that a service receives, beside its answers."""

from __future__ import annotations

import json
import math
import queue
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from graph_schema.disk.files import put_text, read_json
from kgrec.drift.gains import FEW_EVENTS, Arrival, gain_of, is_target, rank_in_list
from kgrec.drift.monitor import Alarm, DriftMonitor, OncePerUser
from kgrec.errors import KgrecError, RequestError
from kgrec.query import Query
from kgrec.state import FittedState

_WAITING: Final = 64  # events that wait to be evaluated, at most
_KEPT: Final = 100  # alarms in the file
Current = Callable[[], tuple[FittedState, int] | None]


class DriftWatch:
    """Evaluates events in a thread of its own, and adds them to a ``DriftMonitor``.

    Offering an event takes microseconds. Evaluating it takes one list, so that at most
    ``per_second`` are evaluated: where more come, some of them, evenly in time; and of each user
    one in an hour.

    Parameters
    ----------
    current : callable
        The state that answers, with its live events, and the number of the last record that its
        graph has; None before there is one.
    alarms : Path
        The JSON file that keeps the last hundred alarms.
    per_second : float
        How many events are evaluated; 0: none, and nothing is started.
    said : callable
        Called with each alarm.
    """

    def __init__(
        self,
        current: Current,
        alarms: Path,
        per_second: float,
        said: Callable[[Alarm], None] = lambda alarm: None,
    ) -> None:
        self.monitor = DriftMonitor()
        self.evaluated = self.skipped = 0
        self._current, self._file, self._said = current, alarms, said
        self._every = 1 / per_second if per_second > 0 else math.inf
        self._next = 0.0
        self._users = OncePerUser()
        self._waiting: queue.Queue[Mapping[str, Any] | None] = queue.Queue(_WAITING)
        self._thread = threading.Thread(target=self._evaluate_on, name="kgrec-drift", daemon=True)
        if per_second > 0:
            self._thread.start()

    def offer(self, record: Mapping[str, Any]) -> None:
        """Take in the record of an event, after its number is known."""
        now = time.monotonic()
        if (
            now < self._next
            or not self._thread.is_alive()
            or not self._users.admits(record["user"], now)
        ):
            self.skipped += 1
            return
        try:
            self._waiting.put_nowait(record)
            self._next = now + self._every
        except queue.Full:
            self.skipped += 1

    def stop(self) -> None:
        """End the thread, after what waits."""
        if self._thread.is_alive():
            self._waiting.put(None)
            self._thread.join(5)

    def _evaluate_on(self) -> None:
        while (record := self._waiting.get()) is not None:
            for alarm in self._evaluated(record):
                keep(self._file, alarm)
                self._said(alarm)

    def _evaluated(self, record: Mapping[str, Any]) -> list[Alarm]:
        """The alarms of an event. No state is held between two events, as it may be replaced."""
        current = self._current()
        try:
            arrival = None if current is None else arrival_of(*current, record)
        except KgrecError:  # such as a rule that does not fit any more; lists say so
            arrival = None
        if arrival is None:
            self.skipped += 1
            return []
        self.evaluated += 1
        return self.monitor.add(arrival)


def arrival_of(state: FittedState, folded_until: int, record: Mapping[str, Any]) -> Arrival | None:
    """An event of a log as its user's list of before had it.

    None for an event that the graph has already, that is no target, of an item that the graph does
    not have or the user has chosen before, and with a private model.
    """
    engine, user, number = state.engine, record["user"], record["number"]
    row = engine.item_row.get(record["item"])
    rating = record.get("rating")
    said = record.get("event") or "", math.nan if rating is None else rating
    if row is None or number <= folded_until or engine.private:
        return None
    if not is_target(engine.model.shape.feedback, *said):
        return None
    resolver = state.resolver
    if state.live is not None:
        resolver = replace(resolver, live=state.live.before(user, number))
    scenario = record.get("scenario")
    name = scenario if scenario in state.scenarios else None
    try:
        request = resolver.resolve(Query(users=[user], scenario=name))
    except RequestError:  # nobody knows the user yet
        request = resolver.resolve(Query(histories=[[]], scenario=name))
    rank = rank_in_list(engine, request, row)
    if not rank:
        return None
    return Arrival(
        float(gain_of(rank, len(engine.snapshot.items))),
        name or "",
        len(request.histories.item) < FEW_EVENTS,
        int(engine.inputs.items.item_row[row]) < 0,
    )


def keep(file: Path, alarm: Alarm) -> None:
    """Add an alarm to the file, which keeps the last hundred; a file that can't be read or written
    keeps none."""
    try:
        known = kept(file)
        put_text(file, json.dumps([*known, alarm.to_json()][-_KEPT:], indent=1), private=True)
    except OSError:
        return


def kept(file: Path) -> list[dict[str, Any]]:
    """The alarms of a file, oldest first; none where it is not there or damaged."""
    try:
        found = read_json(file)
    except (OSError, ValueError):
        return []
    return found if isinstance(found, list) else []
