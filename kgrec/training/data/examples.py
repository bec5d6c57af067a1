"""Training examples: some of a user's events as history, later or hidden ones as targets."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from kgrec.arrays import offsets, ranges, row_numbers
from kgrec.feedback import EventWeights, cap_repeats
from kgrec.graph.snapshot import GraphSnapshot, Ints
from kgrec.nn.histories import Histories, both_ages

_LATER_GAP = (0.1, 0.5)  # of the history: events skipped before later targets
_LATER_DECAY, _LATER_TARGETS = 300.0, 300
_LATER_WEIGHT = 0.2  # of one later target, of which there are many
_EARLY_EVENTS, _EARLY_DECAY = 30, 10.0  # early cuts lie within the first events


@dataclass(frozen=True, eq=False)
class Sequences:
    """All users' events, user by user, oldest first: ``indptr`` int64 ``[m + 1]``, others ``[n]``.

    ``text`` int64 row of the event's own text or -1; ``scenario`` int64 codes, -1 for none.
    ``weight`` float32, what each event says, and ``target`` bool, whether lists are to find it;
    None where each event has the weight 1 and is a target. At most ``repeats`` events of a user
    with one item count.
    """

    indptr: Ints
    item: Ints
    timestamp: Ints
    text: Ints
    scenario: Ints
    weight: np.ndarray | None = None
    target: np.ndarray | None = None
    repeats: int = 1

    @staticmethod
    def build(
        snapshot: GraphSnapshot, text: Ints, scenario: Ints, feedback: EventWeights | None = None
    ) -> Sequences:
        """``text`` and ``scenario`` hold one value per interaction of the snapshot. Raises
        RequestError for a kind of event that ``feedback`` gives no weight."""
        seen = snapshot.interactions
        plain = Sequences(
            seen.indptr(len(snapshot.users)), seen.item, seen.timestamp, text, scenario
        )
        if feedback is None:
            return plain
        return replace(
            plain,
            weight=feedback.of_interactions(seen),
            target=feedback.targets_of(seen),
            repeats=feedback.repeats,
        )

    def lengths(self) -> Ints:
        return np.diff(self.indptr)

    def times(self, user: int) -> Ints:
        """int64: the timestamps of one user's events, oldest first."""
        return self.timestamp[self.indptr[user] : self.indptr[user + 1]]

    def histories(
        self, users: Ints, scenario: Ints | None = None, *, later: bool = False
    ) -> Histories:
        """The whole histories of ``users`` (int64 rows ``[B]``)."""
        starts = self.indptr[users]
        lengths = self.indptr[users + 1] - starts
        events = ranges(starts, lengths)
        indptr = offsets(lengths)
        age, visit = both_ages(indptr, self.timestamp[events])
        return Histories(
            indptr=indptr,
            item=self.item[events],
            age=age,
            visit=visit,
            text=self.text[events],
            user=users,
            scenario=np.full(len(users), -1) if scenario is None else scenario,
            later=np.full(len(users), later),
            weight=self._weights(indptr, events),
            row=events,
        )

    def _weights(self, indptr: Ints, events: Ints) -> np.ndarray | None:
        """What the events of histories say, float32 ``[nnz]``; None where each says the same."""
        if self.weight is None:
            return None
        return cap_repeats(indptr, self.item[events], self.weight[events], self.repeats)

    def target_weights(self, events: Ints) -> np.ndarray:
        """float32 ``[t]``: how much each event counts as a target, 0 for one that is none."""
        if self.weight is None or self.target is None:
            return np.ones(len(events), dtype=np.float32)
        return np.where(self.target[events], self.weight[events], np.float32(0))

    def _histories(
        self,
        users: Ints,
        indptr: Ints,
        events: Ints,
        keep: np.ndarray,
        scenario: Ints | None,
        later: np.ndarray,
    ) -> Histories:
        """Ages are those in the whole history, also where ``keep`` hides some of its events."""
        age, visit = both_ages(indptr, self.timestamp[events])
        kept = offsets(keep)[indptr]
        none = np.full(len(users), -1, dtype=np.int64)
        chosen = events[keep]
        return Histories(
            indptr=kept,
            item=self.item[chosen],
            age=age[keep],
            visit=visit[keep],
            text=self.text[chosen],
            user=users,
            scenario=none if scenario is None else scenario,
            later=later,
            weight=self._weights(kept, chosen),
        )


@dataclass(frozen=True, eq=False)
class Examples:
    """B examples. ``seen_*`` and ``target_*`` int64 pairs (row of the batch, item row); a seen item
    is no candidate. ``target_weight`` float32."""

    histories: Histories
    seen_row: Ints
    seen_item: Ints
    target_row: Ints
    target_item: Ints
    target_weight: np.ndarray


@dataclass(frozen=True)
class CutSettings:
    """Settings of ``time_cuts``, named as those of ``TrainingConfig``."""

    history_dropout: float
    late_cuts: float
    early_cuts: float
    target_decay: float
    target_reach: float
    max_targets: int
    later_share: float
    scenario_dropout: float = 0.0


