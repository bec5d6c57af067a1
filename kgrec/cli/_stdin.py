"""Standard input as a file of interactions: delimited text, JSON lines or Parquet."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from graph_schema.errors import CatalogError, SourceError
from kgrec.cli._progress import say

STDIN: Final = "-"
_NAME: Final = "standard input"
_START: Final = 1 << 10  # bytes that tell what it is


@contextmanager
def stdin_as_file() -> Iterator[Path]:
    """A file with what standard input holds, whose name tells its form; messages of errors call it
    standard input."""
    if sys.stdin.isatty():
        say("reading interactions from standard input; Ctrl-D ends it")
    with tempfile.TemporaryDirectory() as folder:
        whole = Path(folder) / _NAME
        with whole.open("wb") as file:
            shutil.copyfileobj(sys.stdin.buffer, file)
        path = whole
        try:
            path = whole.rename(whole.with_name(_NAME + _suffix(whole)))
            yield path
        except SourceError as error:
            raise SourceError(str(error).replace(str(path), _NAME)) from error
        except CatalogError as error:
            raise CatalogError(str(error).replace(str(path), _NAME), error.report) from error


def called(path: Path) -> str:
    """What messages call a file: its path, or standard input."""
    return _NAME if path.stem == _NAME else str(path)


def _suffix(path: Path) -> str:
    """What the name of a file with this content ends in. Raises SourceError."""
    from loaders.tables.streams import open_bytes

    with open_bytes(path) as stream:
        start = stream.read(_START).removeprefix(b"\xef\xbb\xbf").lstrip()
    if start.startswith(b"PAR1"):
        return ".parquet"
    return ".jsonl" if start.startswith((b"{", b"[")) else ".csv"
