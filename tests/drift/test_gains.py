"""Gains of events: ranks are those of the lists of before."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from kgrec import Recommender
from kgrec.drift import DriftMonitor, arrival_gains, gain_of, outgrown
from kgrec.drift import watch as watch_module
from kgrec.drift.watch import DriftWatch, arrival_of, keep, kept
from kgrec.errors import RequestError
from kgrec.scoring.live_events import LiveEvent, LiveEvents
from kgrec.state import FittedState
from tests.drift.test_monitor import _events, _fed
from tests.recommender import catalogs


@cache
def _state() -> FittedState:
    return Recommender(catalogs.config()).fit(catalogs.catalog(), effort="quick").state


def _record(number: int, user: str, item: str, **more: Any) -> dict[str, Any]:
    return {"number": number, "kind": "event", "user": user, "item": item, "timestamp": 2, **more}


def test_ranks_are_those_of_lists_and_what_no_list_has_is_left_out() -> None:
    model = Recommender.of(_state())
    users = ["u1", "u2", "nobody"]
    lists = model.recommend(users[:2], k=len(model.snapshot.items))
    picked = lists[lists["rank"].isin([1, 4, 9])]
    old = model.snapshot.interactions
    seen = model.snapshot.items.ids[old.item[old.user == model.snapshot.users.rows(["u1"])[0]][0]]
    more = pd.DataFrame({"user_id": ["u1", "u2", "nobody"], "item_id": [seen, "what", "i3"]})
    found = arrival_gains(_state(), pd.concat([picked[["user_id", "item_id"]], more]))
    np.testing.assert_array_equal(found["rank"].iloc[:-1], picked["rank"])
    assert found["user_id"].iloc[-1] == "nobody"
    assert found["new_user"].iloc[-1]
    assert len(found) == len(picked) + 1
    expected = gain_of(found["rank"].to_numpy(), len(model.snapshot.items))
    np.testing.assert_allclose(found["gain"], expected)
    assert gain_of(1, 40) == 1
    assert gain_of(40, 40) == 0


def test_events_without_columns_are_refused() -> None:
    with pytest.raises(RequestError, match="no column 'item_id'"):
        arrival_gains(_state(), pd.DataFrame({"user_id": ["u1"]}))


def test_an_event_of_a_log_is_evaluated_by_the_list_of_before() -> None:
    """Its own record and later ones don't count, earlier ones do."""
    live, n_items = LiveEvents(), len(_state().snapshot.items)
    for number, item in ((5, "i3"), (6, "i7"), (7, "i11")):
        live.add("fresh", LiveEvent(number, item, 2))
    state = replace(_state(), live=live)
    alone = Recommender.of(_state()).recommend(histories=[["i3"]], k=n_items)
    rank = int(alone.set_index("item_id").loc["i7", "rank"])
    found = arrival_of(state, 4, _record(6, "fresh", "i7"))
    assert found is not None
    assert found.gain == pytest.approx(float(gain_of(rank, n_items)))
    assert found.new_user
    assert arrival_of(state, 6, _record(6, "fresh", "i7")) is None, "the graph has it"
    assert arrival_of(state, 4, _record(6, "fresh", "none")) is None
    assert arrival_of(state, 4, _record(6, "fresh", "i3")) is None, "chosen before"
    first = arrival_of(state, 4, _record(5, "fresh", "i3", scenario="web"))
    assert first is not None
    assert first.scenario in ("", "web")


def test_a_watch_evaluates_what_is_offered_and_keeps_alarms(tmp_path: Path) -> None:
    watch = DriftWatch(lambda: (_state(), 0), tmp_path / "drift.json", per_second=1e6)
    for number in range(20):
        watch.offer(_record(number + 1, f"v{number}", f"i{number}"))
    watch.offer(_record(21, "v", "nothing"))
    watch.stop()
    assert (watch.evaluated, watch.skipped) == (20, 1)
    assert watch.monitor.events == 20
    watch.offer(_record(22, "v", "i3"))
    assert watch.skipped == 2, "it has ended"
    off = DriftWatch(lambda: None, tmp_path / "none.json", per_second=0)
    off.offer(_record(1, "v", "i3"))
    off.stop()
    assert off.skipped == 1


def test_a_graph_that_outgrew_its_fit_is_told() -> None:
    state = _state()
    assert outgrown(state) == ""
    assert state.origin is not None
    small = replace(state, origin=replace(state.origin, events=100))
    assert f"{len(state.snapshot.interactions) / 100:.1f} times the events" in outgrown(small)
    assert "kgrec train" in outgrown(small)
    assert outgrown(replace(state, origin=replace(state.origin, events=None))) == ""
    news = pd.DataFrame(
        {"user_id": [f"u{n % 60}" for n in range(80)], "item_id": ["new", "newer"] * 40}
    )
    grown = Recommender.of(state).update(news).state
    assert "13% of the events" in outgrown(grown)


def test_the_file_keeps_the_last_alarms(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch_module, "_KEPT", 3)
    monitor, file = DriftMonitor(), tmp_path / "drift.json"
    _fed(monitor, _events(0, 3_000))
    alarm = _fed(monitor, _events(1, 2_000, b=0.2))[0]
    assert kept(file) == []
    for number in range(5):
        keep(file, replace(alarm, when=number))
    assert [one["when"] for one in kept(file)] == [2, 3, 4]
    file.write_text("{")
    assert kept(file) == []
    keep(tmp_path / "missing" / "drift.json", alarm)
