"""Write whole files: a temporary file beside the target, then one rename."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path


def write_file(path: Path, write: Callable[[str], object]) -> Path:
    """Call ``write`` with the name of a temporary file, then rename that file to ``path``.

    If ``write`` fails, ``path`` is unchanged and the temporary file is removed.
    """
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


def write_text(path: Path, text: str) -> Path:
    """Write the text as UTF-8 with ``write_file``."""
    return write_file(path, lambda name: Path(name).write_bytes(text.encode("utf-8", "replace")))
