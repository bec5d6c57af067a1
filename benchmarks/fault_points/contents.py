"""What a reader finds: counts and checksums of a store, a model, a checkpoint and an export."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

import pyarrow as pa
from safetensors.torch import load_file

import loaders
from graph_schema import Catalog
from graph_schema.disk.files import digest
from kgrec import Recommender
from kgrec.files import read_folder, readable_folder
from kgrec.graph import read_snapshot
from kgrec.graph.parquet import write_snapshot
from kgrec.stores import GraphStore
from kgrec.training.checkpoint import CHECKPOINT

Content = Mapping[str, int | str]
NOTHING: Final[Content] = {}
USERS: Final = ("u1", "u2", "u5", "u20")  # whose lists show whether a model is whole


def store_content(store: GraphStore) -> Content:
    """Counts of nodes and edges, and a checksum of the snapshot."""
    edges: dict[str, int | str] = {
        f"{edge.source_label}-{edge.name}-{edge.target_label}": edge.count
        for edge in store.edge_types()
    }
    counts = {**edges, **store.node_counts()}
    if not counts:
        return NOTHING
    with tempfile.TemporaryDirectory(prefix="kgrec-faults-") as scratch:
        write_snapshot(read_snapshot(store), Path(scratch))
        parts = [(path.name, digest(path)) for path in sorted(Path(scratch).iterdir())]
    return {**counts, "checksum": _checksum(map(str, parts))}


def model_content(folder: Path) -> Content:
    """A checksum of some lists; nothing where no model was saved."""
    if not folder.exists():
        return NOTHING
    lists = Recommender.load(folder).recommend(list(USERS), k=10, missing="ignore")
    return {"users": len(lists), "checksum": _checksum([lists.to_json()])}


def checkpoint_content(folder: Path) -> Content:
    """The epochs done; raises where a file of the checkpoint can't be read."""
    if not readable_folder(folder, CHECKPOINT).exists():
        return NOTHING

    def read(place: Path) -> Content:
        state = json.loads((place / CHECKPOINT.manifest).read_text(encoding="utf-8"))
        for name in state["files"]:
            load_file(place / name)
        return {"epoch": int(state["epoch"])}

    return read_folder(folder, CHECKPOINT, read)


def export_content(folder: Path) -> Content:
    """Rows of each table, and a checksum of all; nothing where there is no export."""
    if not folder.exists() or not any(folder.iterdir()):
        return NOTHING
    return catalog_content(loaders.load(folder).catalog)


def catalog_content(catalog: Catalog) -> Content:
    rows = {name: table.num_rows for name, table in catalog.tables.items()}
    return {**rows, "checksum": _checksum(_as_text(table) for table in catalog.tables.values())}


def names_below(folder: Path) -> set[str]:
    """The names of all files and folders below a folder."""
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*")}


def is_between(found: Content, low: Content, high: Content) -> bool:
    """Whether every count lies between those before and after; checksums are not compared."""

    def count(content: Content, name: str) -> int:
        value = content.get(name, 0)
        return value if isinstance(value, int) else 0

    ends = {name: sorted((count(low, name), count(high, name))) for name in {*found, *low, *high}}
    return all(least <= count(found, name) <= most for name, (least, most) in ends.items())


def _as_text(table: pa.Table) -> str:
    return str(table.schema.names) + json.dumps(table.to_pydict(), default=str)


def _checksum(parts: Iterable[str]) -> str:
    found = hashlib.sha256()
    for part in parts:
        found.update(part.encode())
    return found.hexdigest()[:16]
