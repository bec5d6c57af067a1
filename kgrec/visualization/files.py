"""Files that are complete or not there: written beside their place, then put into it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path


def put_file(path: Path, write: Callable[[str], object]) -> Path:
    """``write`` is called with the name of a file to fill; it then takes its place at ``path``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(suffix=path.suffix.lower(), dir=path.parent)
    os.close(handle)
    try:
        write(name)
        os.chmod(name, 0o644)
        os.replace(name, path)
    finally:
        Path(name).unlink(missing_ok=True)
    return path


def put_text(path: Path, text: str) -> Path:
    """The text as UTF-8."""
    return put_file(path, lambda name: Path(name).write_bytes(text.encode("utf-8", "replace")))
