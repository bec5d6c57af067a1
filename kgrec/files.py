"""Folders that are complete or not there, and that never replace what others wrote.

A folder is written under a unique temporary name beside its place and then swapped in as a whole.
Where the system can exchange two folders in one step (Linux), a process that is killed leaves the
old or the new folder in place. Elsewhere two renames do it; a process killed between them leaves
both folders beside the place, where ``readable_folder`` finds the new one.

Only files that a folder's own manifest lists are ever replaced or removed, and those that a system
puts into every folder that someone looks at (.DS_Store).
"""

from __future__ import annotations

import ctypes
import os
import shutil
import sys
import warnings
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from graph_schema.disk.files import (
    flush,
    flush_folder,
    give_rights,
    is_inside,
    put_file,
    put_text,
    read_json,
)
from graph_schema.disk.locks import held
from graph_schema.disk.scratch import (
    made_folder,
    new_folder,
    remove_abandoned,
    scratch_folder,
    temporaries,
)
from kgrec.errors import ModelError, RequestError, reason

_T = TypeVar("_T")
_PREVIOUS = ".previous"
_SHOWN = 100  # bytes of a folder's name in those of its temporary folders
# What systems put into folders that someone looks at; in lower case.
_OF_THE_SYSTEM = frozenset({".ds_store", "thumbs.db", "desktop.ini"})
_AT_FDCWD, _RENAME_EXCHANGE = -100, 2  # of Linux' renameat2


def save_file(path: Path, write: Callable[[str], object], *, private: bool = False) -> Path:
    """``put_file`` for a file that a caller named. Raises RequestError where the disk refuses."""
    with _refusal_named(path):
        return put_file(path, write, private=private)


def save_text(path: Path, text: str, *, private: bool = False) -> Path:
    """``put_text`` for a file that a caller named. Raises RequestError as ``save_file`` does."""
    with _refusal_named(path):
        return put_text(path, text, private=private)


@contextmanager
def _refusal_named(path: Path) -> Iterator[None]:
    if path.is_dir():
        raise RequestError(f"{path} is a folder; name a file.")
    try:
        yield
    except OSError as error:
        raise RequestError(
            f"{path} can't be written ({reason(error)}); name a file in a folder where you may "
            "write and that has free space."
        ) from error


@dataclass(frozen=True)
class FolderKind:
    """How kgrec recognises folders that it wrote.

    ``name`` is what messages call the content ("model"), ``manifest`` the name of the JSON file
    that lists the others, and ``listed`` returns these names from its content: paths within the
    folder, with "/"; None where the manifest is not of this kind. ``private``: whether it holds
    people, and only its owner may read it (0700, files 0600).
    """

    name: str
    manifest: str
    listed: Callable[[dict[str, Any]], Collection[str] | None]
    private: bool = True

    @classmethod
    def of_format(
        cls,
        name: str,
        manifest: str,
        format_name: str,
        beside: Collection[str] = (),
        *,
        private: bool = True,
    ) -> FolderKind:
        """A kind whose manifest has ``format_name`` as "format" and file names as keys of "files".

        Files called as in ``beside`` belong to it too, though the manifest does not list them:
        people change them."""

        def listed(content: dict[str, Any]) -> list[str] | None:
            files = content.get("files")
            if content.get("format") != format_name or not isinstance(files, dict):
                return None
            return [*files, *beside]

        return cls(name, manifest, listed, private)

    def files(self, folder: Path) -> frozenset[str]:
        """The files of ``folder`` that its manifest lists, the manifest among them; none where
        there is no readable manifest of this kind."""
        try:
            content = read_json(folder / self.manifest)
        except (OSError, ValueError):
            return frozenset()
        names = self.listed(content) if isinstance(content, dict) else None
        if names is None or not all(map(is_inside, names)):
            return frozenset()
        return frozenset({self.manifest, *names})


