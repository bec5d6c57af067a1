"""Feedback logs in files: the rows of people are removed, all else stays as it is."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from graph_schema.disk.files import put_text
from graph_schema.disk.scratch import remove_scratch
from kgrec.erasure.places import Place
from kgrec.erasure.receipt import ErasedPlace
from kgrec.errors import SourceError
from kgrec.files import save_file
from kgrec.stores.people.erased_people import Tombstones

_USER: Final = "user_id"


class FeedbackPlace(Place):
    """A feedback log: a .csv, .parquet or .jsonl file with a column user_id."""

    kind = "feedback log"

    def __init__(self, path: Path) -> None:
        super().__init__(str(path))
        self.path = path
        if path.suffix.lower() not in _FORMATS:
            raise SourceError(f"{path}: a feedback log is a {', '.join(_FORMATS)} file.")
        self._read, self._keep = _FORMATS[path.suffix.lower()]

    def users(self) -> set[str]:
        return set(self._ids())

    def files(self) -> list[Path]:
        return [self.path]

    def erase(self, users: Sequence[str], tombstones: Tombstones) -> list[ErasedPlace]:
        started = time.perf_counter()
        remove_scratch(self.path.parent)
        gone = set(users)
        kept = [one not in gone for one in self._ids()]
        if not all(kept):
            self._keep(self.path, kept)
        return [self._done({"rows": len(kept) - sum(kept)}, started)]

    def _ids(self) -> list[str]:
        try:
            return self._read(self.path)
        except (OSError, ValueError, KeyError) as error:  # pyarrow's errors are ValueErrors
            raise SourceError(
                f"{self.path} can't be read ({error}); give a feedback log with a column {_USER}."
            ) from error


def _parquet_ids(path: Path) -> list[str]:
    column = pq.read_table(path, columns=[_USER]).column(_USER)
    return [str(one) for one in pc.cast(column, pa.string()).to_pylist()]


def _keep_parquet(path: Path, kept: list[bool]) -> None:
    table = pq.read_table(path).filter(pa.array(kept))
    table = pa.concat_tables([table.unify_dictionaries()]).combine_chunks()
    plain = pa.table(
        {name: _plain(table.column(name)) for name in table.column_names}
    ).replace_schema_metadata(table.schema.metadata)
    save_file(path, lambda name: pq.write_table(plain, name))


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Without a dictionary, which would keep values that no row has."""
    is_coded = pa.types.is_dictionary(column.type)
    return column.cast(column.type.value_type) if is_coded else column


def _csv_ids(path: Path) -> list[str]:
    return list(_csv(path)[_USER])


def _keep_csv(path: Path, kept: list[bool]) -> None:
    frame = _csv(path)[kept]
    save_file(path, lambda name: frame.to_csv(name, index=False, lineterminator="\n"))


def _csv(path: Path) -> pd.DataFrame:
    return pd.read_csv(path, dtype=str, keep_default_na=False)


def _json_ids(path: Path) -> list[str]:
    return [str(json.loads(line)[_USER]) for line in _lines(path)]


def _keep_json(path: Path, kept: list[bool]) -> None:
    lines = [line for line, stays in zip(_lines(path), kept, strict=True) if stays]
    put_text(path, "".join(f"{line}\n" for line in lines))


def _lines(path: Path) -> list[str]:
    return [line for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


_FORMATS: Final[
    Mapping[str, tuple[Callable[[Path], list[str]], Callable[[Path, list[bool]], None]]]
] = {
    ".csv": (_csv_ids, _keep_csv),
    ".parquet": (_parquet_ids, _keep_parquet),
    ".jsonl": (_json_ids, _keep_json),
}
