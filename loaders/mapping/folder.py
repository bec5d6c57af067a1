"""The format of folders whose files a mapping describes.

What reads them is imported at the first use: most folders need no mapping.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from graph_schema.disk.paths import given_path
from loaders.loader import Loader
from loaders.mapping import FILE
from loaders.report import LoadResult, Progress

if TYPE_CHECKING:
    from loaders.mapping.model import FileMapping


def mapped(
    folder: str | Path,
    mapping: str | Path | FileMapping | None = None,
    *,
    progress: Progress | None = None,
) -> LoadResult:
    """Load a folder whose files and columns a mapping describes.

    Rows that the mapping leaves out are dropped and counted. Ids that only other tables name are
    added to the users, items, entities and scenarios, and a note says how many.

    Parameters
    ----------
    folder : str or Path
        The folder with the files.
    mapping : str, Path or FileMapping, optional
        The mapping, or its .toml or .json file; by default kgrec.toml in the folder.
    progress : callable, optional
        Called with (file name, bytes read, bytes in total) while a file is read.

    Returns
    -------
    LoadResult
        The valid catalog, and the report of the rows read, kept and dropped.

    Raises
    ------
    SourceError
        If a file is missing or can't be read, or the mapping does not fit the files; the error
        names every such field.
    CatalogError
        If the content breaks the schema; the error lists every problem.
    """
    from loaders.mapping.reading import read_mapped

    return read_mapped(given_path(folder, "folder"), mapping, progress)


def _recognises(names: set[str]) -> bool:
    return FILE in names


LOADER: Final = Loader(
    name="mapping",
    title="any files, by a [mapping](file-mapping.md)",
    files=FILE,
    recognises=_recognises,
    function=mapped,
)