def check_folder(folder: str | Path, kind: FolderKind) -> Path:
    """Return the real place of ``folder`` if kgrec may write one of this ``kind`` there.

    ``~`` is expanded and symbolic links are followed, so that a link stays a link. Raises
    ModelError for a file, the working folder or one above it, a mount point, and a folder with
    files that its manifest doesn't list, of which one is named.
    """
    place = _real(folder)
    if not place.exists():
        return place
    if not place.is_dir():
        raise ModelError(f"{folder} is a file; name a new or empty folder.")
    if place in _working_folders():
        raise ModelError(f"{folder} is or holds the working folder; name a folder inside it.")
    if os.path.ismount(place):
        raise ModelError(f"{folder} is a mount point; name a folder inside it.")
    foreign = _foreign(place, kind.files(place))
    if foreign is not None:
        raise ModelError(
            f"{folder} holds {foreign}, which no {kind.name} of kgrec lists as its own; move it "
            "away, or name a new or empty folder."
        )
    return place


def check_writable(folder: str | Path, kind: FolderKind) -> None:
    """``check_folder``, and whether the disk lets kgrec write beside it: before long work.

    Makes the folder above where it is missing, and removes what killed writers left. Raises
    ModelError.
    """
    place = check_folder(folder, kind)
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with scratch_folder(place.parent):
            _remove_abandoned(place)
    except OSError as error:
        raise ModelError(
            f"{folder}: can't write there ({reason(error)}); permit writing, free some space, "
            "or name another folder."
        ) from error


@contextmanager
def replaced_folder(folder: str | Path, kind: FolderKind) -> Iterator[Path]:
    """Yield an empty temporary folder to fill, then put it in the place of ``folder``.

    Where the block raises, ``folder`` stays as it was. Raises ModelError as ``check_folder`` does,
    and OSError where the disk refuses.
    """
    place = check_folder(folder, kind)
    with made_folder(place.parent):
        _finish_replacement(place, kind)
        _remove_abandoned(place)
        with new_folder(place.parent, _stem(place)) as fresh:
            try:
                yield fresh
                give_rights(fresh, private=kind.private)
                flush_folder(fresh)
                old = _swap(fresh, place, folder, kind)
            except BaseException:
                shutil.rmtree(fresh, ignore_errors=True)
                raise
    if old is not None:
        with suppress(FileNotFoundError), held(old, wait=True):
            _remove_listed(old, kind.files(old))


def readable_folder(folder: str | Path, kind: FolderKind) -> Path:
    """Return the place to read ``folder`` from, which need not exist.

    Raises ModelError where an older version of kgrec was interrupted while it replaced the folder,
    or seems to have been: then the user decides.
    """
    place = _real(folder)
    if place.exists():
        return place
    for fresh, _ in _interrupted(place):
        return fresh
    old = place.with_name(place.name + ".old")
    if kind.files(old):
        raise ModelError(
            f"{folder} is missing, and {old.name} beside it holds a {kind.name}: either an older "
            f"version of kgrec was interrupted while it saved, or the folder was moved. Rename "
            f"{old.name} to {place.name} to use that {kind.name}, or move it away."
        )
    return place


def read_folder(folder: str | Path, kind: FolderKind, read: Callable[[Path], _T]) -> _T:
    """What ``read`` returns for the place of ``folder``; read again where a save replaced the
    folder meanwhile, so that nothing is mixed from two of them."""
    for _ in range(5):
        place = readable_folder(folder, kind)
        before = _identity(place)
        try:
            found = read(place)
        except Exception:
            if _identity(place) == before:
                raise
            continue
        if _identity(place) == before:
            return found
    raise ModelError(f"{folder} is replaced again and again while it is read; try again later.")


def remove_folder(folder: Path, kind: FolderKind) -> None:
    """Remove a folder of this ``kind``: the files that its manifest lists, and the folder where
    nothing else is in it."""
    names = kind.files(folder)
    if names:
        _remove_listed(folder, names)


def _working_folders() -> list[Path]:
    """The working folder and those above it; none where it was removed."""
    try:
        here = Path.cwd()
    except OSError:
        return []
    return [here, *here.parents]


def _real(folder: str | Path) -> Path:
    return Path(os.path.realpath(Path(folder).expanduser()))


