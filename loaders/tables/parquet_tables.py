"""Read Parquet files as tables, also those that Spark wrote in parts."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from graph_schema.disk.limits import is_swollen, swollen
from graph_schema.disk.parquet_limits import check_parquet
from graph_schema.errors import SourceError
from graph_schema.report import shown
from loaders.report import Progress
from loaders.tables.file_table import FileTable
from loaders.tables.streams import open_bytes

_BATCH: Final = 65_536  # rows read at once


def read_parquet(path: Path, progress: Progress | None, limit: int | None = None) -> FileTable:
    """Read a Parquet file, perhaps packed, or a folder of parts; or the first ``limit`` rows of
    each file. Raises SourceError."""
    if path.is_dir():
        return _read_parts(path, progress, limit)
    with open_bytes(path) as stream:
        # The end of a Parquet file says where its columns are: a packed one is unpacked as a whole.
        source = pa.BufferReader(stream.read()) if stream.packed else path
        try:
            table = _read_batches(source, path, progress, limit)
        except pa.ArrowException as error:
            raise SourceError(
                f"{path}: the Parquet file is damaged ({error}). Cure: write it again."
            ) from error
    names = table.column_names
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise SourceError(f"{path}: the column {shown(twice)} is there twice. Cure: rename one.")
    table = as_text(table.replace_schema_metadata(None), path)
    return FileTable(table, np.arange(table.num_rows, dtype=np.int64) + 1)


def _read_batches(
    source: Any, path: Path, progress: Progress | None, limit: int | None
) -> pa.Table:
    batches, size = [], path.stat().st_size
    with pq.ParquetFile(source) as file:
        check_parquet(file.metadata, path, size)
        total, done, held = file.metadata.num_rows, 0, 0
        for batch in file.iter_batches(_BATCH):
            batches.append(batch)
            done += batch.num_rows
            held += batch.nbytes
            if is_swollen(held, size):
                raise SourceError(f"{path}, row {done:,}: {swollen(held, size)}")
            if progress is not None:
                progress(path.name, size * done // max(total, 1), size)
            if limit is not None and done >= limit:
                break
        return pa.Table.from_batches(batches, schema=file.schema_arrow).slice(0, limit)


def _read_parts(folder: Path, progress: Progress | None, limit: int | None) -> FileTable:
    """The parts of a table that Spark wrote, one after another. Raises SourceError."""
    tables = [read_parquet(path, progress, limit).table for path in parts_of(folder)]
    order = tables[0].column_names
    tables = [one.select(order) if set(one.column_names) == set(order) else one for one in tables]
    try:
        table = pa.concat_tables(tables)
    except pa.ArrowException as error:
        raise SourceError(
            f"{folder}: its files have different columns ({error}). Cure: write them again as one."
        ) from error
    return FileTable(table, np.arange(table.num_rows, dtype=np.int64) + 1)


def parts_of(path: Path) -> list[Path]:
    """The files of a Parquet table, in order: the file, or those in a folder that Spark wrote.
    Raises SourceError."""
    if not path.is_dir():
        return [path]
    parts = [one for one in sorted(path.glob("*.parquet")) if one.name[0] not in "._"]
    if not parts and any(path.glob("*=*/")):
        inner = next(one.name for one in sorted(path.glob("*=*/")))
        raise SourceError(
            f"{path}: its parts are in folders such as {inner}, whose names hold a column. Cure: "
            "write the table as one file, or without partitions."
        )
    if not parts:
        raise SourceError(f"{path}: there is no .parquet file in this folder. Cure: give a file.")
    return parts


def as_text(table: pa.Table, path: Path) -> pa.Table:
    """Columns of bytes as text, as which other programs write it. Raises SourceError for bytes that
    are no UTF-8."""
    for place, field in enumerate(table.schema):
        if not (pa.types.is_binary(field.type) or pa.types.is_large_binary(field.type)):
            continue
        try:
            table = table.set_column(place, field.name, table.column(place).cast(pa.string()))
        except pa.ArrowInvalid as error:
            raise SourceError(
                f"{path}, column {field.name}: bytes that are no UTF-8 text. Cure: write the "
                "column as text, or leave it out."
            ) from error
    return table
