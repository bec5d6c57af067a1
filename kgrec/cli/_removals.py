"""What ``kgrec remove`` is to remove: ids given or in a file, and files of rows."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from graph_schema.names import KEY_COLUMNS
from kgrec.cli._pseudonyms import rows_with_stored_ids, stored_ids
from kgrec.cli._tables import read_ids
from kgrec.presentation import split_list

if TYPE_CHECKING:
    import pyarrow as pa


def given_ids(text: str | None, frame: str, *, raw: bool = False) -> list[str] | None:
    """The ids of ``1,2,3`` or of ``@FILE``, which ``read_ids`` reads; those of users as the graph
    has them, unless ``raw``. Raises SourceError."""
    in_file = text is not None and text.startswith("@")
    ids = read_ids(Path(text[1:]), KEY_COLUMNS[frame]) if text and in_file else split_list(text)
    return ids if raw or frame != "users" else stored_ids(ids)


def read_rows(path: Path | None, frame: str) -> pa.Table | None:
    """The rows of a file of the CSV layout. Raises SourceError."""
    if path is None:
        return None
    from graph_schema.frames import SPECS
    from loaders.tables.infer import infer_types
    from loaders.tables.tabular import CsvForm, read_table

    part = read_table(path, CsvForm())
    table = part.table if part.typed else infer_types(part.table, SPECS[frame].by_name)
    return rows_with_stored_ids(table)
