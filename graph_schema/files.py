"""A catalog on disk: one Parquet file per frame, and a JSON manifest with their checksums.

Replacing the manifest is the one step that makes a new catalog visible to readers.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from graph_schema.errors import SourceError, reason
from graph_schema.frames import empty_table
from graph_schema.names import FRAMES

MANIFEST: Final = "catalog.json"
FORMAT: Final = "kgrec catalog"
VERSION: Final = 1


def write_tables(tables: Mapping[str, pa.Table], folder: Path) -> Path:
    """Write the frames to files named by their checksum, then replace the manifest.

    Raises SourceError if the folder can't be written; the earlier catalog is then unchanged.
    """
    made: list[Path] = []
    written = False
    try:
        folder.mkdir(parents=True, exist_ok=True)
        before = _listed_files(folder)
        frames = {}
        for name in FRAMES:
            path, digest = _write_frame(tables[name], name, folder, made)
            frames[name] = {"file": path.name, "rows": tables[name].num_rows, "sha256": digest}
        _replace_manifest({"format": FORMAT, "version": VERSION, "frames": frames}, folder)
        written = True
    except (OSError, pa.ArrowException) as error:
        raise SourceError(
            f"{folder}: the catalog can't be written ({reason(error)}). Cure: free some space or "
            "choose a folder you may write to; the earlier files are unchanged."
        ) from error
    finally:
        for path in () if written else made:
            path.unlink(missing_ok=True)
    for old in before - {str(entry["file"]) for entry in frames.values()}:
        (folder / old).unlink(missing_ok=True)
    return folder


def _write_frame(table: pa.Table, name: str, folder: Path, made: list[Path]) -> tuple[Path, str]:
    temporary = folder / f".{name}.{os.getpid()}.tmp"
    made.append(temporary)
    pq.write_table(table, temporary, compression="zstd")
    digest = _sha256(temporary)
    path = folder / f"{name}-{digest[:12]}.parquet"
    if path.exists() and _sha256(path) == digest:
        temporary.unlink()
        return path, digest
    with temporary.open("rb") as handle:
        os.fsync(handle.fileno())
    made.append(path)
    temporary.replace(path)
    return path, digest


def _replace_manifest(manifest: Mapping[str, Any], folder: Path) -> None:
    temporary = folder / f".{MANIFEST}.{os.getpid()}.tmp"
    try:
        with temporary.open("w", encoding="utf-8") as handle:
            json.dump(manifest, handle, indent=1)
            handle.flush()
            os.fsync(handle.fileno())
        temporary.replace(folder / MANIFEST)
    finally:
        temporary.unlink(missing_ok=True)


def _listed_files(folder: Path) -> set[str]:
    """Return the files of the earlier catalog; none if there is none or it can't be read."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        names = {str(entry["file"]) for entry in manifest["frames"].values()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return set()
    return {name for name in names if Path(name).name == name and name.endswith(".parquet")}


def _sha256(path: Path) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def read_tables(folder: Path) -> tuple[dict[str, pa.Table], dict[str, str]]:
    """Return the tables and sources of a catalog. Raises SourceError if any file can't be read."""
    frames = _read_manifest(folder)
    tables: dict[str, pa.Table] = {}
    sources: dict[str, str] = {}
    for name in FRAMES:
        entry = frames.get(name)
        tables[name] = empty_table(name) if entry is None else _read_frame(folder, entry)
        if entry is not None:
            sources[name] = str(entry["file"])
    return tables, sources


def _read_manifest(folder: Path) -> dict[str, dict[str, Any]]:
    path = folder / MANIFEST
    again = "Cure: write the catalog again with Catalog.to_parquet."
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
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
        if _sha256(path) != entry["sha256"]:
            raise SourceError(f"{path}: the file isn't the one that was written. {again}")
        return pq.read_table(path)
    except (OSError, pa.ArrowException) as error:
        raise SourceError(f"{path}: the file can't be read ({error}). {again}") from error
