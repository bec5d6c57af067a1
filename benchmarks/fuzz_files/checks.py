"""What must hold of a load, whatever the files are.

Either a valid catalog or a KgrecError with its cure; no row is lost without a count; and what is
loaded comes back from a store as it was.
"""

from __future__ import annotations

import gzip
import json
import traceback
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from typer.testing import CliRunner

from graph_schema import Catalog, KgrecError
from kgrec.cli import app
from kgrec.cli._catalog import read_catalog
from kgrec.stores import EmbeddedStore
from loaders import LoadReport
from tests.loaders.writing import Sample

FAILED: Final = 1  # the exit code of a load that is refused


@dataclass(frozen=True)
class Counts:
    """What the counts of a format mean, from its files as written. ``event_rows``: whether a row of
    the file with the events is one interaction. ``no_rows``: by file, its lines that are no rows,
    such as a header."""

    event_rows: bool
    no_rows: dict[str, int]

    @staticmethod
    def of(sample: Sample, folder: Path) -> Counts:
        result = sample.load(folder)
        events = result.report.file(sample.events_file(folder).name)
        no_rows = {
            file.file: lines - file.read
            for file in result.report.files
            if (lines := _rows_at_least(folder / file.file)) is not None
        }
        return Counts(events.kept == result.catalog.tables["interactions"].num_rows, no_rows)


def outcome(sample: Sample, folder: Path, counts: Counts) -> tuple[str, list[str], Catalog | None]:
    """How a load ended ("loaded", "refused" or "crashed"), what is wrong with that, and the
    catalog."""
    try:
        result = sample.load(folder)
    except KgrecError as error:
        cured = "Cure: " in str(error)
        return "refused", [] if cured else [f"an error without a cure: {error}"], None
    except Exception as error:  # the fault that is looked for
        where = traceback.extract_tb(error.__traceback__)[-1]
        place = f"{Path(where.filename).name}:{where.lineno}"
        return "crashed", [f"{type(error).__name__} at {place}: {error}"], None
    problems = [] if result.catalog.validate().ok else ["the catalog is not valid"]
    problems += _lost(result.report, folder, counts)
    events = result.report.file(sample.events_file(folder).name)
    if counts.event_rows and events.kept != result.catalog.tables["interactions"].num_rows:
        problems.append(f"{events.file}: {events.kept} rows kept, but not as many interactions")
    return "loaded", problems, result.catalog


def _lost(report: LoadReport, folder: Path, counts: Counts) -> Iterator[str]:
    for file in report.files:
        if file.read != file.kept + sum(file.dropped.values()):
            yield f"{file.file}: read is not kept and dropped"
        lines = _rows_at_least(folder / file.file)
        if file.read and lines is not None:
            lines -= max(counts.no_rows.get(file.file, 0), 1)
            if file.read < lines:
                yield f"{file.file}: {file.read} rows read, where at least {lines} are in the file"


def _rows_at_least(path: Path) -> int | None:
    """The objects of a file of JSON, the lines of another file that are not blank; None for a file
    whose quotes may hold ends of lines, or that has other ones."""
    if not path.is_file() or path.suffix == ".parquet":
        return None
    content = path.read_bytes()
    if content[:2] == b"\x1f\x8b":
        content = gzip.decompress(content)
    if content.lstrip()[:1] == b"[":
        try:
            return len(json.loads(content))
        except ValueError:
            return None
    if b'"' in content and content.lstrip()[:1] != b"{":
        return None
    return sum(1 for line in content.split(b"\n") if line.strip(b"\r\xef\xbb\xbf\t,|: "))


def store_problems(sample: Sample, folder: Path, catalog: Catalog | None, store: Path) -> list[str]:
    """What is wrong with ``kgrec load`` of the folder into a store that holds another catalog: the
    exit code, and the content of the store where the load is refused; and, where it is not, whether
    the catalog comes back from a store of its own."""
    with EmbeddedStore(store) as graph:
        before = contents(read_catalog(graph, _no_progress))
    result = CliRunner().invoke(app, ["load", str(folder), "--store", str(store)])
    problems = []
    if result.exit_code != (0 if catalog is not None else FAILED):
        problems.append(f"exit code {result.exit_code}: {result.stderr[-300:]}")
    if catalog is None:
        with EmbeddedStore(store) as graph:
            if contents(read_catalog(graph, _no_progress)) != before:
                problems.append("a refused load has changed the store")
        return problems
    with EmbeddedStore(store.with_name("alone.kgl")) as graph:
        graph.write(catalog)
        found = contents(read_catalog(graph, _no_progress))
    store.with_name("alone.kgl").unlink()
    wanted = contents(catalog)
    problems += [
        f"{name} differ in the store: {list(found[name] ^ wanted[name])[:2]}"
        for name in wanted
        if found[name] != wanted[name]
    ]
    return problems


def contents(catalog: Catalog) -> dict[str, set[tuple[str, int]]]:
    """The rows of each table, in any order, as texts with their counts."""
    return {
        name: set(Counter(_row(row) for row in table.to_pylist()).items())
        for name, table in catalog.tables.items()
    }


def _row(row: dict[str, object]) -> str:
    return repr(sorted((name, value) for name, value in row.items() if value not in (None, "")))


def _no_progress(name: str, done: int, total: int) -> None:
    """For those who don't wait."""
