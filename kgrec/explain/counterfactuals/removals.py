"""Search for the smallest set of events without which an item leaves the k best.

What each event alone does to the item's lead over each rival is measured; the sum of these says
which sets are worth a whole forward pass over the history without them. The answer is always a set
that was measured, so the sum only guides.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from kgrec.explain.attribution.model_breakdown import RequestBreakdown
from kgrec.explain.counterfactuals.rank_position import RankPosition, margins_of

_ALONE, _SCORES = 192, 4_000_000  # events measured alone: at least, and more by scores computed
_WATCHED, _NEAR = 1_000, 200  # best rivals looked at, and those of them that may overtake
_EVENTS, _WIDTH = 64, 64  # events that sets are made of, and sets that grow by one event
_EXACT = 32  # sets of a size that are measured
_STARTS, _SWAPS = 2, 6  # full sets that are made better, and rounds that swap one of their events
_MOST_EVENTS = 200_000  # in all histories of such a round
_NEAREST_RIVALS = 3  # that an event's contribution is compared with
EventSet = tuple[int, ...]  # positions in the history, in order


class RemovalSearch:
    """One search; ``tried`` counts the histories scored."""

    def __init__(self, position: RankPosition) -> None:
        self.position = position
        self.rivals = position.rivals()
        self.margins: dict[EventSet, float] = {}

    @property
    def tried(self) -> int:
        return len(self.margins)

    def run(self, max_events: int) -> EventSet | None:
        """The first set that pushes the item out, made minimal."""
        if len(self.rivals) < self.position.k:
            return None
        guess = self._alone(max_events)
        best = min(self.margins, key=lambda events: (self.margins[events], events))
        if self._out(best):
            return best
        found = [best]
        for sets in guess.sets(max_events):
            found = self._measure(sets)
            if self._out(found[0]):
                return self._pruned(found[0])
        for start in found[:_STARTS]:
            best = self._swapped(start, guess.events)
            if self._out(best):
                return self._pruned(best)
        return None

    def _alone(self, max_events: int) -> _Guess:
        """Measure single events, and see what they promise together."""
        position = self.position
        events, rivals = self._promising(), self.rivals[: max(_WATCHED, 2 * position.k)]
        histories = position.history.without([np.array([event]) for event in events])
        leads = position.leads(histories, rivals)
        margins = margins_of(leads, position.k).tolist()
        self.margins.update({(event,): m for event, m in zip(events, margins, strict=True)})
        now = position.scores[position.item] - position.scores[rivals]
        return _Guess.of(events, now, leads - now, position.k, max_events)

    def _out(self, events: EventSet) -> bool:
        return self.margins[events] < 0

    def _measure(self, sets: Iterable[EventSet]) -> list[EventSet]:
        """The sets, the one that leaves the item worst off first."""
        asked = list(dict.fromkeys(sets))
        new = [events for events in asked if events not in self.margins]
        if new:
            histories = self.position.history.without([np.array(events) for events in new])
            margins = self.position.margins(histories, self.rivals).tolist()
            self.margins.update(zip(new, margins, strict=True))
        return sorted(asked, key=lambda events: (self.margins[events], events))

    def _swapped(self, events: EventSet, others: list[int]) -> EventSet:
        """The set, made better by exchanging one event at a time while that helps and is needed."""
        room = max(1, _MOST_EVENTS // (len(events) * len(self.position.history)))
        for _ in range(_SWAPS):
            if self._out(events):
                break
            near = [
                tuple(sorted((*(e for e in events if e != left), new)))
                for left in events
                for new in [event for event in others if event not in events][:room]
            ]
            best = self._measure([*near, events])[0]
            if best == events:
                break
            events = best
        return events

    def _pruned(self, events: EventSet) -> EventSet:
        """Without the events that are not needed."""
        while len(events) > 1:
            smaller = [tuple(e for e in events if e != left) for left in events]
            best = self._measure(smaller)[0]
            if not self._out(best):
                break
            events = best
        return events

    def _promising(self) -> list[int]:
        """Positions of the events to measure; of a long history those that gave more to the item
        than to its next rivals."""
        position = self.position
        n, most = len(position.history), max(_ALONE, _SCORES // len(position.scores))
        if n <= most:
            return list(range(n))
        place = position.k - 1
        nearest = self.rivals[place : place + _NEAREST_RIVALS].tolist()
        history = position.history
        scores = RequestBreakdown.of(position.engine, history.request, history.times)
        ahead = scores.break_down(position.item).per_event()
        ahead = ahead - np.mean([scores.break_down(row).per_event() for row in nearest], axis=0)
        return [int(event) for event in np.argsort(-ahead, kind="stable")[:most]]


@dataclass(frozen=True, eq=False)
class _Guess:
    """What sets of ``events`` would do if effects added up: ``now`` float64 ``[R]``, the item's
    lead over some rivals, ``change`` float64 ``[len(events), R]``, what it becomes without one
    event less what it is."""

    events: list[int]
    now: np.ndarray
    change: np.ndarray
    k: int

    @staticmethod
    def of(events: list[int], now: np.ndarray, change: np.ndarray, k: int, most: int) -> _Guess:
        """Of the rivals those that ``most`` events bring nearest, of the events those that bring
        k rivals nearest."""
        few = min(most, len(events))
        reach = now + np.partition(change, few - 1, axis=0)[:few].sum(axis=0)
        rivals = np.argsort(reach, kind="stable")[: max(_NEAR, 2 * k)]
        change = change[:, rivals]
        strength = np.partition(change, k - 1, axis=1)[:, :k].mean(axis=1)
        best = np.argsort(strength, kind="stable")[:_EVENTS]
        return _Guess([events[row] for row in best.tolist()], now[rivals], change[best], k)

    def sets(self, max_events: int) -> Iterable[list[EventSet]]:
        """The most promising sets of two events, of three, …"""
        grown: dict[EventSet, np.ndarray] = {(): self.now}
        for size in range(1, max_events + 1):
            grown = self._grown(grown, size)
            if not grown:
                return
            if size > 1:
                best = list(grown)[:_EXACT]
                yield [tuple(sorted(self.events[row] for row in rows)) for rows in best]

    def _grown(self, sets: dict[EventSet, np.ndarray], size: int) -> dict[EventSet, np.ndarray]:
        """The best sets with one event more, best first, and the leads with each."""
        bases = list(sets)
        leads = np.stack(list(sets.values()))[:, None] + self.change[None]
        margins = margins_of(leads, self.k)
        # A set of n events is reached from up to n bases.
        order = np.argsort(margins, axis=None, kind="stable")[: _WIDTH * 2 * size]
        grown: dict[EventSet, np.ndarray] = {}
        for base, event in zip(*np.unravel_index(order, margins.shape), strict=True):
            rows = tuple(sorted({*bases[base], int(event)}))
            if len(rows) == size and len(grown) < _WIDTH:
                grown.setdefault(rows, leads[base, event])
        return grown
