"""How fast a graph goes into a store and comes out of it: ``python -m benchmarks.load``.

Every store gets the same catalog: written, written again (which changes nothing), and read as a
snapshot; then the stores' snapshots are compared array by array. Neo4j is spoken to over Bolt, on
the server of KGREC_TEST_NEO4J_URI (whose data is deleted), else on one started for the purpose;
either is warmed up by a part of the catalog first, as a server that has been running would be.

``--rows N`` measures a generated CSV file in place of a data set: from the file to the snapshot
that a fit reads, without a store and through the embedded one, whose snapshots must be equal.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from benchmarks.harness import report
from benchmarks.harness.datasets import NAMES, load_dataset
from benchmarks.speed.files import measure_file, write_events
from graph_schema import Catalog
from graph_schema.errors import RequestError
from kgrec import connect
from kgrec.cli._progress import progress_on_stderr, say
from kgrec.cli.evaluate import peak_memory_gb
from kgrec.graph import GraphSnapshot, read_snapshot
from kgrec.progress import Progress
from kgrec.stores import EmbeddedStore, GraphStore
from tests.graph.compare import assert_same_snapshot
from tests.neo4j_server import emptied, running_server

WARM_UP: Final = 8  # every so manieth row of interactions and facts
READS: Final = 3


def main(arguments: Sequence[str] | None = None) -> None:
    options = _parser().parse_args(arguments)
    if options.rows is not None:
        _measure_rows(options)
        return
    catalog = load_dataset(options.dataset).catalog
    stores = STORES if options.store == "both" else (options.store,)
    figures: dict[str, dict[str, Any]] = {}
    snapshots: list[GraphSnapshot] = []
    for name in stores:
        say(f"{name}: opening the store")
        with _OPEN[name](catalog) as store, progress_on_stderr() as progress:
            figures[name], snapshot = measure(store, catalog, progress)
            snapshots.append(snapshot)
    for other in snapshots[1:]:
        assert_same_snapshot(snapshots[0], other)
    result = {
        "data": options.dataset,
        "protocol": "edges a second: interactions and facts of the catalog; the snapshot's time is "
        f"the median of {READS}",
        "kgrec": figures,
        "peers": {},
        "snapshots_equal": len(snapshots) > 1 or None,
        "fit_seconds": None,
        "peak_memory_gb": round(peak_memory_gb(), 3),
        "seeds": [],
    }
    rows = [{"store": name, **values} for name, values in figures.items()]
    name = "load" if options.store == "both" else f"load-{options.store}"
    report.finish(name, result, rows, options.save)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.load", description="Loading and reading, in edges a second."
    )
    parser.add_argument("--store", choices=(*STORES, "both"), default="both")
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--dataset", choices=NAMES, default="ml-1m-kg")
    source.add_argument("--rows", type=int, help="rows of a CSV file that is made for it")
    parser.add_argument("--seed", type=int, default=0, help="of the rows that are made")
    parser.add_argument("--save", action="store_true", help="keep the result in benchmarks/results")
    return parser


def _measure_rows(options: argparse.Namespace) -> None:
    if options.rows < 1 or options.store == "neo4j":
        raise RequestError("--rows takes a whole number from 1 on, and the embedded store alone.")
    with (
        tempfile.TemporaryDirectory(prefix="kgrec-load-") as folder,
        EmbeddedStore(Path(folder) / "graph.kgl") as store,
        progress_on_stderr() as progress,
    ):
        path = write_events(Path(folder) / "data", options.rows, options.seed)
        figures, snapshots = measure_file(path, store, progress)
    assert_same_snapshot(*snapshots)
    result = {
        "data": f"{options.rows:,} rows of CSV: user_id, item_id, rating, timestamp",
        "protocol": "from the file to the snapshot; peak_memory_gb is that of this process before "
        "the store is written, memory_before_gb before the file is read",
        "kgrec": figures,
        "peers": {},
        "snapshots_equal": True,
        "fit_seconds": None,
        "peak_memory_gb": figures["peak_memory_gb"],
        "seeds": [options.seed],
    }
    report.finish(f"load-rows-{options.rows}", result, [figures], options.save)


def measure(
    store: GraphStore, catalog: Catalog, progress: Progress | None = None
) -> tuple[dict[str, Any], GraphSnapshot]:
    """Edges a second of the first write, the second and the snapshot; and the snapshot.

    Raises AssertionError where the second write changes something.
    """
    edges = catalog.tables["interactions"].num_rows + catalog.tables["facts"].num_rows
    write = _seconds(lambda: store.write(catalog, progress=progress))
    reads, snapshot = [], None
    for _ in range(READS):
        started = time.perf_counter()
        snapshot = read_snapshot(store, progress=progress)
        reads.append(time.perf_counter() - started)
    assert snapshot is not None
    again = _seconds(lambda: store.write(catalog, progress=progress))
    assert_same_snapshot(snapshot, read_snapshot(store))
    read = sorted(reads)[READS // 2]
    figures = {
        "edges": edges,
        "write_edges_per_s": round(edges / write),
        "second_write_edges_per_s": round(edges / again),
        "snapshot_edges_per_s": round(edges / read),
        "write_seconds": round(write, 2),
        "second_write_seconds": round(again, 2),
        "snapshot_seconds": round(read, 2),
    }
    return figures, snapshot


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


@contextmanager
def _embedded(catalog: Catalog) -> Iterator[GraphStore]:
    with (
        tempfile.TemporaryDirectory(prefix="kgrec-load-") as folder,
        EmbeddedStore(Path(folder) / "graph.kgl") as store,
    ):
        yield store


@contextmanager
def _neo4j(catalog: Catalog) -> Iterator[GraphStore]:
    with running_server() as server:
        emptied(server)
        with connect(server.uri, auth=server.auth) as store:
            for _ in range(2):  # nothing is stored, then everything
                store.write(_part(catalog))
            read_snapshot(store)
            emptied(server)
            yield store


def _part(catalog: Catalog) -> Catalog:
    """Some of the catalog's interactions and facts, among all of its nodes."""
    frames = dict(catalog.tables)
    for name in ("interactions", "facts"):
        frames[name] = catalog.frame(name).iloc[::WARM_UP]
    return Catalog.from_frames(**frames)


_OPEN: Final = {"embedded": _embedded, "neo4j": _neo4j}
STORES: Final = tuple(_OPEN)


if __name__ == "__main__":
    report.run(main)
