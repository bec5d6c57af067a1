"""Which files of a folder make one RecBole data set, and which of them are parts of the events."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from graph_schema.errors import SourceError
from loaders.tables.packing import PACKINGS

EVENTS: Final = "inter"
SUFFIXES: Final = (EVENTS, "user", "item", "kg", "link")
# The names of parts that say which split they are: NAME.train.inter, or train.inter alone.
_PARTS: Final = {
    "train": "train",
    "valid": "valid",
    "validation": "valid",
    "val": "valid",
    "dev": "valid",
    "test": "test",
}
_NUMBERED: Final = re.compile(r"part[123]")  # RecBole's own names, in the order of the splits
_SPLITS: Final = ("train", "valid", "test")


@dataclass(frozen=True)
class AtomicFile:
    """A file by the data set (``stem``), kind (``suffix``) and part ("" for a whole) in its name:
    "toy", "inter" and "part1" of toy.part1.inter.gz."""

    path: Path
    stem: str
    suffix: str
    part: str = ""

    @staticmethod
    def of(path: Path) -> AtomicFile:
        plain = path.with_suffix("") if path.suffix.lower() in PACKINGS else path
        stem, suffix = plain.stem, plain.suffix[1:]
        if suffix != EVENTS:
            return AtomicFile(path, stem, suffix)
        name, _, last = stem.rpartition(".")
        is_part = last in _PARTS or bool(name and _NUMBERED.fullmatch(last))
        return AtomicFile(path, *((name, suffix, last) if is_part else (stem, suffix)))


@dataclass(frozen=True)
class DataSet:
    """The files of a data set: ``whole`` by suffix, the ``parts`` of its events by split, and the
    ``others``, which are not read."""

    whole: dict[str, Path]
    parts: dict[str, Path]
    others: tuple[Path, ...]


def find_files(folder: Path, name: str | None, *, need_events: bool) -> DataSet:
    """The files of the data set ``name``, or of the only one. Raises SourceError."""
    if not folder.is_dir():
        raise SourceError(
            f"{folder}: there is no such folder. Cure: give the folder that has NAME.inter."
        )
    visible = [path for path in sorted(folder.iterdir()) if not path.name.startswith(".")]
    files = [AtomicFile.of(path) for path in visible]
    ours = [file for file in files if file.suffix in SUFFIXES]
    stem = _chosen(folder, ours, name)
    mine = [file for file in ours if file.stem in (stem, "")]
    whole = _by_suffix(folder, [file for file in mine if not file.part])
    parts = _by_split(folder, [file for file in mine if file.part])
    if parts and EVENTS in whole:
        raise SourceError(
            f"{folder}: {whole[EVENTS].name} and its parts are here "
            f"({', '.join(path.name for path in parts.values())}), so that events would count "
            "twice. Cure: move the whole file or its parts elsewhere."
        )
    if need_events and not parts and EVENTS not in whole:
        raise SourceError(
            f"{folder}: {stem or 'NAME'}.inter is missing. Cure: add it, or pass interactions=."
        )
    read = {file.path for file in mine}
    others = [path for path in visible if path not in read and path.name.startswith(f"{stem}.")]
    return DataSet(whole, parts, tuple(others))


def _chosen(folder: Path, files: list[AtomicFile], name: str | None) -> str:
    """The name of the data set to read. Files of events without one (train.inter) belong to it."""
    stems = sorted({file.stem for file in files if file.stem})
    if name is None and len(stems) > 1:
        events = [file for file in files if file.suffix == EVENTS] or files
        first = next((file for file in events if file.stem), files[0])
        raise SourceError(
            f"{folder}: several data sets are here ({', '.join(stems)}). Cure: give the file of "
            f"one, such as {first.path.name}, in place of the folder (its files are "
            f"{', '.join(file.path.name for file in events)}), or pass name={first.stem!r}."
        )
    return name if name is not None else stems[0] if stems else ""


def _by_suffix(folder: Path, files: list[AtomicFile]) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for file in files:
        if file.suffix in found:
            raise _both(folder, found[file.suffix], file.path)
        found[file.suffix] = file.path
    return found


def _by_split(folder: Path, files: list[AtomicFile]) -> dict[str, Path]:
    """The parts of the events in the order train, valid, test. Raises SourceError."""
    numbered = sorted(file.part for file in files if file.part not in _PARTS)
    if numbered and numbered != ["part1", "part2", "part3"]:
        names = ", ".join(file.path.name for file in files)
        raise SourceError(
            f"{folder}: the parts {names} are not the three part1, part2 and part3 that RecBole "
            "reads as train, valid and test. Cure: add what is missing, or write the split in "
            "their names, such as NAME.train.inter and NAME.test.inter."
        )
    found: dict[str, Path] = {}
    for file in files:
        split = _PARTS.get(file.part) or _SPLITS[int(file.part[-1]) - 1]
        if split in found:
            raise _both(folder, found[split], file.path)
        found[split] = file.path
    return {split: found[split] for split in _SPLITS if split in found}


def _both(folder: Path, first: Path, second: Path) -> SourceError:
    return SourceError(f"{folder}: both {first.name} and {second.name} exist. Cure: keep one.")
