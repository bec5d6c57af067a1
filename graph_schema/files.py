"""A catalog on disk: one Parquet file per frame, and a JSON manifest with their checksums.

Replacing the manifest is the one step that makes a new catalog visible to readers.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from graph_schema.disk.files import digest, flush, flush_folder, give_rights, read_json
from graph_schema.disk.locks import held
from graph_schema.disk.parquet_limits import read_parquet_table
from graph_schema.disk.scratch import made_folder, scratch_folder
from graph_schema.errors import SourceError, reason
from graph_schema.frames import empty_table
from graph_schema.names import FRAMES

MANIFEST: Final = "catalog.json"
FORMAT: Final = "kgrec catalog"
VERSION: Final = 1
_OWN: Final = re.compile(rf"({'|'.join(FRAMES)})-[0-9a-f]{{12}}\.parquet")
_READS: Final = 5


def write_tables(tables: Mapping[str, pa.Table], folder: Path) -> Path:
    """Write the frames to files named by their checksum, then replace the manifest.

    Raises SourceError if the folder can't be written or another writer has it; the earlier catalog
    is then unchanged.
    """
    try:
        with made_folder(folder), held(folder):
            _check_manifest(folder)
            _replace(tables, folder)
    except BlockingIOError as error:
        raise SourceError(
            f"{folder}: another writer writes a catalog there. Cure: wait until it has finished, "
            "then write again."
        ) from error
    except (OSError, pa.ArrowException) as error:
        raise SourceError(
            f"{folder}: the catalog can't be written ({reason(error)}). Cure: free some space or "
            "choose a folder you may write to; the earlier files are unchanged."
        ) from error
    return folder


def _check_manifest(folder: Path) -> None:
    """Raise SourceError where ``MANIFEST`` is a file of somebody else."""
    path = folder / MANIFEST
    try:
        content = read_json(path)
    except FileNotFoundError:
        return
    except (ValueError, IsADirectoryError):
        content = None
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise SourceError(
            f"{folder} holds a {MANIFEST} that no kgrec wrote. Cure: move it away, or name a new "
            "or empty folder."
        )


def _replace(tables: Mapping[str, pa.Table], folder: Path) -> None:
    """Put the new files beside those of the earlier catalog, which leave once it is replaced."""
    try:
        with scratch_folder(folder) as scratch:
            frames = {name: _write_frame(tables[name], name, scratch) for name in FRAMES}
            manifest = {"format": FORMAT, "version": VERSION, "frames": frames}
            (scratch / MANIFEST).write_text(json.dumps(manifest, indent=1), encoding="utf-8")
            give_rights(scratch, private=True)
            flush_folder(scratch)
            for name in (*(str(entry["file"]) for entry in frames.values()), MANIFEST):
                (scratch / name).replace(folder / name)
            flush(folder)
    finally:
        _remove_unlisted(folder)


def _write_frame(table: pa.Table, name: str, scratch: Path) -> dict[str, Any]:
    """The manifest's entry of a frame, which is written into the folder ``scratch``."""
    temporary = scratch / name
    pq.write_table(table, temporary, compression="zstd")
    checksum = digest(temporary)
    path = temporary.rename(scratch / f"{name}-{checksum[:12]}.parquet")
    return {"file": path.name, "rows": table.num_rows, "sha256": checksum}


def _remove_unlisted(folder: Path) -> None:
    """Remove files of frames that the manifest doesn't list: of the earlier catalog, or of a write
    that failed or was killed. None where the manifest can't be read."""
    try:
        manifest = read_json(folder / MANIFEST)
        listed = {entry["file"] for entry in manifest["frames"].values()}
    except FileNotFoundError:
        listed = set()
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return
    for path in folder.iterdir():
        if _OWN.fullmatch(path.name) and path.name not in listed:
            path.unlink(missing_ok=True)


def read_tables(folder: Path) -> tuple[dict[str, pa.Table], dict[str, str]]:
    """Return the tables and sources of a catalog. Raises SourceError if any file can't be read.

    A catalog that is replaced meanwhile is read again.
    """
    for _ in range(_READS):
        frames = read_manifest(folder)
        try:
            return _read_frames(folder, frames)
        except SourceError:
            if read_manifest(folder) == frames:
                raise
    raise SourceError(
        f"{folder}: the catalog is replaced again and again while it is read. Cure: read it later."
    )


def _read_frames(
    folder: Path, frames: Mapping[str, Mapping[str, Any]]
) -> tuple[dict[str, pa.Table], dict[str, str]]:
    tables: dict[str, pa.Table] = {}
    sources: dict[str, str] = {}
    for name in FRAMES:
        entry = frames.get(name)
        tables[name] = empty_table(name) if entry is None else _read_frame(folder, entry)
        if entry is not None:
            sources[name] = str(entry["file"])
    return tables, sources


def read_manifest(folder: Path) -> dict[str, dict[str, Any]]:
    """The entry of each frame: its file, rows and checksum. Raises SourceError."""
    path = folder / MANIFEST
    again = "Cure: write the catalog again with Catalog.to_parquet."
    try:
        manifest = read_json(path)
    except FileNotFoundError as error:
        raise SourceError(
            f"{folder}: there is no catalog here ({MANIFEST} is missing). Cure: give the folder "
            "that Catalog.to_parquet wrote."
        ) from error
    except (OSError, ValueError) as error:
        raise SourceError(f"{path}: the manifest can't be read ({error}). {again}") from error
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise SourceError(f"{path}: this is not the manifest of a kgrec catalog. {again}")
    version = manifest.get("version")
    if not isinstance(version, int) or version > VERSION:
        raise SourceError(
            f"{path}: the catalog has version {version}, newer than the {VERSION} that this kgrec "
            "reads. Cure: upgrade kgrec."
        )
    frames = manifest.get("frames")
    if not isinstance(frames, dict) or not all(map(_is_entry, frames.values())):
        raise SourceError(f"{path}: the list of frames is damaged. {again}")
    return frames


def _is_entry(entry: object) -> bool:
    return (
        isinstance(entry, dict)
        and isinstance(entry.get("file"), str)
        and Path(entry["file"]).name == entry["file"]
        and isinstance(entry.get("sha256"), str)
    )


def _read_frame(folder: Path, entry: Mapping[str, Any]) -> pa.Table:
    path = folder / entry["file"]
    again = "Cure: write the catalog again with Catalog.to_parquet."
    try:
        if digest(path) != entry["sha256"]:
            raise SourceError(f"{path}: the file isn't the one that was written. {again}")
        return read_parquet_table(path)
    except (OSError, pa.ArrowException) as error:
        raise SourceError(f"{path}: the file can't be read ({error}). {again}") from error
