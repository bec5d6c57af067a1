"""What ``kgrec remove`` is to remove: ids given or in a file, and files of rows."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from graph_schema.names import KEY_COLUMNS
from kgrec.cli._tables import read_ids
from kgrec.presentation import split_list

if TYPE_CHECKING:
    import pyarrow as pa


def given_ids(text: str | None, frame: str) -> list[str] | None:
    """The ids of ``1,2,3`` or of ``@FILE``, which ``read_ids`` reads. Raises SourceError."""
    if text is None or not text.startswith("@"):
        return split_list(text)
    return read_ids(Path(text[1:]), KEY_COLUMNS[frame])


def read_rows(path: Path | None, frame: str) -> pa.Table | None:
    """The rows of a file of the CSV layout. Raises SourceError."""
    if path is None:
        return None
    from graph_schema.frames import SPECS
    from loaders.tables.infer import infer_types
    from loaders.tables.tabular import CsvForm, read_table

    part = read_table(path, CsvForm())
    return part.table if part.typed else infer_types(part.table, SPECS[frame].by_name)
