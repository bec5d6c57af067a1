"""Find the files of a format by their names, packed or not, and read lines of fields."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Final

from graph_schema.errors import SourceError
from graph_schema.report import shown
from loaders.recognition import first_lines, plain_name
from loaders.report import FileReport, Progress
from loaders.tables.streams import text_lines

_FIRST: Final = 20  # lines by which a format is recognised
_DIGITS: Final = 18  # of a number that int64 holds


def plain_names(names: Collection[str]) -> set[str]:
    """The names without the ends that say how the files are packed."""
    return {plain_name(name) for name in names if not name.startswith(".")}


def _every(name: str) -> bool:
    return True


def files_of(folder: Path, wanted: Callable[[str], bool] = _every) -> dict[str, Path]:
    """The files of a folder whose plain names are ``wanted``, by these. Raises SourceError for one
    that is there packed and unpacked, and where there is no such folder."""
    if not folder.is_dir():
        raise SourceError(f"{folder}: there is no such folder. Cure: check the path.")
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        name = plain_name(path.name)
        if path.name.startswith(".") or not wanted(name) or not path.is_file():
            continue
        if name in found:
            raise SourceError(
                f"{folder}: both {found[name].name} and {path.name} exist. Cure: keep one."
            )
        found[name] = path
    return found


def first_rows(path: Path) -> list[str]:
    """The first lines of a file that are not blank; none where it can't be read as text."""
    return [line for line in first_lines(path) if line.strip()][:_FIRST]


def fields_of(
    path: Path, file: FileReport, progress: Progress | None = None, *, numbers: bool = False
) -> Iterator[tuple[int, list[str]]]:
    """Yield (line number, fields) of the lines of a file; fields end at tabs, or at blanks in a
    line without a tab and in files of numbers. Blank lines are counted and dropped."""
    for number, line in text_lines(path, progress=progress):
        if not line.strip():
            file.read += 1
            file.drop("blank row")
            continue
        tabs = "\t" in line and not numbers
        yield number, [field.strip() for field in line.split("\t")] if tabs else line.split()


def are_numbers(fields: list[str]) -> bool:
    """Whether all fields are whole numbers without a sign."""
    joined = "".join(fields)
    return joined.isascii() and joined.isdecimal() and all(fields)


def numbers_in(path: Path, row: int, fields: list[str]) -> list[int]:
    """The fields as whole numbers. Raises SourceError."""
    if not are_numbers(fields) or max(map(len, fields)) > _DIGITS:
        wrong = next(f for f in fields if not are_numbers([f]) or len(f) > _DIGITS)
        raise SourceError(
            f"{path}, row {row}: {shown(wrong)} is no number. Cure: write the numbers of the "
            "lists, separated by blanks, and check that the file is the one of its name."
        )
    return [int(field) for field in fields]


def check_width(path: Path, row: int, fields: list[str], names: tuple[str, ...]) -> None:
    """Raise SourceError if a line hasn't one field for each name."""
    if len(fields) != len(names):
        raise SourceError(
            f"{path}, row {row}: {len(fields)} fields where there are {len(names)} columns "
            f"({', '.join(names)}): {shown(' '.join(fields))}. Cure: complete the row, or check "
            "that the file is the one of its name."
        )
