"""The files of a snapshot folder: raw columns as .npy, written in parts, and Arrow tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

MAX_SMALL = 2**31 - 1  # the largest number of a column of 32 bits


class ColumnWriter:
    """A .npy file of one column that is written part by part, of any length.

    Its bytes are those of ``numpy.save``, whatever the parts.
    """

    def __init__(self, path: Path, dtype: np.dtype[Any]) -> None:
        self._dtype, self._rows = np.dtype(dtype).newbyteorder("<"), 0
        self._file = path.open("wb")
        self._write_header()

    def append(self, part: np.ndarray) -> None:
        """Write the next rows."""
        self._rows += len(part)
        self._file.write(np.ascontiguousarray(part, dtype=self._dtype).data)

    def close(self) -> None:
        """Write how many rows there are, for which the header has room, and close the file."""
        self._file.seek(0)
        self._write_header()
        self._file.close()

    def _write_header(self) -> None:
        kind = np.lib.format.dtype_to_descr(self._dtype)
        header = {"descr": kind, "fortran_order": False, "shape": (self._rows,)}
        np.lib.format.write_array_header_1_0(self._file, header)


def write_column(path: Path, values: np.ndarray) -> None:
    """Write a column that is at hand as a whole."""
    with column_writers(path.parent, {path.stem: values.dtype}) as files:
        files[path.stem].append(values)


def map_column(path: Path) -> np.ndarray:
    """The array in a .npy file, mapped: read-only, and read from disk where it is used."""
    try:
        mapped = np.load(path, mmap_mode="r", allow_pickle=False)
    except ValueError:
        try:
            mapped = np.load(path, allow_pickle=False)  # an array without rows can't be mapped
        except MemoryError as error:
            raise ValueError(f"{path.name} names more numbers than it has") from error
        if len(mapped):
            raise
    return np.asarray(mapped)


def write_table(path: Path, table: pa.Table) -> None:
    """Write an Arrow table, without any metadata."""
    plain = table.replace_schema_metadata(None).combine_chunks()
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, plain.schema) as writer:
        writer.write_table(plain)


def map_table(path: Path) -> pa.Table:
    """The table in an Arrow file, mapped."""
    with pa.memory_map(str(path)) as file:
        return pa.ipc.open_file(file).read_all()


@contextmanager
def column_writers(
    folder: Path, columns: Mapping[str, np.dtype[Any]]
) -> Iterator[dict[str, ColumnWriter]]:
    """A writer for each name, closed in the end."""
    writers = {name: ColumnWriter(folder / f"{name}.npy", kind) for name, kind in columns.items()}
    try:
        yield writers
    finally:
        for writer in writers.values():
            writer.close()
