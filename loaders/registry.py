"""The registry of formats: every loader, and ``load``, which chooses one by the files.

A new format is one module in this package that defines ``LOADER``, and one line in ``_MODULES``.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from graph_schema.disk.paths import given_path
from graph_schema.errors import SourceError
from loaders.csv_folder import finish_export
from loaders.loader import Loader
from loaders.recognition import FileNames
from loaders.report import LoadResult, Progress
from loaders.unrecognised import unrecognised

# In order of precedence: the first loader that recognises the files reads them.
_MODULES: Final = (
    "loaders.mapping.folder",
    "loaders.catalog_folder",
    "loaders.atomic.recbole",
    "loaders.graph_formats.mind",
    "loaders.graph_formats.kgcn",
    "loaders.graph_formats.kgat",
    "loaders.movielens",
    "loaders.xmrec",
    "loaders.graph_formats.neo4j_admin",
    "loaders.csv_folder",
    "loaders.review_formats.yelp",
    "loaders.review_formats.goodreads",
    "loaders.review_formats.steam",
    "loaders.review_formats.amazon",
    "loaders.graph_formats.sasrec",
)
_LEVELS: Final = 3  # of folders below that are looked at
_FOLDERS: Final = 50  # of a level
LOADERS: Final[tuple[Loader, ...]] = tuple(import_module(name).LOADER for name in _MODULES)
FORMATS: Final = tuple(loader.name for loader in LOADERS)


def load(
    path: str | Path,
    format: str | None = None,
    progress: Progress | None = None,
    **options: Any,
) -> LoadResult:
    """Load the files of any known format into a valid catalog.

    Parameters
    ----------
    path : str or Path
        A folder of files, or one of its files.
    format : str, optional
        One of ``loaders.FORMATS``. By default the format is recognised by the names of the files
        and, where other data has such names too, by how their content begins.
    progress : callable, optional
        Called with (file name, bytes read, bytes in total) while files are read.
    **options
        Further arguments of the format's own function, such as ``markets`` of ``loaders.xmrec``.
        ``mapping`` (a file or a FileMapping) says that the format is that of ``loaders.mapped``.

    Returns
    -------
    LoadResult
        ``catalog``, which is valid, and ``report``: the rows read, kept and dropped of each file.

    Raises
    ------
    RequestError
        If the format has no such option.
    SourceError
        If there is nothing at ``path``, the format is unknown or isn't recognised, or a file can't
        be read.
    CatalogError
        If the content breaks the schema; the error lists every problem with its file and row.
    """
    path = given_path(path, "path")
    if format is None and options.get("mapping") is not None:
        format = "mapping"
    result = find_loader(path, format).read(path, progress=progress, **options)
    pa.default_memory_pool().release_unused()  # what the conversion needed
    return result


def find_loader(path: Path, format: str | None = None) -> Loader:
    """The loader of a format, or the one that recognises the files. Raises SourceError."""
    if not path.exists():
        raise SourceError(f"{path}: there is nothing here. Cure: check the path.")
    finish_export(path)
    return recognise(path) if format is None else _named(format)


def recognise(path: Path) -> Loader:
    """The loader for a file or folder. Raises SourceError where no loader recognises it."""
    files = FileNames(path)
    found = _first(files)
    if found is None and path.is_file():
        found = next((loader for loader in LOADERS if loader.takes(path.name)), None)
    if found is not None:
        return found
    raise SourceError(unrecognised(path, files, _below(path), LOADERS))


def _below(path: Path) -> dict[Path, str]:
    """The folders below that have the files of a format, with its name: those of the first level
    that has some. Archives that are unpacked put a folder into a folder."""
    level = [path]
    for _ in range(_LEVELS):
        inner = [sorted(one / name for name in FileNames(one)) for one in level if one.is_dir()]
        level = [one for names in inner for one in names if one.is_dir()][:_FOLDERS]
        found = {one: _first(FileNames(one)) for one in level}
        known = {folder: loader.name for folder, loader in found.items() if loader is not None}
        if known:
            return known
    return {}


def _first(files: FileNames) -> Loader | None:
    return next((loader for loader in LOADERS if loader.recognises(files)), None)


def _named(format: str) -> Loader:
    for loader in LOADERS:
        if loader.name == format:
            return loader
    raise SourceError(f"format {format!r} is unknown. Cure: use one of {', '.join(FORMATS)}.")
