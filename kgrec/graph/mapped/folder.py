"""A snapshot as a folder: ``meta.json``, raw columns of interactions and facts, Arrow tables.

Opening maps the columns: nothing of them is in memory until it is used, and all processes of a
machine share what is. Node tables and texts are Arrow files, of which pandas columns are made.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa

from graph_schema.disk.files import digest, read_json
from graph_schema.errors import SourceError, reason
from graph_schema.names import ENTITY, ITEM, SCENARIO, USER
from kgrec.files import FolderKind, read_folder, replaced_folder
from kgrec.graph.attributes import attribute_frame
from kgrec.graph.mapped.events import EventLayout, map_events, map_facts, write_events, write_facts
from kgrec.graph.mapped.files import MAX_SMALL, map_column, map_table, write_table
from kgrec.graph.snapshot import GraphSnapshot, NodeTable, Texts

FORMAT: Final = "kgrec-snapshot"
VERSION: Final = 1
META: Final = "meta.json"
SNAPSHOT: Final = FolderKind.of_format("snapshot", META, FORMAT)
TABLES: Final = {"users": USER, "items": ITEM, "entities": ENTITY, "scenarios": SCENARIO}
TEXTS: Final = ("reviews", "queries")
_ID: Final = "id"


def is_snapshot(folder: str | Path) -> bool:
    """Whether a folder holds a snapshot."""
    return bool(SNAPSHOT.files(Path(folder)))


def save_snapshot(snapshot: GraphSnapshot, folder: str | Path) -> Path:
    """Write a snapshot as a folder, replacing an older one as a whole.

    Parameters
    ----------
    snapshot : GraphSnapshot
        Whatever holds it.
    folder : str or Path
        A new or empty folder, or one that holds a snapshot.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    ModelError
        For a folder that holds files of others.
    SourceError
        Where the disk refuses.
    """
    with fresh_snapshot(folder) as fresh:
        write_nodes(fresh, snapshot)
        layout = EventLayout.of(snapshot.interactions, len(snapshot.users))
        write_events(fresh, snapshot.interactions, layout)
        write_facts(fresh, snapshot.facts)
        kinds = [(f.head_label, f.relation, f.tail_label) for f in snapshot.facts]
        write_meta(fresh, snapshot, layout, kinds)
    return Path(folder)


@contextmanager
def fresh_snapshot(folder: str | Path) -> Iterator[Path]:
    """A folder to write a snapshot into, which takes the place of ``folder`` after the block.

    Raises ModelError for a folder that holds files of others, SourceError where the disk refuses.
    """
    try:
        with replaced_folder(folder, SNAPSHOT) as fresh:
            yield fresh
    except OSError as error:
        raise SourceError(
            f"{folder}: the snapshot can't be written ({reason(error)}). Cure: free some space, or "
            "name a folder where you may write."
        ) from error


def open_snapshot(folder: str | Path) -> GraphSnapshot:
    """Map the snapshot of a folder.

    Parameters
    ----------
    folder : str or Path
        What ``save_snapshot`` or ``build_snapshot`` wrote.

    Returns
    -------
    GraphSnapshot
        Equal to the snapshot that was written. Its columns are on disk; don't change the files
        while it is in use (a folder that is replaced as a whole is fine).

    Raises
    ------
    SourceError
        For a folder without a snapshot, of a newer kgrec, or with a file that is missing or cut
        short.
    """
    return read_folder(folder, SNAPSHOT, _open)


def check_files(folder: str | Path) -> None:
    """Compare every file with its checksum. Raises SourceError for one that was changed."""
    place = Path(folder)
    for name, expected in _meta(place)["files"].items():
        path = place / name
        if not path.exists() or digest(path) != expected:
            raise SourceError(f"{path} is missing or was changed. Cure: make the snapshot again.")


def write_nodes(folder: Path, snapshot: GraphSnapshot) -> None:
    """Write the tables of nodes, their vectors, and the texts."""
    for name in TABLES:
        table: NodeTable = getattr(snapshot, name)
        if len(table) > MAX_SMALL:
            raise SourceError(
                f"{len(table):,} {name} are more than the {MAX_SMALL:,} that a snapshot folder can "
                "hold. Cure: split the graph."
            )
        ids = pa.array(table.ids, pa.string())
        if len(table.attributes.columns):
            others = pa.Table.from_pandas(table.attributes, preserve_index=False)
            write_table(folder / f"{name}.arrow", others.add_column(0, _ID, ids))
        else:
            write_table(folder / f"{name}.arrow", pa.table({_ID: ids}))
        for place, vectors in enumerate(table.vectors.values()):
            np.save(folder / f"{name}_vectors_{place}.npy", np.asarray(vectors))
    for name in TEXTS:
        texts: Texts = getattr(snapshot, name)
        columns = {
            part.name: pa.array(
                getattr(texts, part.name), pa.string() if part.name in ("id", "text") else None
            )
            for part in fields(Texts)
        }
        write_table(folder / f"{name}.arrow", pa.table(columns))


def write_meta(
    folder: Path, snapshot: GraphSnapshot, layout: EventLayout, kinds: list[tuple[str, str, str]]
) -> None:
    """Write ``meta.json``, which lists the other files with their checksums."""
    meta = {
        "format": FORMAT,
        "version": VERSION,
        "nodes": {name: len(getattr(snapshot, name)) for name in TABLES},
        "interactions": asdict(layout),
        "facts": kinds,
        "vectors": {name: list(getattr(snapshot, name).vectors) for name in TABLES},
        "integer_ids": sorted(snapshot.integer_ids),
        "splits": snapshot.splits,
        "uri": snapshot.uri,
        "files": {path.name: digest(path) for path in sorted(folder.iterdir())},
    }
    (folder / META).write_text(json.dumps(meta, indent=1), encoding="utf-8")


def _open(folder: Path) -> GraphSnapshot:
    meta = _meta(folder)
    try:
        events = meta["interactions"]
        names = {name: tuple(words) for name, words in events["names"].items()}
        layout = EventLayout(**{**events, "names": names})
        nodes = {name: _nodes(folder, name, meta["vectors"][name]) for name in TABLES}
        return GraphSnapshot(
            users=nodes["users"],
            items=nodes["items"],
            entities=nodes["entities"],
            interactions=map_events(folder, layout),
            facts=map_facts(folder, [tuple(kind) for kind in meta["facts"]]),
            reviews=_texts(folder / "reviews.arrow"),
            queries=_texts(folder / "queries.arrow"),
            scenarios=nodes["scenarios"],
            splits=None if meta["splits"] is None else tuple(meta["splits"]),
            uri=meta["uri"],
            integer_ids=frozenset(meta["integer_ids"]),
        )
    except (OSError, KeyError, TypeError, ValueError, pa.ArrowException) as error:
        raise SourceError(
            f"{folder}: the snapshot can't be read ({error}). Cure: make it again."
        ) from error


def _meta(folder: Path) -> Mapping[str, Any]:
    path = folder / META
    try:
        meta = read_json(path)
    except (OSError, ValueError) as error:
        raise SourceError(
            f"{folder}: there is no snapshot here ({META} can't be read). Cure: name a folder that "
            "kgrec snapshot wrote."
        ) from error
    if not isinstance(meta, dict) or meta.get("format") != FORMAT:
        raise SourceError(f"{path} is not of a snapshot. Cure: name a folder of kgrec snapshot.")
    version = meta.get("version")
    if version != VERSION:
        raise SourceError(
            f"{folder}: the snapshot has version {version}, this kgrec reads {VERSION}. Cure: make "
            "it again, or upgrade kgrec."
        )
    return meta


def _nodes(folder: Path, name: str, vectors: list[str]) -> NodeTable:
    frame = attribute_frame(map_table(folder / f"{name}.arrow"))
    ids = frame.pop(_ID).to_numpy(dtype=object)
    arrays = {
        vector: map_column(folder / f"{name}_vectors_{place}.npy")
        for place, vector in enumerate(vectors)
    }
    return NodeTable(TABLES[name], ids, frame, arrays)


def _texts(path: Path) -> Texts:
    table = map_table(path)
    columns = {}
    for part in fields(Texts):
        values = table[part.name].to_numpy()
        columns[part.name] = values.astype(object) if part.name in ("id", "text") else values
    return Texts(**columns)
