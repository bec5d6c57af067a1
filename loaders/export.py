"""Write a catalog to a folder of the CSV layout."""

from __future__ import annotations

import gzip
import re
from pathlib import Path
from typing import BinaryIO, Final, cast

import pyarrow as pa
import pyarrow.csv as pv

from graph_schema.catalog import Catalog
from graph_schema.disk.change import changed_files
from graph_schema.errors import CatalogError, SourceError, reason
from graph_schema.names import FRAMES
from graph_schema.report import shown
from graph_schema.vectors import vector_columns
from loaders.csv_folder import own_files
from loaders.infer import with_point
from loaders.vectors import FOLDER, write_vectors

_FILE_NAME: Final = re.compile(r'[^\x00-\x1f/\\:*?"<>|]+')


def to_csv_folder(catalog: Catalog, folder: str | Path, *, compress: bool = False) -> Path:
    """Write a catalog to a folder of the CSV layout.

    Files of an earlier export are replaced or removed, all of them or none: where the process is
    killed meanwhile, a load finds the earlier export or the new one. Other files stay.
    Absent values and "" are both written as an empty field.

    Parameters
    ----------
    catalog : Catalog
        The catalog. Frames without rows have no file, except items and interactions.
    folder : str or Path
        The folder to write to; it is made if it doesn't exist.
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
        If the folder can't be written, for example because the disk is full, or another writer
        exports to it.
    """
    if not isinstance(catalog, Catalog):
        raise CatalogError(
            f"to_csv_folder writes a Catalog, not a {type(catalog).__name__}. Cure: give "
            "loaders.load(...).catalog; for the graph of a store use kgrec export."
        )
    catalog.validate().raise_if_any()
    _check_names(catalog)
    folder = Path(folder)
    try:
        with changed_files(folder, own_files) as fresh:
            _write_tables(catalog, fresh, compress)
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


def _write_tables(catalog: Catalog, folder: Path, compress: bool) -> None:
    suffix = ".csv.gz" if compress else ".csv"
    for name in FRAMES:
        table = catalog.tables[name]
        table = table.drop_columns(vector_columns(table))
        if table.num_rows or name in ("items", "interactions"):
            _write(table, folder / f"{name}{suffix}", compress)
    if catalog.vectors:
        (folder / FOLDER).mkdir()
        write_vectors(catalog.vectors, folder / FOLDER)


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
