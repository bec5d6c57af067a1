"""``python -m benchmarks.drift``: how soon a change of tastes is noticed, and false alarms.

Gains are those of a real model: a quick fit to ml-1m-kg, whose lists judge the test rows. Streams
are drawn from them by seeds. "stationary": events in random order. "half", "a quarter", "a tenth":
after 20,000 such events this share has an item that somebody else chose, as if tastes had moved to
other users; the figure is how many events came until the alarm. "order": the test rows as they
came, one of each user in an hour, while the model stays. The gain and the confidence were chosen on
validation rows.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np
import pandas as pd

from benchmarks.harness import report
from benchmarks.harness.datasets import load_dataset
from kgrec import Recommender
from kgrec.drift import Arrival, DriftMonitor, arrival_gains
from kgrec.drift.monitor import ALL, OncePerUser

SHARES: Final = {"half": 0.5, "a quarter": 0.25, "a tenth": 0.1}
_BEFORE, _AFTER, _STATIONARY = 20_000, 20_000, 100_000
Gains = np.ndarray


def main(arguments: Sequence[str] | None = None) -> None:
    asked = _parser().parse_args(arguments)
    model = Recommender().fit(load_dataset(asked.data).catalog, effort="quick")
    events = held_events(model)
    moved = events.assign(item_id=np.random.default_rng(0).permutation(events["item_id"]))
    own = arrival_gains(model.state, events)
    other = arrival_gains(model.state, moved)["gain"].to_numpy()
    gains = own["gain"].to_numpy()
    rows = [_stationary(gains, range(asked.seeds))]
    rows += [_shifted(name, gains, other, range(asked.seeds)) for name in SHARES]
    rows.append(_in_order(own))
    result = {
        "benchmark": "drift",
        "data": asked.data,
        "target": "no alarm in 100,000 stationary events; half within 600, a quarter within 3,000",
        "evaluated": len(own),
        "gain": round(float(gains.mean()), 4),
        "gain_of_other_items": round(float(other.mean()), 4),
        "microseconds_per_event": round(_cost(gains), 2),
        "rows": rows,
    }
    report.finish("drift", result, rows, asked.save)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.drift",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--data", default="ml-1m-kg")
    parser.add_argument("--seeds", type=int, default=20, help="streams of each kind")
    parser.add_argument("--save", action="store_true", help="keep the result")
    return parser


def held_events(model: Recommender) -> pd.DataFrame:
    """The test rows of a model's graph, in the order of time."""
    full = model.state.full_snapshot
    rows = full.interactions.select(np.asarray(full.interactions.split) == "test")
    frame = pd.DataFrame(
        {
            "user_id": full.users.ids[rows.user],
            "item_id": full.items.ids[rows.item],
            "timestamp": np.asarray(rows.timestamp),
        }
    )
    return frame.sort_values("timestamp", kind="stable", ignore_index=True)


def alarms(gains: Iterator[float], watched: DriftMonitor) -> Iterator[int]:
    """After how many events each alarm came."""
    for number, gain in enumerate(gains, start=1):
        if watched.add(Arrival(gain)):
            yield number


def _stationary(gains: Gains, seeds: Sequence[int]) -> dict[str, Any]:
    false = 0
    for seed in seeds:
        stream = np.random.default_rng(seed).permutation(gains)[:_STATIONARY]
        false += len(list(alarms(iter(stream.tolist()), DriftMonitor())))
    return {
        "stream": "stationary",
        "events": len(seeds) * min(_STATIONARY, len(gains)),
        "alarms": false,
    }


def _shifted(name: str, gains: Gains, other: Gains, seeds: Sequence[int]) -> dict[str, Any]:
    found = []
    for seed in seeds:
        rng, monitor = np.random.default_rng(seed), DriftMonitor()
        before = list(alarms(iter(rng.choice(gains, _BEFORE).tolist()), monitor))
        assert not before, "an alarm before anything moved"
        moved = rng.random(_AFTER) < SHARES[name]
        later = np.where(moved, rng.choice(other, _AFTER), rng.choice(gains, _AFTER))
        found.append(next(alarms(iter(later.tolist()), monitor), None))
    seen = [one for one in found if one is not None]
    return {
        "stream": name,
        "events": len(seeds) * _AFTER,
        "found": f"{len(seen)} of {len(seeds)}",
        "median": int(np.median(seen)) if seen else None,
        "most": max(seen, default=None),
    }


def _in_order(own: pd.DataFrame) -> dict[str, Any]:
    monitor = DriftMonitor()
    said: list[str] = []
    users = OncePerUser()
    for one in own.to_dict("records"):
        if not users.admits(one["user_id"], one["timestamp"]):
            continue
        arrival = Arrival(one["gain"], "", one["new_user"], one["new_item"])
        for alarm in monitor.add(arrival):
            if alarm.stream == ALL:
                said.append(f"after {monitor.events:,}: {alarm.before:.3f} to {alarm.since:.3f}")
    return {"stream": "order", "events": monitor.events, "alarms": len(said), "said": said}


def _cost(gains: Gains) -> float:
    """Processor microseconds that the monitor takes for an event, of a scenario and a new user."""
    monitor, stream = DriftMonitor(), [Arrival(gain, "a", new_user=True) for gain in gains]
    started = time.process_time()
    for one in stream:
        monitor.add(one)
    return 1e6 * (time.process_time() - started) / len(stream)


if __name__ == "__main__":
    report.run(main)
