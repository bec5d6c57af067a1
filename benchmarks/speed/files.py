"""From a file of interactions to the snapshot that a fit reads, at any count of rows."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.csv as pv

import loaders
from kgrec.cli.evaluate import peak_memory_gb
from kgrec.graph import GraphSnapshot, read_snapshot
from kgrec.graph.source import read_source
from kgrec.progress import Progress
from kgrec.stores import GraphStore

_ROWS_PER_USER: Final = 10
_ROWS_PER_ITEM: Final = 100
_STARS: Final = 5
_FROM: Final = 1_000_000_000  # unix seconds
_YEARS: Final = 20 * 365 * 86_400


def write_events(folder: Path, rows: int, seed: int) -> Path:
    """Write interactions.csv with this many rows: whole numbers as ids, a rating and a time."""
    generator = np.random.default_rng(seed)
    columns = {
        "user_id": generator.integers(0, max(rows // _ROWS_PER_USER, 1), rows),
        "item_id": generator.integers(0, max(rows // _ROWS_PER_ITEM, 1), rows),
        "rating": generator.integers(1, _STARS + 1, rows),
        "timestamp": _FROM + generator.integers(0, _YEARS, rows),
    }
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "interactions.csv"
    pv.write_csv(pa.table(columns), path)
    return path


def measure_file(
    path: Path, store: GraphStore, progress: Progress | None = None
) -> tuple[dict[str, Any], tuple[GraphSnapshot, GraphSnapshot]]:
    """Seconds from the file to the snapshot, without a store and through this empty one; and the
    two snapshots. ``cpu_seconds`` are those of this process, up to the first snapshot."""
    before = peak_memory_gb()
    clocks = [(time.perf_counter(), time.process_time())]

    def lap() -> None:
        clocks.append((time.perf_counter(), time.process_time()))

    catalog = loaders.load(path.parent, progress=progress).catalog
    lap()
    direct = read_source(catalog, progress)
    lap()
    memory = peak_memory_gb()
    store.write(catalog, progress=progress)
    lap()
    stored = read_snapshot(store, progress=progress)
    lap()
    load, snapshot, write, read = np.diff([wall for wall, _ in clocks])
    rows = catalog.tables["interactions"].num_rows
    figures = {
        "rows": rows,
        "megabytes": round(path.stat().st_size / 1e6, 1),
        "load_seconds": round(float(load), 3),
        "snapshot_seconds": round(float(snapshot), 3),
        "file_to_snapshot_seconds": round(float(load + snapshot), 3),
        "cpu_seconds": round(clocks[2][1] - clocks[0][1], 3),
        "rows_per_s": round(rows / float(load + snapshot)),
        "memory_before_gb": round(before, 3),
        "peak_memory_gb": round(memory, 3),
        "write_seconds": round(float(write), 3),
        "read_seconds": round(float(read), 3),
        "file_to_store_to_snapshot_seconds": round(float(load + write + read), 3),
    }
    return figures, (direct, stored)
