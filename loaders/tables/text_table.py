"""TextTable: a table of text columns that is built row by row."""

from __future__ import annotations

from typing import Final

import pyarrow as pa

_BLOCK: Final = 50_000  # rows that become Arrow arrays at once


class TextTable:
    """Columns of text, with None for an absent value."""

    def __init__(self, *names: str) -> None:
        self.names = names
        self._rows: list[tuple[str | None, ...]] = []
        self._parts: list[pa.Table] = []

    def add(self, *values: str | None) -> None:
        """Add a row: a value for each column."""
        self._rows.append(values)
        if len(self._rows) >= _BLOCK:
            self._flush()

    def table(self) -> pa.Table:
        """The rows so far as an Arrow table."""
        self._flush()
        return pa.concat_tables(self._parts)

    def _flush(self) -> None:
        columns = list(zip(*self._rows, strict=True)) or [()] * len(self.names)
        arrays = [pa.array(column, type=pa.string()) for column in columns]
        self._parts.append(pa.table(dict(zip(self.names, arrays, strict=True))))
        self._rows = []


def without_empty_columns(table: pa.Table, names: tuple[str, ...]) -> pa.Table:
    """The table without those of these columns that have no value in any row."""
    empty = [name for name in names if table.column(name).null_count == table.num_rows]
    return table.drop_columns(empty) if empty else table
