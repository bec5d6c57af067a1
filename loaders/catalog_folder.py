"""A catalog that ``Catalog.to_parquet`` wrote: Parquet files and a manifest, catalog.json."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from graph_schema.catalog import Catalog
from graph_schema.files import MANIFEST, read_manifest
from graph_schema.names import FRAMES
from loaders.loader import Loader
from loaders.report import LoadReport, LoadResult, Progress
from loaders.vectors import read_vectors


def _catalog_folder(folder: Path, *, progress: Progress | None = None) -> LoadResult:
    catalog = Catalog.read_parquet(folder)
    report = LoadReport()
    vectors = read_vectors(folder, report)
    if vectors.given:
        catalog = Catalog.from_frames(
            **catalog.tables,
            vectors=vectors.given,
            sources={**catalog.sources, **vectors.sources},
            rows=vectors.rows,
        )
    catalog.validate().raise_if_any()
    for name, source in catalog.sources.items():
        if name not in catalog.tables:
            continue
        report.file(source).read = catalog.tables[name].num_rows
        if progress is not None:
            size = (folder / source).stat().st_size
            progress(source, size, size)
    return LoadResult(catalog, report)


def catalog_files(folder: Path) -> dict[str, Path]:
    """The files of a catalog by the names of their frames; those of frames without rows are left
    out. Raises SourceError."""
    entries = read_manifest(folder)
    return {
        name: folder / entries[name]["file"]
        for name in FRAMES
        if name in entries and entries[name].get("rows") != 0
    }


def _recognises(names: set[str]) -> bool:
    return MANIFEST in names


LOADER: Final = Loader(
    name="catalog",
    title="a catalog that `Catalog.to_parquet` wrote",
    files=MANIFEST,
    recognises=_recognises,
    function=_catalog_folder,
)
