"""Parquet files that would fill the memory are refused before they are read."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from graph_schema.disk.limits import COLUMNS, is_swollen, swollen
from graph_schema.errors import SourceError

# Bytes that a value takes in memory at least, by its physical type; 4 of a text are its place.
_BYTES: Final = {"BOOLEAN": 0.125, "INT32": 1, "FLOAT": 4, "INT64": 8, "DOUBLE": 8}
_OTHERS: Final = 4


def check_parquet(metadata: pq.FileMetaData, path: Path, size: int) -> None:
    """Look at the description in a Parquet file; ``size`` is that of the file in bytes.

    A column of a billion equal values takes a few bytes in the file, and gigabytes in memory.
    Raises SourceError for too many columns, and for columns that unpack to too much.
    """
    check_columns(metadata.num_columns, path)
    schema, rows = metadata.schema, metadata.num_rows
    kinds = [schema.column(place).physical_type for place in range(metadata.num_columns)]
    groups = (metadata.row_group(place).total_byte_size for place in range(metadata.num_row_groups))
    least = max(int(sum(rows * _BYTES.get(kind, _OTHERS) for kind in kinds)), sum(groups))
    if is_swollen(least, size):
        raise SourceError(f"{path}: {swollen(least, size)}")


def check_columns(count: int, path: Path) -> None:
    """Raise SourceError for too many columns."""
    if count > COLUMNS.value():
        raise SourceError(
            f"{path}, row 1: there are {count:,} columns or more. Cure: keep those that say "
            f"something of the rows; where all do, {COLUMNS.cure()}."
        )


def read_parquet_table(path: Path, **options: Any) -> pa.Table:
    """``pyarrow.parquet.read_table``, after ``check_parquet``. Raises as both do."""
    check_parquet(pq.read_metadata(path), path, path.stat().st_size)
    return pq.read_table(path, **options)
