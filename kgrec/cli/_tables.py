"""Tables in files: ids read from one, answers written to one, block after block."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graph_schema.errors import RequestError, SourceError
from graph_schema.output.spreadsheets import guarded_frame, unguarded
from kgrec.presentation import plain_value

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

TABLES = (".parquet", ".csv", ".jsonl")
_BLOCK = 1000  # users answered at once


def check_table(path: Path) -> Path:
    """``path``. Raises RequestError unless its ending is one of ``TABLES``."""
    if path.suffix.lower() not in TABLES:
        raise RequestError(f"{path}: lists are written as {', '.join(TABLES)}.")
    return path


def read_ids(path: Path, column: str = "user_id") -> list[str]:
    """The ids in a file, in its order.

    A .csv or .parquet file has a column ``column``; any other file has one id a line, and empty
    lines do not count. Raises SourceError for a file that can't be read, lacks the column or an
    id, or has no ids.
    """
    try:
        ids = _column(path, column) if path.suffix.lower() in (".csv", ".parquet") else _lines(path)
    except (OSError, ValueError) as error:  # pyarrow's and pandas' errors are ValueErrors
        raise SourceError(
            f"{path} can't be read ({error}); give a text file with an id a line, or a .csv or "
            f".parquet file with a column {column}."
        ) from error
    if not ids:
        raise SourceError(f"{path} has no ids; give one a line.")
    return ids


def write_table(frames: Iterable[pd.DataFrame], path: Path) -> int:
    """Write frames with the same columns, one after another, to a file that is complete or not
    there; returns the number of rows.

    The ending decides the format; see ``TABLES``. Raises RequestError for another one.
    """
    from kgrec.files import save_file

    writers: dict[str, Callable[[str, Iterator[pd.DataFrame]], int]] = {
        ".parquet": _write_parquet,
        ".csv": _write_csv,
        ".jsonl": _write_jsonl,
    }
    rows = 0

    def write(name: str) -> None:
        nonlocal rows
        rows = writers[path.suffix.lower()](name, iter(frames))

    check_table(path)
    save_file(path, write, private=True)
    return rows


def blocks_of(ids: Sequence[str]) -> list[Sequence[str]]:
    """``ids`` in blocks of about equal size. None has a single id, unless there is one in all: one
    user alone is scored on another way, with other last digits."""
    count = max(1, min(-(-len(ids) // _BLOCK), len(ids) // 2))
    bounds = [len(ids) * block // count for block in range(count + 1)]
    return [ids[start:end] for start, end in pairwise(bounds)]


def _lines(path: Path) -> list[str]:
    lines = path.read_text(encoding="utf-8-sig").splitlines()
    return [line.strip() for line in lines if line.strip()]


def _column(path: Path, column: str) -> list[str]:
    import pandas as pd

    if path.suffix.lower() == ".csv":
        table = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    else:
        table = pd.read_parquet(path)
    names = list(table.columns)
    if column not in names:
        raise ValueError(f"it has no column {column!r}, but {', '.join(map(repr, names))}")
    values = table[column]
    absent = (values.isna() | (values.astype(str) == "")).to_numpy(dtype=bool)
    if absent.any():
        raise ValueError(f"{absent.sum():,} of its {len(values):,} rows have no id")
    ids = [str(value) for value in values.tolist()]
    return [*map(unguarded, ids)] if path.suffix.lower() == ".csv" else ids


def _schema(frame: pd.DataFrame) -> pa.Schema:
    """The types of columns; an empty column of texts does not say its own."""
    import pyarrow as pa

    texts = [name for name in frame.columns if frame[name].dtype == object]
    types = pa.Schema.from_pandas(frame.drop(columns=texts), preserve_index=False)
    return pa.schema(
        [(name, pa.string() if name in texts else types.field(name).type) for name in frame.columns]
    )


def _write_parquet(name: str, frames: Iterator[pd.DataFrame]) -> int:
    import pyarrow as pa
    import pyarrow.parquet as pq

    first = next(frames)
    schema, rows = _schema(first), 0
    with pq.ParquetWriter(name, schema) as writer:
        for frame in _with(first, frames):
            writer.write_table(pa.Table.from_pandas(frame, schema, preserve_index=False))
            rows += len(frame)
    return rows


def _write_csv(name: str, frames: Iterator[pd.DataFrame]) -> int:
    rows = 0
    with Path(name).open("w", encoding="utf-8", newline="") as stream:
        for number, frame in enumerate(frames):
            guarded_frame(frame).to_csv(
                stream, index=False, header=number == 0, lineterminator="\n"
            )
            rows += len(frame)
    return rows


def _write_jsonl(name: str, frames: Iterator[pd.DataFrame]) -> int:
    rows = 0
    with Path(name).open("w", encoding="utf-8", errors="replace") as stream:
        for frame in frames:
            records: list[dict[Any, Any]] = frame.to_dict(orient="records")
            stream.writelines(
                json.dumps(plain_value(record), ensure_ascii=False, allow_nan=False) + "\n"
                for record in records
            )
            rows += len(frame)
    return rows


def _with(first: pd.DataFrame, others: Iterator[pd.DataFrame]) -> Iterator[pd.DataFrame]:
    yield first
    yield from others
