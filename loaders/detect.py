"""One door for every format: what is at a path is recognised by its files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from graph_schema.catalog import Catalog
from graph_schema.errors import SourceError
from graph_schema.files import MANIFEST
from graph_schema.names import FRAMES
from loaders.amazon import amazon
from loaders.csv_folder import SUFFIXES, csv_folder
from loaders.movielens import movielens
from loaders.recbole import recbole
from loaders.report import LoadReport, LoadResult, Progress
from loaders.vectors import read_vectors
from loaders.xmrec import FILE as MARKET_FILE
from loaders.xmrec import xmrec

FORMATS: Final = ("csv", "recbole", "movielens", "amazon", "xmrec", "catalog")
_JSON: Final = (".json", ".json.gz", ".jsonl", ".jsonl.gz")


def load(
    path: str | Path,
    format: str | None = None,
    progress: Progress | None = None,
    **options: Any,
) -> LoadResult:
    """Load whatever is at ``path``: a folder of the CSV layout, RecBole atomic files, MovieLens as
    published, Amazon reviews with their metadata, XMRec's markets, or a catalog that
    ``to_parquet`` wrote.

    ``format`` is one of FORMATS; None recognises it. ``options`` go to the format's own loader.
    Raises SourceError, also where the format can't be told, and CatalogError.
    """
    path = Path(path)
    if not path.exists():
        raise SourceError(f"{path}: there is nothing here. Cure: check the path.")
    if format is not None and format not in FORMATS:
        raise SourceError(f"format {format!r} is unknown. Cure: use one of {', '.join(FORMATS)}.")
    chosen = format or recognise(path)
    if chosen == "amazon":
        reviews, metadata = _amazon_files(path)
        options = {"metadata": metadata, **options}
        return amazon(reviews, progress=progress, **options)
    if chosen == "catalog":
        return _catalog(path)
    loaders: dict[str, Callable[..., LoadResult]] = {
        "csv": csv_folder,
        "recbole": recbole,
        "movielens": movielens,
        "xmrec": xmrec,
    }
    if path.is_file():
        options = {**_only(path, chosen), **options}
        path = path.parent
    return loaders[chosen](path, progress=progress, **options)


def _only(path: Path, chosen: str) -> dict[str, Any]:
    """The options that keep a loader of folders to the one file that was given."""
    if chosen == "recbole":
        return {"name": path.stem}
    market = MARKET_FILE.fullmatch(path.name) if chosen == "xmrec" else None
    return {} if market is None else {"markets": [market[1]]}


def recognise(path: Path) -> str:
    """The format of a file or folder. Raises SourceError where it is none of FORMATS."""
    names = {p.name for p in path.iterdir()} if path.is_dir() else {path.name}
    if MANIFEST in names:
        return "catalog"
    if any(name.endswith(".inter") for name in names):
        return "recbole"
    if names & {"u.data", "ratings.dat"}:
        return "movielens"
    if any(MARKET_FILE.fullmatch(name) for name in names):
        return "xmrec"
    if any(name.removesuffix(end) in FRAMES for name in names for end in SUFFIXES):
        return "csv"
    if any(name.endswith(_JSON) for name in names):
        return "amazon"
    raise SourceError(
        f"{path}: no format is recognised. Cure: give a folder with interactions.csv, NAME.inter "
        "(RecBole), u.data or ratings.dat (MovieLens), de_5core.txt.gz "
        "(XMRec), or Amazon's .json.gz files."
    )


def _amazon_files(path: Path) -> tuple[Path, Path | None]:
    """The review file and the metadata file, which is called meta_…"""
    if path.is_file():
        return path, None
    files = [p for p in sorted(path.iterdir()) if p.name.endswith(_JSON)]
    metadata = [p for p in files if p.name.startswith("meta_")]
    reviews = [p for p in files if p not in metadata]
    if len(reviews) != 1 or len(metadata) > 1:
        raise SourceError(
            f"{path}: {len(reviews)} review files and {len(metadata)} metadata files (meta_…) are "
            "here. Cure: give one review file: loaders.amazon(reviews, metadata)."
        )
    return reviews[0], metadata[0] if metadata else None


def _catalog(path: Path) -> LoadResult:
    catalog = Catalog.read_parquet(path)
    report = LoadReport()
    vectors = read_vectors(path, report)
    if vectors.given:
        catalog = Catalog.from_frames(
            **catalog.tables,
            vectors=vectors.given,
            sources={**catalog.sources, **vectors.sources},
            rows=vectors.rows,
        )
    catalog.validate().raise_if_any()
    for name, source in catalog.sources.items():
        if name in catalog.tables:
            report.file(source).read = catalog.tables[name].num_rows
    return LoadResult(catalog, report)
