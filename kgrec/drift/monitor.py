"""DriftMonitor: watches the gains of arriving events, and says what moved when they fall."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np

from kgrec.drift.adwin import Adwin, Cut
from kgrec.drift.gains import Arrival

ALL, NEW_USERS = "all events", "new users"
DELTA: Final = 0.01
_RECENT: Final = 20_000  # events that are kept to say what moved
_SCENARIOS: Final = 32  # watched each by itself, at most
_ALARMS: Final = 20  # kept
_USERS: Final = 100_000  # whose last event is known
_OTHERS = "other scenarios"
TRAIN: Final = "kgrec train --store STORE --model MODEL"
UPDATE: Final = "kgrec update NEWS --model MODEL --weights"


@dataclass(frozen=True)
class Moved:
    """What a group of events contributes to a change of the mean gain.

    Attributes
    ----------
    group : str
        Such as "scenario web", "new users" or "new items".
    share_before, share : float
        The group's share of all events, before and since.
    gain_before, gain : float
        Its mean gain; NaN where it had no events.
    change : float
        What it contributes: by its share, and by its gain.
    """

    group: str
    share_before: float
    share: float
    gain_before: float
    gain: float
    change: float

    @property
    def whole(self) -> bool:
        """Whether all events are of the group, before and since."""
        return min(self.share, self.share_before) == 1.0


@dataclass(frozen=True)
class Alarm:
    """The gain of arriving events fell.

    Attributes
    ----------
    stream : str
        "all events", "new users", or "scenario NAME".
    when : int
        Unix seconds.
    events : int
        How many events came since the change.
    before, since : float
        Mean gain before and since.
    by_mix, by_gain : float
        Parts of the fall: because other groups choose now, and at the same mix of groups.
    moved : tuple of Moved
        The groups; first the one that contributes most beyond its share of the events.
    command : str
        What to run.
    """

    stream: str
    when: int
    events: int
    before: float
    since: float
    by_mix: float
    by_gain: float
    moved: tuple[Moved, ...]
    command: str

    def __str__(self) -> str:
        part = "the mix of events" if self.by_mix < self.by_gain else "the gain at the same mix"
        most = f"; most of it: {self.moved[0].group}" if self.moved else ""
        return (
            f"the gain of {self.stream} fell from {self.before:.3f} to {self.since:.3f} in the "
            f"last {self.events:,} events ({part} changed more: mix {self.by_mix:+.3f}, gain "
            f"{self.by_gain:+.3f}){most}. Run: {self.command}"
        )

    def to_json(self) -> dict[str, Any]:
        """Plain values; the gain of a group without events is None."""
        values = asdict(self)
        for one in values["moved"]:
            for name in ("gain_before", "gain"):
                one[name] = None if one[name] != one[name] else one[name]
        return {**values, "text": str(self)}


class OncePerUser:
    """Admits one event of a user in an hour: events of one visit resemble each other, so that a
    visit is one observation, and no single user causes an alarm.

    The last 100,000 users are known, the first of whom leaves for a new one.
    """

    def __init__(self, seconds: float = 3_600.0) -> None:
        self._seconds = seconds
        self._last: dict[str, float] = {}

    def admits(self, user: str, at: float) -> bool:
        """Whether an event of a user at ``at`` (unix seconds) counts."""
        last = self._last.get(user)
        if last is not None and at - last < self._seconds:
            return False
        self._last.pop(user, None)
        self._last[user] = at
        if len(self._last) > _USERS:
            del self._last[next(iter(self._last))]
        return True


class DriftMonitor:
    """Watches arriving events: all of them, those of new users, and those of each scenario.

    Its memory is bounded: a logarithmic window for each stream, and the last 20,000 events. After
    an alarm the window starts anew, so that one change is reported once. A rise is no alarm.

    Parameters
    ----------
    delta : float
        Of each stream; see ``Adwin``.
    """

    def __init__(self, delta: float = DELTA) -> None:
        self._delta = delta
        self._streams = {ALL: Adwin(delta), NEW_USERS: Adwin(delta)}
        self._scenarios: dict[str, int] = {}
        self._gain = np.zeros(_RECENT, dtype=np.float32)
        self._cell = np.zeros(_RECENT, dtype=np.int16)
        self.events = 0
        self.alarms: tuple[Alarm, ...] = ()  # the latest last

    def add(self, arrival: Arrival) -> list[Alarm]:
        """Count an event; returns the alarms that it causes."""
        scenario = arrival.scenario
        code = self._scenarios.get(scenario)
        if code is None:
            if len(self._scenarios) > _SCENARIOS:
                scenario = _OTHERS
            code = self._scenarios.setdefault(scenario, len(self._scenarios))
        place = self.events % _RECENT
        self._gain[place] = arrival.gain
        self._cell[place] = code * 4 + arrival.new_user * 2 + arrival.new_item
        self.events += 1
        names = [ALL]
        if arrival.new_user:
            names.append(NEW_USERS)
        if scenario:
            names.append(f"scenario {scenario}")
        found = []
        for name in names:
            stream = self._streams.get(name)
            if stream is None:
                stream = self._streams[name] = Adwin(self._delta)
            cut = stream.add(arrival.gain)
            if cut is not None and cut.fell:
                found.append(self._alarm(name, code, cut))
        self.alarms = (*self.alarms, *found)[-_ALARMS:]
        return found

    def state(self) -> dict[str, Any]:
        """For people and programs: each stream's window and mean gain, and the latest alarms."""
        return {
            "events": self.events,
            "streams": [
                {"name": name, "window": one.width, "gain": None if not one.width else one.mean}
                for name, one in list(self._streams.items())
            ],
            "alarms": [alarm.to_json() for alarm in self.alarms],
        }

    def gains(self) -> dict[str, float]:
        """The mean gain in each stream's window."""
        return {name: one.mean for name, one in list(self._streams.items()) if one.width}

    def _alarm(self, stream: str, code: int, cut: Cut) -> Alarm:
        order = np.arange(max(0, self.events - _RECENT), self.events) % _RECENT
        gain, cell = self._gain[order].astype(np.float64), self._cell[order]
        if stream == NEW_USERS:
            inside = cell // 2 % 2 == 1
        else:
            inside = np.ones(len(cell), dtype=bool) if stream == ALL else cell // 4 == code
        gain, cell = gain[inside], cell[inside]
        since = min(cut.since, max(len(gain) // 2, 1))
        old, new = (
            slice(max(0, len(gain) - since - cut.before), len(gain) - since),
            slice(len(gain) - since, None),
        )
        by_mix, by_gain = _parts((gain[old], cell[old]), (gain[new], cell[new]))
        moved = self._moved((gain[old], cell[old]), (gain[new], cell[new]))
        strange = moved and moved[0].group in ("new items", "new users") and by_mix < by_gain
        return Alarm(
            stream,
            int(time.time()),
            cut.since,
            cut.mean_before,
            cut.mean_since,
            by_mix,
            by_gain,
            moved,
            UPDATE if strange else TRAIN,
        )

    def _moved(
        self, old: tuple[np.ndarray, np.ndarray], new: tuple[np.ndarray, np.ndarray]
    ) -> tuple[Moved, ...]:
        """The groups that a cell belongs to: of scenarios, of users and of items."""
        groups: list[tuple[str, np.ndarray, np.ndarray]] = []
        for name, code in self._scenarios.items():
            if len(self._scenarios) > 1:
                said = f"scenario {name}" if name else "no scenario"
                groups.append((said, old[1] // 4 == code, new[1] // 4 == code))
        for place, kinds in ((2, ("known users", "new users")), (1, ("known items", "new items"))):
            for value, name in enumerate(kinds):
                parts = (one[1] // place % 2 == value for one in (old, new))
                groups.append((name, *parts))
        found = [_group(name, old[0], before, new[0], since) for name, before, since in groups]
        there = [one for one in found if max(one.share, one.share_before) and not one.whole]
        fall = float(new[0].mean() - old[0].mean()) if len(old[0]) else 0.0
        return tuple(sorted(there, key=lambda one: one.change - one.share * fall))


def _group(
    name: str, old: np.ndarray, before: np.ndarray, new: np.ndarray, since: np.ndarray
) -> Moved:
    mean = float(old.mean()) if len(old) else 0.0
    share_before, share = float(before.mean()) if len(old) else 0.0, float(since.mean())
    gain_before = float(old[before].mean()) if before.any() else np.nan
    gain = float(new[since].mean()) if since.any() else np.nan
    was = mean if np.isnan(gain_before) else gain_before
    change = (share - share_before) * (was - mean)
    if since.any():
        change += share * (gain - was)
    return Moved(name, share_before, share, gain_before, gain, float(change))


def _parts(
    old: tuple[np.ndarray, np.ndarray], new: tuple[np.ndarray, np.ndarray]
) -> tuple[float, float]:
    """How much of the change of the mean is that of the mix of cells, and that of their gains; both
    add up to it. A cell that is new belongs to the mix."""
    if not len(old[0]) or not len(new[0]):
        return 0.0, 0.0
    size = int(max(old[1].max(), new[1].max())) + 1
    counts = [np.bincount(cell, minlength=size) for _, cell in (old, new)]
    sums = [np.bincount(cell, gain, minlength=size) for gain, cell in (old, new)]
    both = (counts[0] > 0) & (counts[1] > 0)
    means = [total / np.maximum(count, 1) for total, count in zip(sums, counts, strict=True)]
    share = counts[1] / counts[1].sum()
    by_gain = float((share * (means[1] - means[0]))[both].sum())
    return float(new[0].mean() - old[0].mean()) - by_gain, by_gain
