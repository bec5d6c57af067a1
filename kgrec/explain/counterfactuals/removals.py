"""RemovalSearch: the smallest set of events without which an item leaves the k best.

The effect of removing each single event on the item's lead over each rival is measured. The sum of
these effects estimates the effect of a set, and sets with a promising estimate are measured by a
whole forward pass over the history without them. The result is always a measured set.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from kgrec.explain.attribution.model_breakdown import RequestBreakdown
from kgrec.explain.counterfactuals.rank_position import RankPosition, margins_of

_ALONE, _SCORES = 192, 4_000_000  # single events measured: at least, and until so many scores
_WATCHED, _NEAR = 1_000, 200  # best rivals considered, and those nearest to the item
_EVENTS, _WIDTH = 64, 64  # events in sets, and sets kept at each size
_EXACT = 32  # sets measured at each size
_STARTS, _SWAPS = 2, 6  # full sets to improve, and rounds that swap one of their events
_MOST_EVENTS = 200_000  # in all histories of such a round
_NEAREST_RIVALS = 3  # rivals that contributions of events are compared with
EventSet = tuple[int, ...]  # positions in the history, in order


class RemovalSearch:
    """One search; ``tried`` counts the histories that were scored."""

    def __init__(self, position: RankPosition) -> None:
        self.position = position
        self.rivals = position.rivals()
        self.margins: dict[EventSet, float] = {}

    @property
    def tried(self) -> int:
        return len(self.margins)

    def run(self, max_events: int) -> EventSet | None:
        """The first set found that moves the item out of the k best, made minimal."""
        if len(self.rivals) < self.position.k:
            return None
        estimate = self._alone(max_events)
        best = min(self.margins, key=lambda events: (self.margins[events], events))
        if self._out(best):
            return best
        found = [best]
        for sets in estimate.sets(max_events):
            found = self._measure(sets)
            if self._out(found[0]):
                return self._pruned(found[0])
        for start in found[:_STARTS]:
            best = self._swapped(start, estimate.events)
            if self._out(best):
                return self._pruned(best)
        return None

    def _alone(self, max_events: int) -> _Estimate:
        """Measure single events, and estimate sets from them."""
        position = self.position
        events, rivals = self._promising(), self.rivals[: max(_WATCHED, 2 * position.k)]
        histories = position.history.without([np.array([event]) for event in events])
        leads = position.leads(histories, rivals)
        margins = position.margins_of(leads, rivals).tolist()
        self.margins.update({(event,): m for event, m in zip(events, margins, strict=True)})
        now = position.scores[position.item] - position.scores[rivals]
        return _Estimate.of(events, now, leads - now, position.k, max_events)

    def _out(self, events: EventSet) -> bool:
        return self.margins[events] < 0

    def _measure(self, sets: Iterable[EventSet]) -> list[EventSet]:
        """The sets in ascending order of the margin they leave the item."""
        wanted = list(dict.fromkeys(sets))
        new = [events for events in wanted if events not in self.margins]
        if new:
            histories = self.position.history.without([np.array(events) for events in new])
            margins = self.position.margins(histories, self.rivals).tolist()
            self.margins.update(zip(new, margins, strict=True))
        return sorted(wanted, key=lambda events: (self.margins[events], events))

    def _swapped(self, events: EventSet, others: list[int]) -> EventSet:
        """Exchange one event at a time while the set gets better and the item is still in."""
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
        """The set without the events that are not needed."""
        while len(events) > 1:
            smaller = [tuple(e for e in events if e != left) for left in events]
            best = self._measure(smaller)[0]
            if not self._out(best):
                break
            events = best
        return events

    def _promising(self) -> list[int]:
        """Positions of the events to measure.

        Of a long history the events that contributed most to the item's lead over its nearest
        rivals.
        """
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
class _Estimate:
    """Effects of sets of ``events`` if the effects of single events add up.

    ``now`` float64 ``[R]``: the item's lead over some rivals; ``change`` float64 ``[len(events),
    R]``: by how much the removal of one event changes it.
    """

    events: list[int]
    now: np.ndarray
    change: np.ndarray
    k: int

    @staticmethod
    def of(events: list[int], now: np.ndarray, change: np.ndarray, k: int, most: int) -> _Estimate:
        """Keep the rivals that ``most`` events bring nearest, and the events with the largest
        effect on k of them.
        """
        few = min(most, len(events))
        reach = now + np.partition(change, few - 1, axis=0)[:few].sum(axis=0)
        rivals = np.argsort(reach, kind="stable")[: max(_NEAR, 2 * k)]
        change = change[:, rivals]
        strength = np.partition(change, k - 1, axis=1)[:, :k].mean(axis=1)
        best = np.argsort(strength, kind="stable")[:_EVENTS]
        return _Estimate([events[row] for row in best.tolist()], now[rivals], change[best], k)

    def sets(self, max_events: int) -> Iterable[list[EventSet]]:
        """The most promising sets of two events, then of three, …"""
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
        # The same set of n events may be grown from up to n smaller sets.
        order = np.argsort(margins, axis=None, kind="stable")[: _WIDTH * 2 * size]
        grown: dict[EventSet, np.ndarray] = {}
        for base, event in zip(*np.unravel_index(order, margins.shape), strict=True):
            rows = tuple(sorted({*bases[base], int(event)}))
            if len(rows) == size and len(grown) < _WIDTH:
                grown.setdefault(rows, leads[base, event])
        return grown