def _identity(folder: Path) -> tuple[int, int] | None:
    try:
        found = folder.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _stem(place: Path) -> str:
    """How the names of temporary folders for ``place`` begin; a token follows."""
    return f".{os.fsencode(place.name)[:_SHOWN].decode(errors='ignore')}.kgrec-"


def _foreign(folder: Path, known: frozenset[str]) -> str | None:
    """A file or empty folder below ``folder`` that is not ``known``; None where there is none.

    Files that the system made do not count."""
    for path in folder.rglob("*"):
        name = path.relative_to(folder).as_posix()
        inside = path.is_dir() and not path.is_symlink()
        if inside and (any(path.iterdir()) or any(one.startswith(f"{name}/") for one in known)):
            continue
        if name not in known and not _is_of_the_system(path):
            return name
    return None


def _is_of_the_system(path: Path) -> bool:
    """Whether the system made this file, to show the folder that it is in."""
    return path.name.lower() in _OF_THE_SYSTEM and path.is_file() and not path.is_symlink()


def _swap(fresh: Path, place: Path, named: str | Path, kind: FolderKind) -> Path | None:
    """Put ``fresh`` at ``place``; returns where the folder that it replaced is now, if any.

    Raises OSError or ModelError; then both are where they were.
    """
    try:
        os.rename(fresh, place)  # onto nothing, or onto an empty folder
    except OSError:
        if not place.is_dir():
            raise
    else:
        flush(place.parent)
        return None
    check_folder(named, kind)  # once more: something may have been put there since
    if _exchange(fresh, place):
        flush(place.parent)
        return fresh
    previous = fresh.with_name(fresh.name + _PREVIOUS)
    try:
        os.rename(place, previous)
        os.rename(fresh, place)
    except BaseException:
        if previous.exists() and not place.exists():
            os.rename(previous, place)
        raise
    flush(place.parent)
    return previous


def _exchange(one: Path, other: Path) -> bool:
    """Let two folders change places in one step; False where the system or the disk can't."""
    if sys.platform != "linux":
        return False
    renameat2 = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if renameat2 is None:
        return False
    names = os.fsencode(one), os.fsencode(other)
    return bool(renameat2(_AT_FDCWD, names[0], _AT_FDCWD, names[1], _RENAME_EXCHANGE) == 0)


def _interrupted(place: Path) -> Iterator[tuple[Path, Path]]:
    """The new and the old folder where a process was killed between the two renames of ``_swap``:
    nothing is at ``place`` and both are beside it."""
    if os.path.lexists(place):
        return
    for previous in temporaries(place.parent, _stem(place), _PREVIOUS):
        fresh = previous.with_name(previous.name.removesuffix(_PREVIOUS))
        if fresh.is_dir():
            yield fresh, previous


def _finish_replacement(place: Path, kind: FolderKind) -> None:
    for fresh, previous in _interrupted(place):
        os.rename(fresh, place)
        _remove_listed(previous, kind.files(previous))
        return


def _remove_abandoned(place: Path) -> None:
    """Remove the temporary folders of writers that were killed."""
    remove_abandoned(place.parent, _stem(place))
    if place.exists():
        remove_abandoned(place.parent, _stem(place), _PREVIOUS)


def _remove_listed(folder: Path, names: Collection[str]) -> None:
    """Remove the files ``names`` of ``folder`` and those of the system, and then the folder; what
    else is there stays."""
    with suppress(OSError):
        of_the_system = [path for path in folder.rglob("*") if _is_of_the_system(path)]
        for path in [*(folder / name for name in names), *of_the_system]:
            path.unlink(missing_ok=True)
        below = [path for path in folder.rglob("*") if path.is_dir() and not path.is_symlink()]
        for path in sorted(below, key=lambda path: len(path.parts), reverse=True):
            path.rmdir()
        folder.rmdir()
    if folder.exists():
        warnings.warn(
            f"{folder} holds the folder that was replaced and can't be removed; delete it.",
            stacklevel=4,
        )
