"""SASRec's file: a user and an item in each line, each user's items in the order of time."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa

from graph_schema.disk.paths import given_path
from graph_schema.errors import SourceError
from graph_schema.report import shown
from loaders.builder import CatalogBuilder
from loaders.graph_formats.files import fields_of, first_rows, plain_names
from loaders.loader import Loader
from loaders.recognition import FileNames, is_network, plain_name
from loaders.report import LoadResult, Progress

_DAY: Final = 86_400  # seconds
_OTHER: Final = re.compile(r"(read_?me|licen[cs]e|notice|notes?|requirements).*", re.IGNORECASE)


def sasrec(file: str | Path, *, progress: Progress | None = None) -> LoadResult:
    """Load a file of a user and an item in each line, separated by a blank.

    The file has no times, and its order is the order of time. To keep it, the n-th item of a user
    gets the n-th day since 1970-01-01 as its time.

    Parameters
    ----------
    file : str or Path
        The file, such as Beauty.txt.
    progress : callable, optional
        Called with (file name, bytes read, bytes in total) while the file is read.

    Returns
    -------
    LoadResult
        The valid catalog, and the report of the rows read, kept and dropped.

    Raises
    ------
    SourceError
        If the file is missing or can't be read.
    CatalogError
        If the content breaks the schema.
    """
    path, builder = given_path(file, "file"), CatalogBuilder()
    report = builder.report.file(path.name)
    users, items, rows, counts = [], [], [], []
    seen: dict[str, int] = {}
    for row, fields in fields_of(path, report, progress):
        if row == 1 and _is_header(fields):
            continue
        if len(fields) != 2:
            raise SourceError(
                f"{path}, row {row}: {shown(' '.join(fields))} is not a user and an item. Cure: "
                "write both in each line, separated by a blank, in the order of time; if the file "
                "is of another format, pass the format or give its folder."
            )
        seen[fields[0]] = seen.get(fields[0], 0) + 1
        users.append(fields[0])
        items.append(fields[1])
        rows.append(row)
        counts.append(seen[fields[0]])
    report.read += len(rows)
    if not rows:
        raise SourceError(f"{path}: the file is empty. Cure: add a user and an item in each line.")
    report.notes.append(
        "the file has no times: the first item of each user is given the day 1970-01-02, the next "
        "one the day after, so that their order is kept. These times are no real ones."
    )
    parts = sum(one != before for one, before in zip(users, [None, *users], strict=False))
    if parts > len(seen):
        report.notes.append(
            f"the lines of some users are apart: {parts:,} runs of lines of {len(seen):,} users, "
            "where SASRec writes each user's lines together. Check that they are in the order of "
            "time."
        )
    times = np.array(counts, dtype=np.int64) * _DAY
    table = pa.table({"user_id": users, "item_id": items, "timestamp": pa.array(times)})
    builder.add("interactions", table, path, np.array(rows, dtype=np.int64))
    return builder.build()


def _is_header(fields: list[str]) -> bool:
    words = [field.lower() for field in fields]
    return len(words) == 2 and words[0].startswith("user") and words[1].startswith("item")


def _text_files(names: set[str]) -> list[str]:
    """The names that may be such a file: .txt, and not one that describes the folder."""
    return [name for name in plain_names(_data(names)) if name.endswith(".txt")]


def _data(names: set[str]) -> list[str]:
    return [name for name in names if not _OTHER.fullmatch(plain_name(name))]


def _recognises(files: FileNames) -> bool:
    """Whether the one text file of a folder has a user and an item in most of its first lines, a
    single file in each of them. Files of other data are called NAME.txt too."""
    texts = _text_files(files)
    if len(_data(files)) != 1 or len(texts) != 1 or is_network(texts[0]):
        return False
    if {"user_id", "item_id"} <= set(files.header(texts[0])):
        return False
    rows = [line.split() for line in first_rows(files.folder / next(iter(_data(files))))]
    pairs = sum(len(row) == 2 and not row[0].endswith((",", ":")) for row in rows)
    return pairs > len(rows) / 2 if files.path.is_dir() else 0 < pairs == len(rows)


def _arguments(path: Path) -> dict[str, Any]:
    if path.is_file():
        return {"file": path}
    texts = _text_files(FileNames(path))
    found = [one for one in sorted(path.iterdir()) if plain_name(one.name) in texts]
    if len(found) != 1:
        raise SourceError(
            f"{path}: {len(found)} text files are here. Cure: give the one file to read."
        )
    return {"file": found[0]}


LOADER: Final = Loader(
    name="sasrec",
    title="SASRec's file: a user and an item in each line, in the order of time",
    files="one NAME.txt",
    recognises=_recognises,
    function=sasrec,
    arguments=_arguments,
)
