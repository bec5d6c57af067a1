"""A change of several files of a folder: all of them or none, beside files of others.

The new files are written into a folder of their own. Renaming it to ``COMMITTED`` makes the change;
then its files are moved to their places. Where that was interrupted, ``finish_change`` goes on.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from graph_schema.disk.files import flush, flush_folder, is_inside, read_json
from graph_schema.disk.locks import held
from graph_schema.disk.scratch import made_folder, scratch_folder

COMMITTED: Final = ".kgrec-committed"
_LIST, _FILES = "change.json", "files"


@contextmanager
def changed_files(folder: Path, own: Callable[[Path], Collection[Path]]) -> Iterator[Path]:
    """Yield an empty folder to fill; then its files are put at the same places in ``folder``.

    Those of ``own(folder)`` that have no new file are removed. Where the block raises, ``folder``
    stays as it was. Raises BlockingIOError where another writer changes it, and OSError where the
    disk refuses.
    """
    with made_folder(folder), held(folder):
        _finish(folder)
        with scratch_folder(folder) as scratch:
            fresh = scratch / _FILES
            fresh.mkdir()
            yield fresh
            names = [path.relative_to(fresh) for path in fresh.rglob("*") if path.is_file()]
            _check_places(folder, names)
            old = {path.relative_to(folder) for path in own(folder)} - set(names)
            for name in old:
                _check_inside(folder, name.as_posix())
            change = {"new": [*map(Path.as_posix, names)], "old": [*map(Path.as_posix, old)]}
            (scratch / _LIST).write_text(json.dumps(change), encoding="utf-8")
            flush_folder(scratch)
            os.rename(scratch, folder / COMMITTED)
            flush(folder)
        _finish(folder)


def finish_change(folder: Path) -> None:
    """Finish a change that was interrupted after it was made. Raises OSError."""
    if (folder / COMMITTED).exists():
        with held(folder, wait=True):
            _finish(folder)


def _check_places(folder: Path, names: Collection[Path]) -> None:
    """Make the folders that the files go to. Raises OSError where a file could not be moved."""
    for name in names:
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        if place.is_dir():
            raise IsADirectoryError(errno.EISDIR, f"{name} is a folder", str(place))
        _check_inside(folder, name.as_posix())
        if place.parent.stat().st_dev != folder.stat().st_dev:
            raise OSError(errno.EXDEV, f"{name.parent} is on another disk", str(place))


def _check_inside(folder: Path, name: object) -> None:
    """Raise OSError for a name that leads out of the folder, also through a link."""
    if not is_inside(name) or not (folder / name).parent.resolve().is_relative_to(folder.resolve()):
        raise OSError(errno.EPERM, f"{name} leads out of the folder", str(folder))


def _finish(folder: Path) -> None:
    """Move the files of a change to their places; a second run does what is left."""
    change = folder / COMMITTED
    if (change / _LIST).exists():
        new, old = _listed(folder)
        for name in new:
            with suppress(FileNotFoundError):  # it has been moved already
                os.replace(change / _FILES / name, folder / name)
        for name in old:
            (folder / name).unlink(missing_ok=True)
        flush(folder)
        (change / _LIST).unlink()  # nothing is left to do but to remove the folder
    shutil.rmtree(change, ignore_errors=True)


def _listed(folder: Path) -> tuple[list[str], list[str]]:
    """The names of new files and of those that leave. The folder may come from anywhere: raises
    OSError for a list that is damaged or names files outside."""
    try:
        listed = read_json(folder / COMMITTED / _LIST)
        new, old = list(listed["new"]), list(listed["old"])
    except (ValueError, KeyError, TypeError) as error:
        words = f"its list of files is damaged; delete {COMMITTED} there"
        raise OSError(errno.EINVAL, words, str(folder)) from error
    for name in (*new, *old):
        _check_inside(folder, name)
    return new, old
