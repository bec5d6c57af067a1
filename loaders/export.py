"""Write a catalog to a folder of the CSV layout."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path
from typing import BinaryIO, Final, cast

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pv

from graph_schema.catalog import Catalog
from graph_schema.disk.change import changed_files
from graph_schema.disk.files import is_inside, read_json
from graph_schema.disk.paths import given_path
from graph_schema.errors import CatalogError, SourceError, reason
from graph_schema.names import FRAMES
from graph_schema.report import shown
from graph_schema.vectors import vector_columns
from loaders.csv_folder import LIST, loaded_files
from loaders.tables.cells import MARK
from loaders.tables.infer import with_point
from loaders.vectors import FOLDER, write_vectors

_FILE_NAME: Final = re.compile(r'[^\x00-\x1f/\\:*?"<>|]+')


def to_csv_folder(catalog: Catalog, folder: str | Path, *, compress: bool = False) -> Path:
    """Write a catalog to a folder of the CSV layout.

    Files of an earlier export are replaced or removed, all of them or none: where the process is
    killed meanwhile, a load finds the earlier export or the new one. Other files stay, and those
    that a load would read beside the export are refused.
    Absent values and "" are both written as an empty field.

    Parameters
    ----------
    catalog : Catalog
        The catalog. Frames without rows have no file, except items and interactions.
    folder : str or Path
        The folder to write to; it is made if it doesn't exist. ``~`` is expanded.
    compress : bool
        Write .csv.gz files and not .csv files.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    CatalogError
        If it is not a catalog, or breaks the schema; nothing is written then.
    SourceError
        If the folder can't be written, for example because the disk is full, another writer
        exports to it, or it holds files of the layout that no export wrote.
    """
    if not isinstance(catalog, Catalog):
        raise CatalogError(
            f"to_csv_folder writes a Catalog, not a {type(catalog).__name__}. Cure: give "
            "loaders.load(...).catalog; for the graph of a store use kgrec export."
        )
    catalog.validate().raise_if_any()
    _check_names(catalog)
    _check_marks(catalog)
    folder = given_path(folder, "folder")
    try:
        with changed_files(folder, _exported) as fresh:
            _check_foreign(folder)
            texts = _write_tables(catalog, fresh, compress)
            names = (path.relative_to(fresh) for path in fresh.rglob("*") if path.is_file())
            listed = {"files": sorted(name.as_posix() for name in names), "texts": texts}
            (fresh / LIST).write_text(json.dumps(listed, indent=1), encoding="utf-8")
    except BlockingIOError as error:
        raise SourceError(
            f"{folder}: another writer exports to it. Cure: wait until it has finished, then "
            "export again."
        ) from error
    except (OSError, pa.ArrowException) as error:
        raise SourceError(
            f"{folder}: the catalog can't be written ({reason(error)}). Cure: free some space or "
            "choose a folder you may write to."
        ) from error
    return folder


def _check_names(catalog: Catalog) -> None:
    """Raise CatalogError for vectors whose name can't be that of a file."""
    for name in catalog.vectors:
        if name.startswith(".") or not _FILE_NAME.fullmatch(name) or len(name.encode()) > 200:
            raise CatalogError(
                f"the vectors {shown(name)} can't be written to a file of this name. Cure: name "
                "them without slashes, control characters and a point in front, in at most 200 "
                "bytes; or write Parquet files with Catalog.to_parquet."
            )


def _check_marks(catalog: Catalog) -> None:
    """Raise CatalogError where a row would begin with a byte order mark, which a load removes."""
    for name, table in catalog.tables.items():
        first = table.column(0)
        if pa.types.is_string(first.type) and pc.any(pc.starts_with(first, MARK)).as_py():
            raise CatalogError(
                f"{name}: a value of column {table.column_names[0]} begins with a byte order mark, "
                "which a load would take for that of a file. Cure: remove it, or write Parquet "
                "files with Catalog.to_parquet."
            )


def _exported(folder: Path) -> list[Path]:
    """The files that the earlier export listed as its own."""
    try:
        listed = read_json(folder / LIST)["files"]
        names = [name for name in listed if is_inside(name)]
    except (OSError, ValueError, KeyError, TypeError):
        return []
    return [folder / name for name in names if (folder / name).is_file()]


def _check_foreign(folder: Path) -> None:
    """Raise SourceError for a file that a load would read and that no export wrote."""
    own = set(_exported(folder))
    foreign = [path.relative_to(folder) for path in loaded_files(folder) if path not in own]
    if foreign:
        raise SourceError(
            f"{folder} holds {foreign[0]}, which no export of kgrec wrote; a load would read it as "
            "a part of the catalog. Cure: move it away, or name a new or empty folder."
        )


def _write_tables(catalog: Catalog, folder: Path, compress: bool) -> dict[str, list[str]]:
    """Write the files; returns the columns of text of each table's, which a load leaves as they
    are, whatever their values look like."""
    texts: dict[str, list[str]] = {}
    suffix = ".csv.gz" if compress else ".csv"
    for name in FRAMES:
        table = catalog.tables[name]
        table = table.drop_columns(vector_columns(table))
        if table.num_rows or name in ("items", "interactions"):
            path = folder / f"{name}{suffix}"
            _write(table, path, compress)
            texts[path.name] = [one.name for one in table.schema if pa.types.is_string(one.type)]
    if catalog.vectors:
        (folder / FOLDER).mkdir()
        write_vectors(catalog.vectors, folder / FOLDER)
    return texts


def _write(table: pa.Table, path: Path, compress: bool) -> None:
    for position, column in enumerate(table.schema):
        if column.type == pa.float64():
            table = table.set_column(position, column.name, with_point(table.column(position)))
    with path.open("wb") as raw:
        if compress:
            # No time and no name in the header: the same catalog gives the same bytes.
            with gzip.GzipFile(filename="", fileobj=raw, mode="wb", mtime=0) as packed:
                pv.write_csv(table, cast(BinaryIO, packed))
        else:
            pv.write_csv(table, raw)
