"""What is left when something goes wrong: ``python -m benchmarks.faults``.

Operations that write (load, train, save, update, remove, export; into an embedded store and, with
``--store both``, into Neo4j) are killed at random points: before a file operation of the process,
at a moment, or with the engine's process killed in its place. Each time what a reader finds must be
the content before or after a step, whole; what was reported as done must be there; and running the
operation again must complete it and leave no file beside it. A load into Neo4j is several
transactions: there counts must lie between those before and after.

Then the same operations on a disk that is too small, a Neo4j that is killed in the middle of a
load, and six processes that write to one place at once. The exit code is 1 where anything was found
to be wrong.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import numpy as np

from benchmarks.fault_points import full_disk, kills, writers
from benchmarks.fault_points.erasing import erasure
from benchmarks.fault_points.kills import Tally
from benchmarks.fault_points.operations import EDGES, Operation, without_server
from benchmarks.harness import report
from kgrec.cli._progress import say

SUBJECTS: Final = ("kills", "disk", "server", "writers")
_SHOWN: Final = 300  # characters of a problem


def main(arguments: Sequence[str] | None = None) -> None:
    asked = _parser().parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="kgrec-faults-") as folder:
        found = list(_measured(asked, Path(folder)))
    rows = [{"fault": subject, **tally.row()} for subject, tally in found]
    problems = [
        f"{subject}, {tally.operation}: {problem}"
        for subject, tally in found
        for problem in tally.problems
    ]
    result = {
        "data": f"{asked.edges:,} generated edges",
        "protocol": "old, new: in how many places a reader found the content before or after",
        "kgrec": rows,
        "peers": {},
        "disk": _disk_words(),
        "problems": [problem[:_SHOWN] for problem in problems],
        "seeds": [asked.seed],
    }
    for problem in problems:
        say(problem)
    report.finish("faults", result, rows, asked.save)
    if problems:
        sys.exit(1)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.faults", description="Kills, full disks and other writers."
    )
    parser.add_argument("--points", type=int, default=200, help="kills, over all operations")
    parser.add_argument("--sizes", type=int, default=8, help="sizes of the disk per operation")
    parser.add_argument("--deaths", type=int, default=5, help="kills of the Neo4j server")
    parser.add_argument("--rounds", type=int, default=5, help="of six writers at once")
    parser.add_argument("--edges", type=int, default=EDGES)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--store", choices=("embedded", "both"), default="both")
    parser.add_argument("--subjects", nargs="+", choices=SUBJECTS, default=SUBJECTS)
    parser.add_argument("--save", action="store_true", help="keep the result in benchmarks/results")
    return parser


def _measured(asked: argparse.Namespace, folder: Path) -> Iterator[tuple[str, Tally]]:
    rng = np.random.default_rng(asked.seed)
    operations = [*without_server(asked.edges), erasure()]
    if "kills" in asked.subjects:
        for tally in _killed(operations, asked, folder, rng):
            yield "kill -9", tally
    if "disk" in asked.subjects:
        for operation in operations:
            say(f"full disk: {operation.name}")
            place = folder / f"disk {operation.name}"
            yield "full disk", full_disk.measure(operation, asked.sizes, place)
    if "server" in asked.subjects and asked.store == "both":
        from benchmarks.fault_points.database import lost_server

        say("a server that is killed")
        yield "lost server", lost_server(asked.deaths, asked.edges, folder, rng)
    if "writers" in asked.subjects:
        say("six writers")
        for tally in writers.into_one_folder(asked.rounds, folder / "folders"):
            yield "writers", tally
        yield "writers", writers.into_one_store(asked.rounds, folder / "store")


def _killed(
    operations: list[Operation], asked: argparse.Namespace, folder: Path, rng: np.random.Generator
) -> Iterator[Tally]:
    """The points spread over all operations; those on Neo4j last."""
    on_server = 3 if asked.store == "both" else 0
    share = -(-asked.points // (len(operations) + on_server))
    for operation in operations:
        say(f"kill -9: {operation.name}")
        yield kills.measure(operation, share, folder / operation.name, rng)
    if on_server:
        from benchmarks.fault_points.database import operations as server_operations
        from tests.neo4j_server import running_server

        with running_server() as server:
            for operation in server_operations(server, asked.edges):
                say(f"kill -9: {operation.name}")
                yield kills.measure(operation, share, folder / operation.name, rng)


def _disk_words() -> str:
    with tempfile.TemporaryDirectory(prefix="kgrec-faults-") as folder:
        mounts = full_disk.can_mount(Path(folder) / "disk")
    return "a small tmpfs" if mounts else "RLIMIT_FSIZE, as no disk may be mounted"


if __name__ == "__main__":
    report.run(main)
