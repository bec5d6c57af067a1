"""Single files: checksums, flushing, and replacing one as a whole."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import TypeGuard

from graph_schema.disk.scratch import made_folder, scratch_folder
from graph_schema.errors import reason


def digest(path: Path) -> str:
    """The sha256 of a file's content, in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def is_inside(name: object) -> TypeGuard[str]:
    """Whether ``name`` is a path that can't lead out of its folder."""
    if not isinstance(name, str) or "\\" in name:
        return False
    path = PurePosixPath(name)
    return bool(path.parts) and not path.is_absolute() and ".." not in path.parts


def put_file(path: Path, write: Callable[[str], object]) -> Path:
    """Call ``write`` with the name of a temporary file to fill, then put that file at ``path``.

    Raises OSError, which names ``path``, where the disk refuses.
    """
    path = path.expanduser()
    try:
        with made_folder(path.parent), scratch_folder(path.parent) as scratch:
            fresh = scratch / f"file{path.suffix.lower()}"
            write(str(fresh))
            give_usual_rights(scratch)
            flush(fresh)
            os.replace(fresh, path)
    except OSError as error:
        if error.errno is None:
            raise
        raise OSError(error.errno, reason(error), str(path)) from error
    return path


def put_text(path: Path, text: str) -> Path:
    """Put a file at ``path`` that holds ``text`` as UTF-8."""
    return put_file(path, lambda name: Path(name).write_bytes(text.encode("utf-8", "replace")))


def give_usual_rights(folder: Path) -> None:
    """Give the files below ``folder`` the rights of a file that is made there, whatever their
    writers chose: safetensors lets nobody but the owner read. Raises OSError."""
    probe = folder / ".rights"
    probe.touch()
    rights = stat.S_IMODE(probe.stat().st_mode)
    probe.unlink()
    for path in folder.rglob("*"):
        if path.is_file() and stat.S_IMODE(path.stat().st_mode) != rights:
            path.chmod(rights)


def flush(path: Path) -> None:
    """Let the disk have all of a file, or the names in a folder. Raises OSError for a file."""
    if path.is_dir():
        with suppress(OSError):  # some systems can't flush a folder
            _synchronise(path, os.O_RDONLY)
    else:
        _synchronise(path, os.O_RDWR)  # some can't flush a file that is only read


def flush_folder(folder: Path) -> None:
    """Let the disk have all of ``folder`` before it takes its place. Raises OSError."""
    for path in folder.rglob("*"):
        if path.is_file():
            flush(path)
    flush(folder)


def _synchronise(path: Path, mode: int) -> None:
    handle = os.open(path, mode)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
