"""Whatever holds a graph, read as a snapshot."""

from __future__ import annotations

import tempfile
from pathlib import Path

from graph_schema import Catalog
from kgrec.errors import RequestError
from kgrec.graph.read import read_snapshot
from kgrec.graph.snapshot import GraphSnapshot
from kgrec.stores import EmbeddedStore, GraphStore
from kgrec.stores.base import Progress


def read_source(
    source: GraphStore | Catalog | GraphSnapshot, progress: Progress | None = None
) -> GraphSnapshot:
    """The snapshot of a store or catalog; a catalog goes through a store, as any other graph.

    Raises RequestError for anything else.
    """
    if isinstance(source, GraphSnapshot):
        return source
    if isinstance(source, GraphStore):
        return read_snapshot(source, progress=progress)
    if not isinstance(source, Catalog):
        raise RequestError(
            f"kgrec takes a GraphStore or a Catalog, not {type(source).__name__}; see "
            "kgrec.connect() and loaders.load(...).catalog."
        )
    with (
        tempfile.TemporaryDirectory(prefix="kgrec-") as folder,
        EmbeddedStore(Path(folder) / "catalog.kgl") as store,
    ):
        store.write(source, progress=progress)
        return read_snapshot(store, progress=progress)
