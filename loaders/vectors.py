"""Vectors of items beside a catalog's files: the folder ``vectors``, a file for each name.

``vectors/image.npy`` holds a float array ``[n, size]`` and stands beside ``vectors/image.ids.txt``
(an item id a line) or ``vectors/image.ids.json`` (a list); ``vectors/image.parquet`` holds a column
item_id and one column of lists of numbers.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa

from graph_schema.disk.parquet_limits import read_parquet_table
from graph_schema.errors import SourceError
from graph_schema.report import shown
from graph_schema.vectors import GivenVectors, frame_name, to_matrix
from loaders.report import LoadReport

FOLDER: Final = "vectors"
_IDS: Final = (".ids.txt", ".ids.json")
VECTOR_FILES: Final = (".npy", ".parquet", *_IDS)


@dataclass(frozen=True)
class FileVectors:
    """Vectors by name, with the file of each one and its rows' numbers there, for reports."""

    given: dict[str, GivenVectors] = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)
    rows: dict[str, np.ndarray] = field(default_factory=dict)


def read_vectors(folder: Path, report: LoadReport) -> FileVectors:
    """Return the vectors in the folder ``vectors`` of a catalog's folder; none without one.

    Raises SourceError for a file that can't be read or that lacks its ids.
    """
    found = FileVectors()
    place = folder / FOLDER
    if not place.is_dir():
        return found
    for path in sorted(place.iterdir()):
        if path.name.startswith("."):
            continue
        if path.suffix not in (".npy", ".parquet"):
            if not path.name.endswith(_IDS) or _lacks_vectors(path):
                report.notes.append(f"{FOLDER}/{path.name} holds no vectors and was left alone.")
            continue
        name = path.stem
        if name in found.given:
            raise SourceError(
                f"{place}: both {name}.npy and {name}.parquet are there. Cure: keep one."
            )
        ids, array = _read_npy(path) if path.suffix == ".npy" else _read_parquet(path)
        found.given[name] = ids, array
        found.sources[frame_name(name)] = str(path)
        found.rows[frame_name(name)] = np.arange(len(ids), dtype=np.int64) + 1
        report.file(f"{FOLDER}/{path.name}").read = len(ids)
    return found


def _lacks_vectors(ids: Path) -> bool:
    """Whether no array stands beside a file of ids."""
    name = ids.name.removesuffix(".txt").removesuffix(".json").removesuffix(".ids")
    return not ids.with_name(f"{name}.npy").exists()


def _read_npy(path: Path) -> tuple[list[str], np.ndarray]:
    try:
        array = np.load(path, allow_pickle=False)
    # MemoryError: of a file that names more numbers than it has.
    except (OSError, ValueError, EOFError, MemoryError) as error:
        raise SourceError(
            f"{path}: this is not an array of numbers as numpy.save writes it ({error}). "
            "Cure: write it again, without pickled objects."
        ) from error
    if not isinstance(array, np.ndarray):
        raise SourceError(
            f"{path}: this is an archive of arrays, as numpy.savez writes it. Cure: write the one "
            "array by numpy.save."
        )
    return _read_ids(path), array


def _read_ids(path: Path) -> list[str]:
    """The ids beside a .npy file."""
    beside = [path.with_name(path.stem + end) for end in _IDS]
    there = [one for one in beside if one.exists()]
    if len(there) != 1:
        problem = "both are there" if there else "neither is there"
        raise SourceError(
            f"{path}: its item ids must stand in {beside[0].name} (one a line) or {beside[1].name} "
            f"(a list); {problem}. Cure: keep exactly one, with an id for each row of the array."
        )
    try:
        text = there[0].read_text(encoding="utf-8-sig")
        lines = there[0].suffix == ".txt"
        ids: Any = text.rstrip("\n").split("\n") if lines else json.loads(text)
    except (OSError, ValueError, RecursionError) as error:
        raise SourceError(
            f"{there[0]}: the ids can't be read ({error}). Cure: write it as UTF-8."
        ) from error
    if not isinstance(ids, list):
        raise SourceError(f"{there[0]}: this is no list of ids. Cure: write a JSON list of texts.")
    return _texts(ids, there[0])


def _texts(ids: list[Any], path: Path) -> list[str]:
    """Ids as text: texts, whole numbers, and those that became decimals (7.0 is the id 7). Raises
    SourceError for any other."""
    found = [_text(one) for one in ids]
    for row, one in enumerate(found, start=1):
        if one is None:
            raise SourceError(
                f"{path}, row {row}: {shown(ids[row - 1])} is no id. Cure: write ids as text or "
                "whole numbers."
            )
    return [str(one) for one in found]


def _text(one: Any) -> str | None:
    if isinstance(one, float) and one.is_integer():
        one = int(one)
    return str(one) if isinstance(one, str | int) and not isinstance(one, bool) else None


def _read_parquet(path: Path) -> tuple[list[str], np.ndarray]:
    try:
        table = read_parquet_table(path)
    except (OSError, pa.ArrowException) as error:
        raise SourceError(
            f"{path}: the Parquet file can't be read ({error}). Cure: write it again."
        ) from error
    others = [name for name in table.column_names if name != "item_id"]
    if "item_id" not in table.column_names or len(others) != 1:
        raise SourceError(
            f"{path}: its columns are {', '.join(table.column_names)}. Cure: keep item_id and one "
            "column of lists of numbers."
        )
    column = table.column(others[0])
    try:
        rows, array = to_matrix(column.cast(pa.list_(pa.float64())))
    except pa.ArrowException as error:
        raise SourceError(
            f"{path}, column {others[0]}: these are no lists of numbers ({error}). Cure: write a "
            "list of floats for each item."
        ) from error
    except ValueError as error:
        raise SourceError(
            f"{path}, row {int(error.args[0]) + 1}, column {others[0]}: the list differs in length "
            "from most others. Cure: give all vectors of a file the same count of numbers."
        ) from error
    if len(rows) < table.num_rows:
        row = int(np.setdiff1d(np.arange(table.num_rows), rows)[0]) + 1
        raise SourceError(
            f"{path}, row {row}, column {others[0]}: there is no vector. Cure: leave the row out; "
            "an item without a vector is treated as missing."
        )
    return _texts(table.column("item_id").to_pylist(), path), array


def write_vectors(vectors: Mapping[str, tuple[np.ndarray, np.ndarray]], place: Path) -> None:
    """Write each name's vectors as NAME.npy and NAME.ids.json into the folder ``place``.

    Raises OSError.
    """
    for name, (ids, array) in vectors.items():
        np.save(place / f"{name}.npy", array, allow_pickle=False)
        text = json.dumps([str(one) for one in ids], ensure_ascii=False)
        (place / f"{name}.ids.json").write_text(text, encoding="utf-8")
