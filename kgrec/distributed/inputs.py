"""What all ranks read: the graph and the texts' vectors, prepared by the first one in a folder."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from graph_schema.disk.files import read_json
from kgrec.cli._stores import open_store
from kgrec.distributed.config import WorkerConfig
from kgrec.distributed.group import Group
from kgrec.errors import ModelError, SourceError, reason
from kgrec.features.texts import TextFeatures, TextReader
from kgrec.files import FolderKind, replaced_folder
from kgrec.graph import GraphSnapshot, read_snapshot
from kgrec.graph.parquet import read_saved_snapshot, write_snapshot

_FORMAT: Final = "kgrec-shared-input"
_MANIFEST: Final = "manifest.json"
_INPUT: Final = FolderKind.of_format("snapshot", _MANIFEST, _FORMAT)
_SAVED: Final = "interactions.parquet"  # a file that only folders of snapshots have
_EVENTS, _SCENARIOS, _PART = "events", "scenarios", "part."


@dataclass(frozen=True, eq=False)
class SharedInputs:
    """The inputs of a training in ``folder``, which all ranks see."""

    group: Group
    folder: Path
    texts_read: list[Path] = field(default_factory=list)

    def snapshot(self, config: WorkerConfig) -> GraphSnapshot:
        """The graph. The first rank reads a store once, and keeps it as Parquet files, which are
        used again when the training is resumed.

        Raises StoreError, SourceError, ModelError.
        """
        given = Path(config.source)
        if (given / _SAVED).exists():
            return _read(given)
        place = self.folder / "snapshot"
        if self.group.is_first and not (config.resume and (place / _MANIFEST).exists()):
            with open_store(
                config.source,
                user=config.db_user,
                database=config.database,
                mapping=config.mapping,
            ) as store:
                snapshot = read_snapshot(store)
            with replaced_folder(place, _INPUT) as fresh, _saving(place):
                write_snapshot(snapshot, fresh)
                _describe(fresh)
        self.group.wait()
        return _read(place)

    def texts(self, reader: TextReader, snapshot: GraphSnapshot) -> TextFeatures:
        """The vectors of a snapshot's texts, which the first rank encodes for all.

        Raises TextModelError, ModelError.
        """
        place = self.folder / f"texts-{len(self.texts_read)}"
        self.texts_read.append(place)
        if self.group.is_first:
            found = reader.read(snapshot)
            with replaced_folder(place, _INPUT) as fresh, _saving(place):
                save_file(_arrays(found), fresh / "texts.safetensors")
                _describe(fresh, found.size)
        self.group.wait()
        return _read_texts(place)


def _read(folder: Path) -> GraphSnapshot:
    try:
        return read_saved_snapshot(folder)
    except (OSError, pa.ArrowException) as error:
        raise SourceError(
            f"{folder}: not a readable snapshot ({error}); name a folder that all machines see, "
            "or start without --resume."
        ) from error


def _describe(folder: Path, text_size: int = 0) -> None:
    """Write the manifest of a folder of inputs."""
    files = {path.name: path.stat().st_size for path in sorted(folder.iterdir())}
    content = {"format": _FORMAT, "files": files, "text_size": text_size}
    (folder / _MANIFEST).write_text(json.dumps(content), encoding="utf-8")


def _arrays(texts: TextFeatures) -> dict[str, np.ndarray]:
    named = {f"{_PART}{name}": values for name, values in texts.items.items()}
    named |= {_EVENTS: texts.events, _SCENARIOS: texts.scenarios}
    return {name: np.ascontiguousarray(values) for name, values in named.items()}


def _read_texts(folder: Path) -> TextFeatures:
    try:
        arrays = load_file(folder / "texts.safetensors")
        size = read_json(folder / _MANIFEST)["text_size"]
    except (OSError, ValueError, KeyError, SafetensorError) as error:
        raise ModelError(
            f"{folder}: not readable ({error}); name a folder that all machines see."
        ) from error
    items = {
        name.removeprefix(_PART): values
        for name, values in arrays.items()
        if name.startswith(_PART)
    }
    return TextFeatures(items, arrays[_EVENTS], size, arrays[_SCENARIOS])


@contextmanager
def _saving(place: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, SafetensorError) as error:
        raise ModelError(
            f"{place}: can't be written ({reason(error)}); free some space or permit writing there."
        ) from error
