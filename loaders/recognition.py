"""What formats are recognised by: the names of the files, and how their content begins."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from graph_schema.errors import SourceError
from loaders.tables.json_records import first_fields
from loaders.tables.packing import PACKINGS
from loaders.tables.streams import open_bytes

JSON_SUFFIXES: Final = (".json", ".jsonl", ".ndjson")
TABLE_SUFFIXES: Final = (".csv", ".tsv", ".txt", ".dat")
# Files that hold no tables.
NO_DATA: Final = (
    *(".md", ".pdf", ".html", ".htm", ".py", ".ipynb", ".toml", ".yaml", ".yml", ".png", ".jpg"),
    *(".jpeg", ".svg", ".sh", ".bib", ".npy", ".npz", ".pkl", ".pt", ".kgl", ".doc", ".docx"),
)
_NETWORKS: Final = ("trust", "friend", "follow", "social")
_NETWORK_WORDS: Final = ("edges", "network", "contacts")
_START: Final = 1 << 16  # bytes
_MOST: Final = 10  # files that a note names
_PASSED_OVER: Final = ("__MACOSX", "Thumbs.db", "desktop.ini", "~$", "_SUCCESS")


class FileNames(set[str]):
    """The names of the files and folders in a folder, or of the one file that was given, without
    those that begin with a dot. ``path`` is what was given, ``folder`` the folder that has them.

    Formats whose names are used for other data too look at the content of the files. It is read
    when a format first asks for it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.folder = path if path.is_dir() else path.parent
        here = {file.name for file in path.iterdir()} if path.is_dir() else {path.name}
        super().__init__(
            name for name in here if name == path.name or not name.startswith((".", *_PASSED_OVER))
        )
        self._lines: dict[str, list[str]] = {}
        self._fields: dict[str, frozenset[str]] = {}

    def ending(self, suffixes: tuple[str, ...]) -> list[str]:
        """The files of these kinds, plain or packed, in the order of their names."""
        return sorted(name for name in self if plain_name(name).lower().endswith(suffixes))

    def lines(self, name: str) -> list[str]:
        """The first lines of a file of text; empty where it is absent or can't be read."""
        if name not in self._lines:
            self._lines[name] = first_lines(self.folder / name) if name in self else []
        return self._lines[name]

    def cells(self, name: str, delimiter: str = ",") -> list[list[str]]:
        """The first rows of a delimited file."""
        return [next(csv.reader([line], delimiter=delimiter), []) for line in self.lines(name)]

    def header(self, name: str) -> list[str]:
        """The first row of a file separated by commas."""
        return next(iter(self.cells(name)), [])

    def fields(self, name: str) -> frozenset[str]:
        """The fields of the first records of a JSON file; empty for any other file."""
        if name not in self._fields:
            path = self.folder / name
            self._fields[name] = first_fields(path) if path.is_file() else frozenset()
        return self._fields[name]


def unread_files(names: Iterable[str]) -> list[str]:
    """The note for files that a loader passed over, or none; README files have no note."""
    others = [one for one in sorted(names) if not one.lower().startswith(("readme", "license"))]
    more = f" and {len(others) - _MOST:,} more" if len(others) > _MOST else ""
    return [f"files that were not read: {', '.join(others[:_MOST])}{more}."] if others else []


def is_network(name: str) -> bool:
    """Whether a file is called as those that say which users trust or follow which others."""
    words = re.split(r"[^a-z]+", name.lower())
    return any(word.startswith(_NETWORKS) or word in _NETWORK_WORDS for word in words if word)


def plain_name(name: str) -> str:
    """The name of a file without the suffix of how it is packed: ratings.csv of ratings.csv.gz."""
    end = next((end for end in PACKINGS if name.lower().endswith(end)), "")
    return name[: len(name) - len(end)]


def first_lines(path: Path) -> list[str]:
    """The first complete lines of a file of text, without byte order mark."""
    try:
        if not path.is_file():
            return []
        with open_bytes(path) as stream:
            start = io.BufferedReader(stream, buffer_size=_START).read(_START)
    except SourceError:
        return []
    text = start.decode("utf-8", "replace").removeprefix("\ufeff")
    lines = text.splitlines()
    return lines[:-1] if len(start) == _START and len(lines) > 1 else lines
