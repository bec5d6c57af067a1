"""MIND, the news of a portal: behaviors.tsv with what was shown and clicked, and news.tsv.

A click is an interaction. The history of a user is interactions without a time, which counts as
before those with one. Entities that a title or an abstract names become facts.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa

from graph_schema.disk.paths import given_path
from graph_schema.errors import RequestError, SourceError
from graph_schema.report import shown as written
from loaders.builder import CatalogBuilder
from loaders.graph_formats.files import files_of, plain_names
from loaders.loader import Loader
from loaders.recognition import FileNames
from loaders.report import FileReport, LoadResult, Progress
from loaders.tables.streams import text_lines
from loaders.tables.tabular import CsvForm, FileTable, read_csv

_EVENTS: Final = "behaviors.tsv"
_NEWS: Final = "news.tsv"
_COLUMNS: Final = ("item_id", "category", "subcategory", "title", "abstract", "url")
_LISTS: Final = ("title_entities", "abstract_entities")
_FORM: Final = CsvForm("\t", quoted=False, names=(*_COLUMNS, *_LISTS))
_FIELDS: Final = 5  # of a row of behaviors.tsv
_HEADERS: Final = (["user_id", "time"], ["user", "time"], ["userid", "time"])
_RELATION: Final = "MENTIONS"
_CLICK: Final = "click"  # the kind of event of a news that was read


def mind(
    folder: str | Path, *, shown: str | None = None, progress: Progress | None = None
) -> LoadResult:
    """Load a folder of behaviors.tsv and news.tsv, such as MINDsmall_train.

    Parameters
    ----------
    folder : str or Path
        The folder with the files.
    shown : str, optional
        Kind of event, such as "skip", of news that were shown and not clicked; without it they
        are left out.
    progress : callable, optional
        Called with (file name, bytes read, bytes in total) while a file is read.

    Returns
    -------
    LoadResult
        The valid catalog, and the report of the rows read, kept and dropped. A row of
        behaviors.tsv is one news of a history or of an impression.

    Raises
    ------
    SourceError
        If a file is missing or can't be read.
    CatalogError
        If the content breaks the schema.
    RequestError
        For a ``shown`` that is no name.
    """
    folder = given_path(folder, "folder")
    if shown is not None and (not isinstance(shown, str) or not shown.strip()):
        raise RequestError(f"shown is {shown!r}; give the name of a kind of event, such as 'skip'.")
    files, builder = files_of(folder), CatalogBuilder()
    for name in (_EVENTS, _NEWS):
        if name not in files:
            raise SourceError(f"{folder}: there is no {name}. Cure: add it.")
    path = files[_EVENTS]
    events = _Events(path, builder.report.file(path.name), shown)
    for row, line in text_lines(path, progress=progress):
        events.add(row, line)
    builder.add("interactions", events.table(), path, np.array(events.rows, dtype=np.int64))
    _add_news(builder, files[_NEWS], progress)
    for name in sorted(set(files) - {_EVENTS, _NEWS}):
        builder.report.notes.append(f"{files[name].name} was not read.")
    return builder.build()


@dataclass
class _Events:
    """The clicks of the rows read so far, the histories of the users and, with ``passed_over`` as
    their kind of event, the news that were shown and not clicked."""

    path: Path
    file: FileReport
    passed_over: str | None = None
    users: list[str] = field(default_factory=list)
    items: list[str] = field(default_factory=list)
    times: list[int | None] = field(default_factory=list)
    kinds: list[str] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)
    _last: dict[str, str] = field(default_factory=dict)
    _known: set[tuple[str, str]] = field(default_factory=set)

    def add(self, row: int, line: str) -> None:
        """Add the history and the clicks of one row. Raises SourceError."""
        if not line.strip():
            self.file.read += 1
            self.file.drop("blank row")
            return
        fields = line.split("\t")
        if row == 1 and [one.strip().lower() for one in fields[1:3]] in _HEADERS:
            return
        if len(fields) != _FIELDS:
            raise SourceError(
                f"{self.path}, row {row}: {len(fields)} fields where there are {_FIELDS} columns "
                "(impression, user, time, history, news shown). Cure: complete the row."
            )
        _, user, time, history, shown_news = fields
        self._add_history(row, user, history)
        self._add_clicks(row, user, self._seconds(row, time), shown_news.split())

    def _add_history(self, row: int, user: str, history: str) -> None:
        news = history.split()
        self.file.read += len(news)
        if self._last.get(user) == history:
            fresh = []
        else:
            fresh = [one for one in dict.fromkeys(news) if (user, one) not in self._known]
        self._last[user] = history
        self.file.drop("in an earlier history or click of the user", len(news) - len(fresh))
        for one in fresh:
            self._known.add((user, one))
            self._append(row, user, one, None)

    def _add_clicks(self, row: int, user: str, time: int | None, entries: list[str]) -> None:
        clicked = [one[:-2] for one in entries if one.endswith("-1")]
        passed = [one[:-2] for one in entries if one.endswith("-0")]
        self.file.read += len(entries)
        self.file.drop("shown, without a label", len(entries) - len(passed) - len(clicked))
        for one in clicked:
            self._known.add((user, one))
            self._append(row, user, one, time)
        if self.passed_over is None:
            self.file.drop("shown and not clicked", len(passed))
            return
        for one in passed:
            self._append(row, user, one, time, self.passed_over)

    def _append(self, row: int, user: str, item: str, time: int | None, kind: str = _CLICK) -> None:
        self.users.append(user)
        self.items.append(item)
        self.times.append(time)
        self.kinds.append(kind)
        self.rows.append(row)

    def _seconds(self, row: int, text: str) -> int | None:
        try:
            return seconds_of(text) if text.strip() else None
        except ValueError as error:
            raise SourceError(
                f"{self.path}, row {row}: {written(text)} is no time. Cure: write it as published, "
                "11/11/2019 9:05:58 AM."
            ) from error

    def table(self) -> pa.Table:
        """The interactions. Raises SourceError where there are none."""
        if not self.rows:
            raise SourceError(
                f"{self.path}: no news is clicked, nor in a history. Cure: give the folder of the "
                "training or validation part; the test part has no labels."
            )
        self.file.notes.append(
            "a row counts once for each news of its history and its impression; times are UTC, and "
            "the news of histories have none."
        )
        return pa.table(
            {
                "user_id": self.users,
                "item_id": self.items,
                "timestamp": pa.array(self.times, pa.int64()),
                "event": self.kinds,
            }
        )


def seconds_of(text: str) -> int:
    """Unix seconds of a time such as 11/11/2019 9:05:58 AM. Raises ValueError."""
    day, clock, half = text.split()
    hour, minute, second = (int(one) for one in clock.split(":"))
    fine = 1 <= hour <= 12 and 0 <= minute < 60 and 0 <= second < 60
    if not fine or half.upper() not in ("AM", "PM"):
        raise ValueError(text)
    afternoon = 12 if half.upper() == "PM" else 0
    return _midnight(day) + (hour % 12 + afternoon) * 3_600 + minute * 60 + second


@lru_cache(maxsize=10_000)
def _midnight(day: str) -> int:
    return int(datetime.strptime(day, "%m/%d/%Y").replace(tzinfo=UTC).timestamp())


def _add_news(builder: CatalogBuilder, path: Path, progress: Progress | None) -> None:
    part = _without_header(read_csv(path, _FORM, progress))
    file = builder.report_file(path, part)
    builder.add("items", part.table.select(_COLUMNS), path, part.rows)
    mentioned = _Mentions(file)
    columns = {name: part.table.column(name).to_pylist() for name in ("item_id", *_LISTS)}
    for place, item in enumerate(columns["item_id"]):
        for name in _LISTS:
            mentioned.add(item, columns[name][place], int(part.rows[place]))
    mentioned.note()
    if mentioned.facts:
        builder.add("entities", mentioned.entities(), path)
        builder.add("facts", mentioned.table(), path)


def _without_header(part: FileTable) -> FileTable:
    """The rows without a header, which copies of the data set have."""
    table = part.table
    if not table.num_rows or table["category"][0].as_py().lower() != "category":
        return part
    return replace(part, table=table.slice(1), rows=part.rows[1:])


@dataclass
class _Mentions:
    """Facts about the entities that the lists of news.tsv name, and what can't be read there."""

    file: FileReport
    facts: dict[tuple[str, str], None] = field(default_factory=dict)
    names: dict[str, tuple[str, str]] = field(default_factory=dict)
    wrong: list[int] = field(default_factory=list)

    def add(self, item: str, text: str, row: int) -> None:
        if text in ("", "[]"):
            return
        try:
            found = [_entity(one) for one in json.loads(text)]
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            self.wrong.append(row)
            return
        for entity, name, kind in found:
            self.facts[item, entity] = None
            self.names.setdefault(entity, (name, kind))

    def note(self) -> None:
        if self.wrong:
            self.file.notes.append(
                f"lists of entities that can't be read: {len(self.wrong):,}, the first in row "
                f"{self.wrong[0]}; their facts are missing."
            )

    def entities(self) -> pa.Table:
        names, kinds = zip(*self.names.values(), strict=True)
        return pa.table({"entity_id": list(self.names), "name": list(names), "kind": list(kinds)})

    def table(self) -> pa.Table:
        items, entities = zip(*self.facts, strict=True)
        columns: dict[str, Any] = {"head": list(items), "tail": list(entities)}
        constant = {"head_type": "item", "relation": _RELATION, "tail_type": "entity"}
        same = {name: pa.repeat(pa.scalar(word), len(items)) for name, word in constant.items()}
        return pa.table({**columns, **same})


def _entity(value: Any) -> tuple[str, str, str]:
    """The id, the name and the kind of an entity. Raises what JSON of another form raises."""
    found = value["WikidataId"], value.get("Label") or "", value.get("Type") or ""
    for text in found:
        text.encode()  # a surrogate in the text is an error too
    if not found[0]:
        raise ValueError("no id")
    return found


def _recognises(files: FileNames) -> bool:
    return _EVENTS in plain_names(files)


LOADER: Final = Loader(
    name="mind",
    title="MIND: news with the entities that they name, and clicks",
    files="behaviors.tsv with news.tsv",
    recognises=_recognises,
    function=mind,
)
