"""What was measured before, kept by what it depends on: the data, the code and the settings."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import benchmarks
import kgrec
from benchmarks.general_data.public import Source
from kgrec.graph import GraphSnapshot
from kgrec.graph.parquet import read_saved_snapshot, write_snapshot

_ROOT: Final = Path(kgrec.__file__).parent
_BENCHMARKS: Final = Path(benchmarks.__file__).parent
_PEER_CODE: Final = (
    _BENCHMARKS / "peers",
    _BENCHMARKS / "harness" / "rows.py",
    _BENCHMARKS / "harness" / "running.py",
    _ROOT / "metrics",
    _ROOT / "training" / "local_ridge.py",
)
_OUR_CODE: Final = tuple(
    _ROOT / room
    for room in (
        *("config", "evaluation", "features", "feedback", "fitting", "graph", "metrics", "nn"),
        *("scoring", "sparse.py", "training", "text"),
    )
)
_DATA_CODE: Final = (_BENCHMARKS / "general_data" / "public.py",)
_DRAWN_CODE: Final = (*_DATA_CODE, _BENCHMARKS / "general_data" / "generated.py")


def digest(values: Iterable[bytes]) -> str:
    """16 hexadecimal digits of the SHA-256 of all values one after the other, each with its
    length."""
    found = hashlib.sha256()
    for value in values:
        found.update(len(value).to_bytes(8, "little") + value)
    return found.hexdigest()[:16]


@cache
def code_version(ours: bool) -> str:
    """A digest of the code that decides a peer's figures, or ours, as it was at the first call."""
    return _digest_of_files(_OUR_CODE if ours else _PEER_CODE, "*.py")


def _digest_of_files(places: Iterable[Path], pattern: str) -> str:
    paths = [
        path
        for place in places
        for path in (sorted(place.rglob(pattern)) if place.is_dir() else [place])
    ]
    return digest(part for path in paths for part in (path.name.encode(), path.read_bytes()))


@dataclass(frozen=True)
class Kept:
    """A folder of snapshots and figures. What no longer fits the data or the code is not read."""

    folder: Path

    def snapshot(self, source: Source) -> tuple[GraphSnapshot, str]:
        """The snapshot of a source, read from the folder where it is there, and its digest."""
        code = _DRAWN_CODE if source.name.startswith("made-") else _DATA_CODE
        place = self.folder / "snapshots" / f"{source.name}-{_digest_of_files(code, '*.py')}"
        if not (place / "facts.parquet").is_file():
            snapshot = source.load()
            place.mkdir(parents=True, exist_ok=True)
            write_snapshot(snapshot, place)
        return read_saved_snapshot(place), _digest_of_files([place], "*.parquet")

    def find(self, name: str, key: str) -> dict[str, Any] | None:
        """The figures kept under ``name`` for ``key``; None where there are none."""
        path = self._path(name, key)
        if not path.is_file():
            return None
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return found

    def keep(self, name: str, key: str, figures: Mapping[str, Any]) -> None:
        """Keep figures; a run that ends in between leaves no half of a file."""
        path = self._path(name, key)
        path.parent.mkdir(parents=True, exist_ok=True)
        half = path.with_suffix(f".{os.getpid()}")
        half.write_text(json.dumps(figures), encoding="utf-8")
        half.replace(path)

    def _path(self, name: str, key: str) -> Path:
        return self.folder / "figures" / name / f"{key}.json"
