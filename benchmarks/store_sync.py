"""``python -m benchmarks.store_sync``: how soon an acknowledged event is in the store beside a
service, and what writing it there costs the answers.

A quick model of MovieLens-100K is served without a store, with the embedded one and with Neo4j in
turn, each time with lists and events at constant rates. Meanwhile single events of new users are
sent, and the store is asked until it has each of them.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from typing import Any, Final

import loaders
from benchmarks.harness.report import finish, names_among, run
from benchmarks.service import Load
from benchmarks.service_load.generator import Answers, at_rate
from benchmarks.service_load.server import processor_seconds, serving
from kgrec import GraphStore, ModelConfig, Recommender, RecommenderConfig, connect
from kgrec.serving.registry import Root
from kgrec.stores.base import NodeRef
from tests.neo4j_server import emptied, running_server

KINDS: Final = ("none", "embedded", "neo4j")
_LISTS, _EVENTS, _TEN = 100.0, 5.0, 10  # requests a second, and events in one
_LOOK = 0.02  # seconds between two looks at the store
_LONGEST = 60.0


def main(arguments: Sequence[str] | None = None) -> None:
    options = _parser().parse_args(arguments)
    catalog = loaders.load(loaders.fetch("ml-100k")).catalog
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="kgrec-sync-")))
        model = Recommender(RecommenderConfig(model=ModelConfig(use_text=False)))
        model.fit(catalog, effort="quick").save(folder / "model")
        load = Load(model.snapshot.users.ids.tolist(), model.snapshot.items.ids.tolist())
        stores = {kind: stack.enter_context(_store(kind, folder)) for kind in options.stores}
        for store, _ in stores.values():
            if store is not None:
                store.write(catalog)
        found: dict[str, list[dict[str, Any]]] = {kind: [] for kind in stores}
        for number in range(options.runs):
            for kind, (store, words) in stores.items():
                root = _root(folder / f"{kind}-{number}", folder / "model")
                found[kind].append(_measured(root, store, words, load, options.seconds))
    rows = [{"store": kind, **_medians(runs)} for kind, runs in found.items()]
    result = {"loads": os.getloadavg(), "runs": options.runs, "rows": rows}
    finish("store-sync", result, rows, options.save)


@contextmanager
def _store(kind: str, folder: Path) -> Iterator[tuple[GraphStore | None, list[str]]]:
    """A store, and the words by which ``kgrec serve`` opens it."""
    if kind == "none":
        yield None, []
    elif kind == "embedded":
        with connect(folder / "catalog.kgl") as store:
            yield store, ["--store", store.uri]
    else:
        with running_server() as server, connect(server.uri, auth=server.auth) as store:
            emptied(server)
            os.environ["KGREC_NEO4J_PASSWORD"] = server.password
            yield store, ["--store", server.uri, "--db-user", server.user]


def _root(folder: Path, model: Path) -> Root:
    root = Root.open(folder)
    root.add("a", model)
    root.activate("a", "benchmark")
    return root


def _measured(
    root: Root, store: GraphStore | None, words: list[str], load: Load, seconds: float
) -> dict[str, Any]:
    """One run of one service."""
    waits: list[float] = []
    with serving(root.folder, *words) as server:
        asyncio.run(at_rate(server.port, 100, [load.one_list() for _ in range(200)]))
        over = threading.Event()
        before = processor_seconds(server.process.pid)
        probing = threading.Thread(target=_probe, args=(server.port, store, load, waits, over))
        probing.start()
        lists, acknowledged = asyncio.run(_both(server.port, load, seconds))
        used = processor_seconds(server.process.pid) - before
        over.set()
        probing.join()
    row: dict[str, Any] = {"service_cpu_s": round(used, 2)}
    row |= {f"lists_{name}": lists.row()[name] for name in ("p50_ms", "p99_ms")}
    row |= {f"events_{name}": acknowledged.row()[name] for name in ("p50_ms", "p99_ms")}
    row |= {"answers": lists.row()["answers"], "probes": len(waits)}
    if not waits:
        return row | {"stored_p50_s": None, "stored_most_s": None}
    return row | {
        "stored_p50_s": round(median(waits), 2),
        "stored_most_s": round(max(waits), 2),
    }


async def _both(port: int, load: Load, seconds: float) -> tuple[Answers, Answers]:
    lists = [load.one_list() for _ in range(int(_LISTS * seconds))]
    events = [load.events(_TEN) for _ in range(int(_EVENTS * seconds))]
    return await asyncio.gather(at_rate(port, _LISTS, lists, 8), at_rate(port, _EVENTS, events, 4))


def _probe(
    port: int, store: GraphStore | None, load: Load, waits: list[float], over: threading.Event
) -> None:
    """Send an event of a new user, and wait until the store has it, again and again."""
    while store is not None and not over.wait(0.5):
        user = f"probe-{time.monotonic_ns()}"
        asyncio.run(at_rate(port, 1e6, [load.event_of(user, load.items[0])], 1))
        started = time.perf_counter()
        while not store.neighbours(NodeRef("User", user), limit=1):
            if time.perf_counter() - started > _LONGEST:
                waits.append(float("inf"))
                return
            time.sleep(_LOOK)
        waits.append(time.perf_counter() - started)


def _medians(runs: list[dict[str, Any]]) -> dict[str, Any]:
    found = {}
    for name in runs[0]:
        values = [run[name] for run in runs if run[name] is not None]
        found[name] = round(median(values), 2) if values else None
    return found


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.store_sync",
        description="How soon events are in the store, and what that costs the answers.",
    )
    parser.add_argument(
        "--stores", type=names_among(KINDS), default=list(KINDS), help=", ".join(KINDS)
    )
    parser.add_argument("--seconds", type=float, default=20.0, help="of each run")
    parser.add_argument("--runs", type=int, default=3, help="whose median counts")
    parser.add_argument("--save", action="store_true", help="keep the result")
    return parser


if __name__ == "__main__":
    run(main)
