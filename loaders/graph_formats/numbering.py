"""Lists of original ids: item_list.txt and the like, with an id and its number a line."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa

from graph_schema.errors import SourceError
from graph_schema.report import shown
from loaders.graph_formats.files import are_numbers, fields_of, numbers_in
from loaders.report import FileReport, Progress

_ID: Final = "org_id"
_NUMBER: Final = "remap_id"
_OTHER: Final = "freebase_id"  # of items, where a list has a third column


@dataclass(frozen=True)
class IdList:
    """The original id of each number, and further columns of the list by their names."""

    path: Path
    ids: dict[int, str] = field(default_factory=dict)
    others: dict[str, dict[int, str]] = field(default_factory=dict)


def read_id_list(path: Path, file: FileReport, progress: Progress | None) -> IdList:
    """Read lines of an original id and its number, with or without a header. Blanks inside of the
    original id belong to it. Raises SourceError."""
    found = IdList(path)
    names = [_ID, _NUMBER, _OTHER]
    for row, fields in fields_of(path, file, progress):
        if row == 1 and not _is_entry(fields):
            names = fields if _NUMBER in fields else names
            continue
        file.read += 1
        _add(found, row, _in_columns(fields, names), names)
    return found


def _is_entry(fields: list[str]) -> bool:
    return len(fields) > 1 and any(are_numbers([one]) for one in fields[1:])


def _in_columns(fields: list[str], names: list[str]) -> list[str]:
    """The fields by columns: an id may have blanks, and the last columns may be empty."""
    place = names.index(_NUMBER)
    if place == 0:
        return [fields[0], " ".join(fields[1:])]
    for after in range(len(names) - 1 - place, -1, -1):
        number = len(fields) - 1 - after
        if number >= place and are_numbers([fields[number]]):
            surplus = number - place
            return [" ".join(fields[: surplus + 1]), *fields[surplus + 1 :]]
    return fields


def _add(found: IdList, row: int, fields: list[str], names: list[str]) -> None:
    place = names.index(_NUMBER)
    if len(fields) <= place:
        raise SourceError(
            f"{found.path}, row {row}: {len(fields)} fields where there are {len(names)} columns: "
            f"{shown(' '.join(fields))}. Cure: write the original id and its number."
        )
    (number,) = numbers_in(found.path, row, [fields[place]])
    values = dict(zip(names, fields, strict=False))
    original = values.pop(_ID, fields[0])
    if found.ids.setdefault(number, original) != original:
        raise SourceError(
            f"{found.path}, row {row}: the number {number} is in an earlier row, with another id. "
            "Cure: keep one row per number."
        )
    del values[_NUMBER]
    for name, value in values.items():
        if value not in ("", original):
            found.others.setdefault(name, {})[number] = value


class Ids:
    """The ids of the numbers in use: the original ones where a list has them all, each once; else
    the numbers themselves, with a note that says why."""

    def __init__(
        self,
        numbers: Iterable[int] | np.ndarray,
        listed: IdList | None,
        file: FileReport | None,
        word: str,
    ) -> None:
        self.numbers = np.unique(np.fromiter(numbers, dtype=np.int64))
        self._listed = listed
        ids = [] if listed is None else [listed.ids.get(n) for n in self.numbers.tolist()]
        reason = self._reason(ids, file)
        if file is not None and reason:
            file.notes.append(f"{reason}: the {word} keep their numbers as ids.")
        texts = ids if listed is not None and not reason else list(map(str, self.numbers.tolist()))
        self.ids = pa.array(texts, pa.string())

    def _reason(self, ids: Collection[str | None], file: FileReport | None) -> str:
        if file is None or self._listed is None:
            return ""
        missing = [n for n, one in zip(self.numbers.tolist(), ids, strict=True) if not one]
        if missing:
            count = f"{len(missing):,} of {len(ids):,} numbers"
            return f"there is no id here for {count}, such as {missing[0]}"
        twice = len(ids) - len(set(ids))
        return f"{twice:,} ids are here for several numbers" if twice else ""

    def of(self, numbers: np.ndarray) -> pa.Array:
        """The ids of numbers (int64 ``[n]``), each of which is in use."""
        return self.ids.take(pa.array(np.searchsorted(self.numbers, numbers)))

    def table(self, key: str) -> pa.Table | None:
        """The nodes with the further columns of their list; None without a list."""
        if self._listed is None:
            return None
        columns = {key: self.ids}
        for name, values in self._listed.others.items():
            own = f"{name}_listed" if name == key else name
            columns[own] = pa.array([values.get(n) for n in self.numbers.tolist()], pa.string())
        return pa.table(columns)
