"""The kgrec CSV layout: a folder with users, items, interactions, entities, facts, reviews, queries
and scenarios as .csv, .csv.gz or .parquet. Only the interactions are required."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa

from graph_schema.catalog import Catalog
from graph_schema.errors import SourceError
from graph_schema.frames import SPECS
from graph_schema.names import FRAMES
from loaders.infer import infer_types
from loaders.report import LoadReport, LoadResult, Progress
from loaders.tabular import CsvForm, delimiter_hint, read_table
from loaders.vectors import read_vectors

SUFFIXES: Final = (".csv", ".csv.gz", ".parquet")


def csv_folder(
    folder: str | Path,
    *,
    delimiter: str = ",",
    encoding: str = "utf-8",
    progress: Progress | None = None,
) -> LoadResult:
    """Load a folder of the kgrec CSV layout, with its vectors of items (see ``loaders.vectors``).

    Columns the layout doesn't know are kept as attributes, as numbers where that loses nothing.
    Blank rows and exact repeats of nodes and facts are dropped and counted; equal interactions are
    separate events. Raises SourceError for a file that can't be read and CatalogError for content
    that breaks the schema, with every problem in it.
    """
    folder = Path(folder)
    report = LoadReport()
    tables: dict[str, pa.Table] = {}
    rows: dict[str, np.ndarray] = {}
    sources: dict[str, str] = {}
    form = CsvForm(delimiter, encoding)
    for name, path in _find_files(folder, report).items():
        part = read_table(path, form, progress)
        _require_columns(name, path, part.table.column_names, delimiter)
        tables[name] = infer_types(part.table, SPECS[name].by_name)
        rows[name] = part.rows
        sources[name] = str(path)
        file = report.file(path.name)
        file.read = part.table.num_rows + part.blank
        file.drop("blank row", part.blank)
    if not tables["interactions"].num_rows:
        raise SourceError(
            f"{sources['interactions']}: there is a header but no row. Cure: add interactions."
        )
    vectors = read_vectors(folder, report)
    catalog = Catalog.from_frames(
        **tables,
        vectors=vectors.given,
        sources={**sources, **vectors.sources},
        rows={**rows, **vectors.rows},
    )
    catalog.validate().raise_if_any()
    for name, count in catalog.dropped.items():
        report.file(Path(sources[name]).name).drop("exact repeat of an earlier row", count)
    return LoadResult(catalog, report)


def _find_files(folder: Path, report: LoadReport) -> dict[str, Path]:
    if not folder.is_dir():
        raise SourceError(
            f"{folder}: there is no such folder. Cure: give the folder that holds "
            "interactions.csv and the other files."
        )
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        suffix = next((s for s in sorted(SUFFIXES, key=len)[::-1] if path.name.endswith(s)), None)
        if suffix is None or path.name.startswith("."):
            continue
        name = path.name.removesuffix(suffix)
        if name not in FRAMES:
            _refuse_near_name(path, name, report)
        elif name in found:
            raise SourceError(
                f"{folder}: both {found[name].name} and {path.name} are there. Cure: keep one."
            )
        else:
            found[name] = path
    if "interactions" not in found:
        raise SourceError(
            f"{folder}: there is no interactions.csv (nor .csv.gz, .parquet). Cure: add it, with "
            "the columns user_id, item_id and, if known, rating and timestamp."
        )
    return {name: found[name] for name in FRAMES if name in found}


def _refuse_near_name(path: Path, name: str, report: LoadReport) -> None:
    near = difflib.get_close_matches(name.lower(), FRAMES, n=1, cutoff=0.75)
    if near:
        raise SourceError(
            f"{path}: no file of the layout has this name. Cure: call it "
            f"{near[0]}{path.name[len(name) :]}, or move it elsewhere."
        )
    report.notes.append(f"{path.name} is not a file of the layout and was left alone.")


def _require_columns(name: str, path: Path, columns: list[str], delimiter: str) -> None:
    """A first look that can still tell a wrong delimiter from a missing column."""
    missing = [c for c in SPECS[name].required if c not in columns]
    hint = delimiter_hint(columns, delimiter)
    if missing and hint:
        raise SourceError(f"{path}, row 1: the column {missing[0]} is missing. Cure:{hint}")
