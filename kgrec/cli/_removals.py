"""What ``kgrec remove`` is to remove: ids given or in a file, and files of rows."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from graph_schema.errors import SourceError
from kgrec.presentation import split_list

if TYPE_CHECKING:
    import pyarrow as pa


def read_ids(text: str | None, frame: str) -> list[Any] | None:
    """The ids of ``1,2,3`` or of ``@FILE``: the column with the frame's ids, if the file has one,
    else its lines.

    Raises
    ------
    SourceError
        For a file that can't be read.
    """
    if text is None or not text.startswith("@"):
        return split_list(text)
    from graph_schema.names import KEY_COLUMNS
    from loaders.tabular import CsvForm, read_header, read_table

    path, key = Path(text[1:]), KEY_COLUMNS[frame]
    if path.name.endswith(".parquet") or key in read_header(path, CsvForm()):
        table = read_table(path, CsvForm()).table
        if key not in table.column_names:
            raise SourceError(f"{path}: the column {key} is missing. Cure: add it.")
        ids: list[Any] = table.column(key).to_pylist()
        return ids
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(
            f"{path} can't be read as lines of text ({error}). Cure: give UTF-8 text."
        ) from error
    return [line.strip() for line in lines if line.strip()]


def read_rows(path: Path | None, frame: str) -> pa.Table | None:
    """The rows of a file of the CSV layout, or of Parquet. Raises SourceError."""
    if path is None:
        return None
    from graph_schema.frames import SPECS
    from loaders.infer import infer_types
    from loaders.tabular import CsvForm, read_table

    return infer_types(read_table(path, CsvForm()).table, SPECS[frame].by_name)
