"""Mutated files of all formats: ``python -m benchmarks.fuzz``.

The sample files of every loader are mutated (bytes, fields, lines, delimiters, encodings, packing)
and loaded. A load must end in a valid catalog or in a KgrecError with its cure; no row of a file
may be lost without a count in the report. One load of fifty is also done by ``kgrec load`` into a
store that holds another catalog: it never ends in exit code 3, a refused one changes nothing, and
what is loaded comes back from a store as it was. The exit code is 1 where anything was found wrong.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from benchmarks.fuzz_files.checks import Counts, outcome, store_problems
from benchmarks.fuzz_files.mutations import mutated
from benchmarks.harness import report
from kgrec.cli._progress import say
from kgrec.stores import EmbeddedStore
from tests.loaders.writing import FILE_SAMPLES, Sample, csv_folder

FILES: Final = 20_000
STORED_EVERY: Final = 50
_SHOWN: Final = 300  # characters of a problem


def main(arguments: Sequence[str] | None = None) -> None:
    asked = _parser().parse_args(arguments)
    samples = [one for one in FILE_SAMPLES if asked.formats is None or one.name in asked.formats]
    rows, problems = [], []
    with tempfile.TemporaryDirectory(prefix="kgrec-fuzz-") as folder:
        for sample in samples:
            row, found = measure(
                sample, -(-asked.files // len(samples)), Path(folder), asked.seed, asked.every
            )
            say(f"{sample.name}: {row['files']:,} files, {len(found)} problems")
            rows.append(row)
            problems += [f"{sample.name}, {problem}" for problem in found]
    for problem in problems:
        say(problem[:_SHOWN])
    result = {
        "data": f"the sample files of {len(samples)} formats, mutated",
        "protocol": f"one load of {asked.every} also by kgrec load into a store",
        "kgrec": rows,
        "peers": {},
        "files": sum(row["files"] for row in rows),
        "problems": [problem[:_SHOWN] for problem in problems],
        "seeds": [asked.seed],
    }
    report.finish("fuzz", result, rows, asked.save)
    if problems:
        sys.exit(1)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.fuzz", description="Mutated files of all formats."
    )
    parser.add_argument("--files", type=int, default=FILES, help="mutated files, over all formats")
    parser.add_argument(
        "--every", type=int, default=STORED_EVERY, help="one load of so many goes into a store"
    )
    parser.add_argument("--formats", nargs="+", choices=[one.name for one in FILE_SAMPLES])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--save", action="store_true", help="keep the result in benchmarks/results")
    return parser


def measure(
    sample: Sample, files: int, folder: Path, seed: int, every: int
) -> tuple[dict[str, Any], list[str]]:
    """The counts of loaded, refused and crashed loads of one format, and what was wrong."""
    counts: Counter[str] = Counter()
    problems: list[str] = []
    for name, found in outcomes(sample, files, folder, seed, every):
        counts[name] += 1
        problems += found
    row = {"format": sample.name, "files": files}
    row |= {name: counts[name] for name in ("loaded", "refused", "crashed")}
    return {**row, "problems": len(problems)}, problems


def outcomes(
    sample: Sample, files: int, folder: Path, seed: int, every: int
) -> Iterator[tuple[str, list[str]]]:
    """How the load of each mutated file ended, and what is wrong with that."""
    clean = sample.write(folder / f"clean {sample.name}")
    counts = Counts.of(sample, clean)
    paths = sorted(path.relative_to(clean) for path in clean.rglob("*") if path.is_file())
    for number in range(files):
        rng = np.random.default_rng([seed, zlib.crc32(sample.name.encode()), number])
        data = folder / "data"
        shutil.copytree(clean, data)
        chosen = paths[int(rng.integers(0, len(paths)))]
        how = f"file {number} ({chosen}: {mutated(data / chosen, rng)})"
        name, problems, catalog = outcome(sample, data, counts)
        if number % every == 0:
            problems += store_problems(sample, data, catalog, _store(folder))
        shutil.rmtree(data)
        yield name, [f"{how}: {problem}" for problem in problems]


def _store(folder: Path) -> Path:
    """A store that holds the sample of the CSV layout."""
    import loaders

    path, ready = folder / "store.kgl", folder / "ready.kgl"
    if not ready.exists():
        with EmbeddedStore(ready) as graph:
            graph.write(loaders.load(csv_folder(folder / "stored")).catalog)
    shutil.copyfile(ready, path)
    return path


if __name__ == "__main__":
    report.run(main)