def time_cuts(
    data: Sequences,
    users: Ints,
    rng: np.random.Generator,
    settings: CutSettings,
) -> Examples:
    """Cut each user's events at a random place: history before it, targets after it.

    The cut lies at uniform ** ``late_cuts`` of the events, and for ``early_cuts`` of the users
    among the first ones, so that short histories occur often enough. A target's weight decays with
    its distance from the cut, over ``target_decay`` events plus ``target_reach`` of the history;
    items seen before the cut are no targets. For ``later_share`` of the users the targets lie
    further in the future: some events after the cut are skipped, and the following ones have about
    equal weights.

    An example's scenario is that of the first event after the cut, and its targets are events of
    that scenario; a share ``scenario_dropout`` has no scenario and all events as targets.
    """
    lengths = data.lengths()[users]
    cut = (rng.random(len(users)) ** settings.late_cuts * lengths).astype(np.int64)
    early = (rng.random(len(users)) < settings.early_cuts) & (lengths > 1)
    latest = np.clip(lengths - 1, 1, _EARLY_EVENTS)
    cut = np.where(early, (latest + 0.999) ** rng.random(len(users)), cut).astype(np.int64)
    later = (rng.random(len(users)) < settings.later_share) & ~early
    gap = np.where(later, rng.uniform(*_LATER_GAP, len(users)) * cut, 0.0).astype(np.int64)
    gap = np.minimum(gap, lengths - cut - 1)
    counts = np.minimum(lengths - cut - gap, np.where(later, _LATER_TARGETS, settings.max_targets))
    indptr = offsets(cut)
    past = ranges(data.indptr[users], cut)
    future = ranges(data.indptr[users] + cut + gap, counts)
    row = np.repeat(np.arange(len(users)), counts)
    distance = np.arange(len(future)) - offsets(counts)[row]
    decay = np.where(later, _LATER_DECAY, settings.target_decay + settings.target_reach * cut)
    decay = np.where(early, _EARLY_DECAY, decay)
    weight = np.exp(-distance / decay[row]) * np.where(later, _LATER_WEIGHT, 1.0)[row]
    scenario = _hide_scenarios(
        data.scenario[data.indptr[users] + cut], settings.scenario_dropout, rng
    )
    keep = rng.random(len(past)) >= settings.history_dropout
    return _examples(
        data, users, scenario, _Past(indptr, past, keep, np.ones_like(keep)),
        _Targets(row, future, weight.astype(np.float32)), later,
    )  # fmt: skip


def random_masks(
    data: Sequences,
    users: Ints,
    rng: np.random.Generator,
    *,
    history_dropout: float,
    scenario_dropout: float = 0.0,
    user_cap: float | None = None,
) -> Examples:
    """Hide some of each user's events: the others are the history, the hidden ones the targets. An
    example's scenario is that of a random event; see ``time_cuts``. Where more than ``user_cap``
    events of a user are hidden, their weights are scaled down to this sum.
    """
    lengths = data.lengths()[users]
    indptr = offsets(lengths)
    events = ranges(data.indptr[users], lengths)
    keep = rng.random(len(events)) >= history_dropout
    row = row_numbers(indptr)
    pick = indptr[:-1] + (rng.random(len(users)) * lengths).astype(np.int64)
    weight = np.ones(int((~keep).sum()), dtype=np.float32)
    if user_cap is not None:
        hidden = np.bincount(row[~keep], minlength=len(users))
        weight *= np.minimum(1, user_cap / np.maximum(hidden, 1)).astype(np.float32)[row[~keep]]
    scenario = _hide_scenarios(data.scenario[events[pick]], scenario_dropout, rng)
    return _examples(
        data, users, scenario, _Past(indptr, events, keep, keep),
        _Targets(row[~keep], events[~keep], weight), np.zeros(len(users), dtype=bool),
    )  # fmt: skip


def _hide_scenarios(scenario: Ints, dropout: float, rng: np.random.Generator) -> Ints:
    """``scenario`` with a share replaced by -1: requests without a scenario need training too."""
    if not dropout or not (scenario >= 0).any():
        return scenario
    return np.where(rng.random(len(scenario)) < dropout, -1, scenario)


class _Past(NamedTuple):
    """Past events int64 ``[p]`` of users, row by row; ``keep`` bool: those in the history; ``seen``
    bool: those whose items are no candidates."""

    indptr: Ints
    events: Ints
    keep: np.ndarray
    seen: np.ndarray


class _Targets(NamedTuple):
    """Target events int64 ``[t]``, the rows of the batch that they belong to, and their weights."""

    row: Ints
    events: Ints
    weight: np.ndarray


def _examples(
    data: Sequences,
    users: Ints,
    scenario: Ints,
    past: _Past,
    targets: _Targets,
    later: np.ndarray,
) -> Examples:
    """Examples of ``users`` in the scenarios ``scenario``, whose targets are of that scenario."""
    wanted = scenario[targets.row]
    same = (wanted < 0) | (data.scenario[targets.events] == wanted)
    weight = targets.weight
    if data.weight is not None:
        weight = weight * data.target_weights(targets.events)
        same &= weight > 0
    return Examples(
        histories=data._histories(users, past.indptr, past.events, past.keep, scenario, later),
        seen_row=row_numbers(past.indptr)[past.seen],
        seen_item=data.item[past.events[past.seen]],
        target_row=targets.row[same],
        target_item=data.item[targets.events[same]],
        target_weight=weight[same],
    )


def histories_of(histories: Histories, rows: Ints) -> Histories:
    """``rows`` (int64) of ``histories`` alone, in that order."""
    lengths = np.diff(histories.indptr)[rows]
    events = ranges(histories.indptr[rows], lengths)
    return replace(
        histories.select(events, offsets(lengths)),
        user=histories.user[rows],
        scenario=histories.scenario[rows],
        later=histories.later[rows],
        row=None if histories.row is None else histories.row[events],
        context=None if histories.context is None else histories.context[rows],
    )
