"""What an alarm says: which stream, which group, which part of the gain, and what to run."""

from __future__ import annotations

import json
from collections.abc import Iterable

import numpy as np
import pytest

from kgrec.drift import Alarm, Arrival, DriftMonitor, OncePerUser
from kgrec.drift import monitor as monitor_module
from kgrec.drift.monitor import TRAIN, UPDATE


def _fed(monitor: DriftMonitor, arrivals: Iterable[Arrival]) -> list[Alarm]:
    return [alarm for one in arrivals for alarm in monitor.add(one)]


def _events(seed: int, n: int, *, b: float = 0.5, new_items: float = 0.0) -> Iterable[Arrival]:
    """Half of them in scenario b, where the mean gain is ``b``; new items have less."""
    rng = np.random.default_rng(seed)
    for place in range(n):
        inside, new = place % 2 == 1, bool(rng.random() < new_items)
        mean = (b if inside else 0.5) - 0.3 * new
        gain = float(np.clip(rng.normal(mean, 0.15), 0, 1))
        yield Arrival(gain, "b" if inside else "a", new_user=place % 5 == 0, new_item=new)


def test_a_scenario_that_fell_is_named() -> None:
    monitor = DriftMonitor()
    assert _fed(monitor, _events(0, 6_000)) == []
    alarms = _fed(monitor, _events(1, 1_500, b=0.35))
    streams = [alarm.stream for alarm in alarms]
    assert "scenario b" in streams
    assert "scenario a" not in streams
    whole = next(alarm for alarm in alarms if alarm.stream == "all events")
    assert whole.moved[0].group == "scenario b"
    assert whole.by_gain < whole.by_mix
    assert abs(whole.by_mix) < 0.01
    assert whole.command == TRAIN
    assert "scenario b" in str(whole)
    assert TRAIN in str(whole)
    assert monitor.alarms == tuple(alarms)


def test_more_new_items_are_a_change_of_the_mix() -> None:
    monitor = DriftMonitor()
    assert _fed(monitor, _events(0, 6_000, new_items=0.02)) == []
    alarm = next(a for a in _fed(monitor, _events(1, 3_000, new_items=0.4)))
    assert alarm.moved[0].group == "new items"
    assert alarm.moved[0].share > alarm.moved[0].share_before
    assert alarm.by_mix < alarm.by_gain
    assert alarm.command == UPDATE


def test_of_each_user_one_event_in_an_hour_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(monitor_module, "_USERS", 2)
    users = OncePerUser()
    assert [users.admits("a", at) for at in (0, 10, 3_599, 3_600, 3_601)] == [
        True,
        False,
        False,
        True,
        False,
    ]
    assert all(users.admits(user, 3_602) for user in ("b", "c"))
    assert users.admits("a", 3_603), "forgotten for newer ones"


def test_parts_add_up_and_a_rise_is_no_alarm() -> None:
    monitor = DriftMonitor()
    _fed(monitor, _events(0, 4_000, new_items=0.1))
    alarm = _fed(monitor, _events(1, 2_000, b=0.4, new_items=0.3))[0]
    assert alarm.by_mix + alarm.by_gain == pytest.approx(alarm.since - alarm.before, abs=0.02)
    monitor = DriftMonitor()
    _fed(monitor, _events(0, 4_000))
    assert _fed(monitor, _events(1, 2_000, b=0.8)) == []
    assert monitor.gains()["scenario b"] == pytest.approx(0.8, abs=0.03)


def test_many_scenarios_take_no_more_memory_and_all_is_json() -> None:
    monitor = DriftMonitor()
    _fed(monitor, (Arrival(0.5, f"s{n}") for n in range(500)))
    assert len(monitor.gains()) <= 40
    assert monitor.events == 500
    _fed(monitor, _events(0, 3_000))
    _fed(monitor, _events(0, 3_000, b=0.1))
    said = json.loads(json.dumps(monitor.state(), allow_nan=False))
    assert said["alarms"]
