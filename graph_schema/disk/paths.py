"""Paths that callers give."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Final

from graph_schema.errors import RequestError

_LONGEST: Final = 255  # bytes of a name in a path


def given_path(path: Any, what: str) -> Path:
    """A path that a caller gave, with ``~`` expanded. Raises RequestError for what is no path."""
    if not isinstance(path, str | os.PathLike) or isinstance(os.fspath(path), bytes):
        raise RequestError(f"{what} is a {type(path).__name__}; give a path.")
    text = str(os.fspath(path))
    try:
        names = [name.encode() for name in Path(text).parts]
    except UnicodeEncodeError as error:
        raise RequestError(f"{what}: {text!r} is not valid Unicode text.") from error
    if not text or "\0" in text or any(len(name) > _LONGEST for name in names):
        raise RequestError(f"{what} is {text[:60]!r}, which is no path; give another.")
    try:
        return Path(text).expanduser()
    except RuntimeError as error:  # no home folder, or none of a user that is not there
        raise RequestError(f"{what} is {text[:60]!r} ({error}); give another.") from error
