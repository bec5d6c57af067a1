"""Single files: checksums, flushing, and replacing one as a whole."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import Any, TypeGuard

from graph_schema.disk.scratch import made_folder, scratch_folder
from graph_schema.errors import reason


def digest(path: Path) -> str:
    """The sha256 of a file's content, in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def read_json(path: Path) -> Any:
    """The value of a JSON file in UTF-8. Raises OSError, and ValueError for another content, also
    one that is nested too deeply to be read."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def is_inside(name: object) -> TypeGuard[str]:
    """Whether ``name`` is a path that can't lead out of its folder."""
    if not isinstance(name, str) or "\\" in name:
        return False
    path = PurePosixPath(name)
    return bool(path.parts) and not path.is_absolute() and ".." not in path.parts


def put_file(path: Path, write: Callable[[str], object], *, private: bool = False) -> Path:
    """Call ``write`` with the name of a temporary file to fill, then put that file at ``path``.

    A ``private`` file, which holds people, only its owner may read.

    Raises OSError, which names ``path``, where the disk refuses.
    """
    path = path.expanduser()
    try:
        with made_folder(path.parent), scratch_folder(path.parent) as scratch:
            fresh = scratch / f"file{path.suffix.lower()}"
            write(str(fresh))
            give_rights(fresh, private=private)
            flush(fresh)
            os.replace(fresh, path)
    except OSError as error:
        if error.errno is None:
            raise
        raise OSError(error.errno, reason(error), str(path)) from error
    return path


def put_text(path: Path, text: str, *, private: bool = False) -> Path:
    """Put a file at ``path`` that holds ``text`` as UTF-8; ``private`` as for ``put_file``."""
    content = text.encode("utf-8", "replace")
    return put_file(path, lambda name: Path(name).write_bytes(content), private=private)


def give_rights(place: Path, *, private: bool) -> None:
    """Give a file, or a folder and all below it, the rights that the process gives to what it
    makes, or with ``private`` those of the owner alone, whatever the process or a writer chose.

    Raises OSError.
    """
    mask = 0o077 if private else _mask(place.parent)
    for path in (place, *(place.rglob("*") if place.is_dir() else ())):
        if path.is_symlink():
            continue
        rights = (0o777 if path.is_dir() else 0o666) & ~mask
        if stat.S_IMODE(path.stat().st_mode) != rights:
            path.chmod(rights)


def _mask(folder: Path) -> int:
    """The rights that the process gives to nobody: ``os.umask`` tells them only by a change, which
    other threads would see."""
    probe = folder / f".rights-{secrets.token_hex(8)}"
    try:
        probe.touch()
        return 0o777 & ~(stat.S_IMODE(probe.stat().st_mode) | 0o111)
    finally:
        probe.unlink(missing_ok=True)


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
