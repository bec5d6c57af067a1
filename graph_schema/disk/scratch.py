"""Temporary folders with names of their own, held by their writers.

A folder that nobody holds was left by a writer that was killed; the next writer removes it.
"""

from __future__ import annotations

import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Final

from graph_schema.disk.locks import held

_STEM: Final = ".kgrec-"


@contextmanager
def scratch_folder(parent: Path) -> Iterator[Path]:
    """Yield a new folder in ``parent``, which is removed in the end with all that is in it.

    What writers that were killed left in ``parent`` is removed first. Raises OSError.
    """
    remove_abandoned(parent, _STEM)
    with new_folder(parent, _STEM) as place:
        try:
            yield place
        finally:
            shutil.rmtree(place, ignore_errors=True)


def remove_scratch(parent: Path) -> None:
    """Remove what writers that were killed left in ``parent``."""
    remove_abandoned(parent, _STEM)


@contextmanager
def new_folder(parent: Path, stem: str) -> Iterator[Path]:
    """Make a folder in ``parent`` whose name is ``stem`` and a token, and hold it. Raises OSError.

    Only the owner may read it. The block decides what becomes of the folder.
    """
    with ExitStack() as stack:
        yield _made_and_held(parent, stem, stack)


def _made_and_held(parent: Path, stem: str, stack: ExitStack) -> Path:
    """Another process may take the folder for abandoned before it is held: then another is made."""
    while True:
        place = parent / f"{stem}{secrets.token_hex(8)}"
        place.mkdir(mode=0o700)
        with suppress(FileNotFoundError, BlockingIOError):
            stack.enter_context(held(place))
            if place.exists():
                return place


def temporaries(parent: Path, stem: str, suffix: str = "") -> list[Path]:
    """The folders in ``parent`` with names as ``new_folder`` gives them, and ``suffix``."""
    pattern = re.compile(re.escape(stem) + "[0-9a-f]{16}" + re.escape(suffix))
    try:
        return [path for path in parent.iterdir() if pattern.fullmatch(path.name)]
    except OSError:
        return []


def remove_abandoned(parent: Path, stem: str, suffix: str = "") -> None:
    """Remove ``temporaries`` that nobody holds; none where there are no locks to tell it by."""
    for path in temporaries(parent, stem, suffix):
        if path.is_symlink():
            continue
        with suppress(OSError), held(path) as free:
            if free:
                shutil.rmtree(path, ignore_errors=True)


@contextmanager
def made_folder(folder: Path) -> Iterator[None]:
    """Make ``folder`` where it is missing; where the block raises, what was made is removed, unless
    others have put something there or hold it."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield
    except BaseException:
        with suppress(OSError):
            for path in missing:
                with held(path):
                    path.rmdir()
        raise
