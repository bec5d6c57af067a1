"""How fast a service answers, alone and beside events, explanations and changes of the model.

``python -m benchmarks.service`` fits ml-1m-kg with effort quick (2,983 items), serves it on one
core, asks from the other, and prints one line of JSON. The machine should have nothing else to do:
the load average is part of the result. Several processes share all cores with the caller.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from statistics import median
from typing import Any, Final

import numpy as np

import loaders
from benchmarks.harness.datasets import data_folder
from benchmarks.harness.report import finish, names_among, run
from benchmarks.service_load.generator import Answers, Request, at_most, at_rate, generate
from benchmarks.service_load.server import Server, serving
from kgrec import ModelConfig, Recommender, RecommenderConfig
from kgrec.serving.registry import Root

RATE: Final = 200.0
_LOOKS: Final = 10  # at the memory, in a soak
TESTS: Final = ("quiet", "busy", "saturation", "events", "explains", "changes", "overload", "soak")
# Greatest milliseconds, and least answers a second, that are aimed at.
AIMS: Final[dict[str, dict[str, float]]] = {
    "quiet": {"p50_ms": 1.2, "p99_ms": 4.0},
    "saturation": {"per_second": 1800},
    "events": {"p99_ms": 8.0},
    "event acknowledgements": {"p99_ms": 15.0},
    "explains": {"p99_ms": 15.0},
    "explanations": {"p99_ms": 80.0},
    "overload": {"p99_ms": 50.0},
}


class Load:
    """The requests of one run: lists of random users, by a seed."""

    def __init__(self, users: Sequence[str], items: Sequence[str], seed: int = 0) -> None:
        self.users, self.items = list(users), list(items)
        self._rng = np.random.default_rng(seed)
        self._event = 0

    def one_list(self) -> Request:
        """A list of ten for a random user."""
        return Request("/v1/recommend", {"user": self._any(self.users), "k": 10})

    def explanation(self) -> Request:
        """Why a random item, for a random user."""
        body = {"user": self._any(self.users), "item": self._any(self.items), "k": 3}
        return Request("/v1/explain", body)

    def events(self, count: int) -> Request:
        """Events with new ids, of random users and items."""
        events = [
            {"id": self._id(), "user": self._any(self.users), "item": self._any(self.items)}
            for _ in range(count)
        ]
        return Request("/v1/events", {"events": events})

    def event_of(self, user: str, item: str) -> Request:
        """One event."""
        return Request("/v1/events", {"events": [{"id": self._id(), "user": user, "item": item}]})

    def _any(self, values: list[str]) -> str:
        place = int(self._rng.integers(len(values)))
        return values[place]

    def _id(self) -> str:
        self._event += 1
        return f"{os.getpid()}-{time.monotonic_ns()}-{self._event}"


def main(arguments: Sequence[str] | None = None) -> None:
    options = _parser().parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="kgrec-service-") as scratch:
        root = prepared(Path(scratch), options.model)
        rows = []
        for name in options.tests:
            print(f"{name} …", file=sys.stderr)
            rows += measured(name, root, options)
            print(json.dumps(rows[-2:]), file=sys.stderr)  # should a later test fail
    result = {
        "loads": os.getloadavg(),
        "runs": options.runs,
        "processes": options.processes,
        "rows": rows,
    }
    name = "service" if options.processes == 1 else f"service-{options.processes}-processes"
    if options.tests == ["soak"]:
        name += "-soak"
    finish(name, result, [_shown(row) for row in rows], options.save)


def prepared(folder: Path, model: Path | None, data: Path | None = None) -> Root:
    """A root with the models "a" and "b", which are equal; "a" answers. ``data``: where the catalog
    is that they are fitted to, if not ml-1m-kg."""
    if model is None:
        model = folder / "fitted"
        config = RecommenderConfig(model=ModelConfig(use_text=False))
        catalog = loaders.load(data or data_folder() / "ml-1m-kg").catalog
        Recommender(config).fit(catalog, effort="quick").save(model)
    root = Root.open(folder / "service")
    for name in ("a", "b"):
        root.add(name, model)
    root.activate("a", "benchmark")
    return root


def measured(name: str, root: Root, options: argparse.Namespace) -> list[dict[str, Any]]:
    """The rows of one test: medians of some runs, each with a service of its own."""
    runs = [_one(name, root, options, seed) for seed in range(options.runs)]
    return [_median([rows[place] for rows in runs]) for place in range(len(runs[0]))]


def _one(name: str, root: Root, options: argparse.Namespace, seed: int) -> list[dict[str, Any]]:
    model = Recommender.load(root.folder_of(root.read().entry("a")))
    load = Load(model.snapshot.users.ids.tolist(), model.snapshot.items.ids.tolist(), seed)
    with serving(root.folder, processes=options.processes) as server:
        generate(at_rate(server.port, 100, [load.one_list() for _ in range(200)]))
        test: Callable[[Server, Load, float], Any] = globals()[f"_{name}"]
        return list(generate(test(server, load, options.seconds)))


async def _quiet(server: Server, load: Load, seconds: float) -> list[dict[str, Any]]:
    return [_row("quiet", await at_rate(server.port, RATE, _lists(load, RATE * seconds)))]


async def _busy(server: Server, load: Load, seconds: float) -> list[dict[str, Any]]:
    return [_row("busy, 1,000/s", await at_rate(server.port, 1000, _lists(load, 1000 * seconds)))]


async def _saturation(server: Server, load: Load, seconds: float) -> list[dict[str, Any]]:
    made = iter(load.one_list, None)  # without an end: what is refused costs little
    return [_row("saturation", await at_most(server.port, seconds, lambda: next(made)))]


async def _events(server: Server, load: Load, seconds: float) -> list[dict[str, Any]]:
    """200 events a second in tens beside the lists; then probes, each of a new user."""
    lists, acknowledged = await asyncio.gather(
        at_rate(server.port, RATE, _lists(load, RATE * seconds)),
        at_rate(server.port, 20, [load.events(10) for _ in range(int(20 * seconds))], 8),
    )
    probes, missed = await _probes(server, load, int(100 * seconds))
    return [
        _row("events", lists),
        _row("event acknowledgements", acknowledged),
        {"test": "probes", "probes": probes, "missed": missed},
    ]


async def _probes(server: Server, load: Load, count: int) -> tuple[int, int]:
    """Send an event, then look whether the very next list leaves its item out."""
    missed, seen = 0, []
    for number in range(count):
        user = f"probe-{time.monotonic_ns()}-{number}"
        lists: list[Any] = []
        await at_rate(server.port, 1e6, [_noted(load, user, lists)], 1)
        item = lists[0]["items"][0]["id"]
        await at_rate(server.port, 1e6, [load.event_of(user, item)], 1)
        await at_rate(server.port, 1e6, [_noted(load, user, lists)], 1)
        seen.append(item)
        missed += item in [one["id"] for one in lists[1]["items"]]
    return len(seen), missed


def _noted(load: Load, user: str, lists: list[Any]) -> Request:
    return Request("/v1/recommend", {"user": user, "k": 10}, lists.append)


async def _explains(server: Server, load: Load, seconds: float) -> list[dict[str, Any]]:
    explanations = [load.explanation() for _ in range(int(10 * seconds))]
    lists, slow = await asyncio.gather(
        at_rate(server.port, RATE, _lists(load, RATE * seconds)),
        at_rate(server.port, 10, explanations, 8),
    )
    return [_row("explains", lists), _row("explanations", slow)]


async def _changes(server: Server, load: Load, seconds: float) -> list[dict[str, Any]]:
    """A change of the model every three seconds."""
    before, count = server.memory(), max(int(seconds / 3), 1)
    changes = [
        Request(f"/v1/models/{'ba'[number % 2]}/activate", {"reason": "benchmark"})
        for number in range(count)
    ]
    lists, changed = await asyncio.gather(
        at_rate(server.port, RATE, _lists(load, RATE * seconds)),
        at_rate(server.port, 1 / 3, changes, 1),
    )
    grown = round(server.memory() - before, 1)
    return [{**_row("changes", lists), "grown_mb": grown}, _row("activations", changed)]


async def _overload(server: Server, load: Load, seconds: float) -> list[dict[str, Any]]:
    """Three times what it can answer, over 200 connections; then the quiet rate again."""
    made = iter(load.one_list, None)  # without an end: what is refused costs little
    most = await at_most(server.port, 3, lambda: next(made))
    rate = 3 * len(most.seconds) / most.elapsed
    refused = await at_most(server.port, seconds, lambda: next(made), connections=200)
    await asyncio.sleep(2)
    after = await at_rate(server.port, RATE, _lists(load, RATE * 5))
    return [
        {**_row("overload", refused), "tripled_rate": round(rate)},
        _row("two seconds after", after),
    ]


async def _soak(server: Server, load: Load, seconds: float) -> list[dict[str, Any]]:
    """Lists, events and folds, each of which changes the model, for ten times as long."""
    whole, files = 10 * seconds, server.files()
    memory: list[float] = []

    async def watch() -> None:
        for _ in range(_LOOKS):
            memory.append(server.memory())
            await asyncio.sleep(whole / _LOOKS)

    folds = [Request("/v1/jobs", {"kind": "fold"}) for _ in range(int(whole / 30))]
    lists, *_ = await asyncio.gather(
        at_rate(server.port, RATE, _lists(load, RATE * whole)),
        at_rate(server.port, 20, [load.events(10) for _ in range(int(20 * whole))], 8),
        at_rate(server.port, 1 / 30, folds, 1),
        watch(),
    )
    return [
        {
            **_row("soak", lists),
            "memory_mb": [*memory, server.memory()],
            "grown_mb": round(server.memory() - memory[1], 1),  # after the first changes
            "grown_files": server.files() - files,
        }
    ]


def _lists(load: Load, count: float) -> list[Request]:
    return [load.one_list() for _ in range(int(count))]


def _row(test: str, answers: Answers) -> dict[str, Any]:
    return {"test": test, **answers.row()}


def _median(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The row with medians of numbers; refusals of all runs are added."""
    found: dict[str, Any] = {}
    for name, value in rows[0].items():
        values = [row[name] for row in rows]
        if name == "refused":
            found[name] = _added(values)
        elif isinstance(value, int | float):
            found[name] = round(median(values), 2)
        else:
            found[name] = value
    aims = AIMS.get(found["test"], {})
    if aims:
        found["aims"] = aims
    return found


def _added(counts: Iterable[dict[str, int]]) -> dict[str, int]:
    total: dict[str, int] = {}
    for one in counts:
        for status, number in one.items():
            total[status] = total.get(status, 0) + number
    return total


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    return {name: str(value) if isinstance(value, dict) else value for name, value in row.items()}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.service", description="How fast a service answers."
    )
    parser.add_argument(
        "--tests", type=names_among(TESTS), default=list(TESTS), help=", ".join(TESTS)
    )
    parser.add_argument("--seconds", type=float, default=20.0, help="of each run")
    parser.add_argument("--runs", type=int, default=3, help="whose median counts")
    parser.add_argument("--processes", type=int, choices=(1, 2), default=1, help="that answer")
    parser.add_argument("--model", type=Path, help="a folder in place of the quick fit")
    parser.add_argument("--save", action="store_true", help="keep the result")
    return parser


if __name__ == "__main__":
    run(main)
