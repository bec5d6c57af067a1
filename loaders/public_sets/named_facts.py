"""MovieLens-100K with named facts: RecBole's users, items and interactions, and the facts and
entities of the folder ``demo_graph``, as one folder of the CSV layout.

Titles are written as they are spoken: "The Usual Suspects", not "Usual Suspects, The".
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from importlib.resources import files
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from graph_schema.catalog import Catalog
from graph_schema.disk.files import digest, read_json
from loaders.atomic.recbole import recbole
from loaders.export import to_csv_folder
from loaders.public_sets.wheels import kept_folder

_GRAPH: Final = ("facts.csv.gz", "entities.csv.gz", "NOTICE")
_FRAMES: Final = ("users", "items", "interactions")
# An article at the end of a title, or of the second title in brackets.
_ARTICLE: Final = r"(^|\()([^()]+), (The|A|An|La|Les|Le|Il|O|Der|Die|Das|Det)($|\)| \()"
_ELIDED: Final = r"(^|\()([^()]+), (L')($|\)| \()"
_DIGESTS: Final = ".digests.json"  # sha256 by the name of each file


def with_named_facts(folder: Path, recbole_files: Callable[[], Path]) -> Path:
    """Make the folder where it isn't complete, and return it.

    Parameters
    ----------
    folder : Path
        A folder of the cache.
    recbole_files : callable
        Returns the folder of RecBole's files; called only where ``folder`` must be made.

    Returns
    -------
    Path
        ``folder``.

    Raises
    ------
    SourceError
        If files can't be read or written.
    """
    return kept_folder(folder, lambda scratch: _made(scratch / "data", recbole_files()), _is_whole)


def _made(folder: Path, recbole_files: Path) -> Path:
    published = recbole(recbole_files).catalog.tables
    tables = {name: published[name] for name in _FRAMES}
    place = tables["items"].column_names.index("title")
    titles = spoken(tables["items"].column(place))
    tables["items"] = tables["items"].set_column(place, "title", titles)
    to_csv_folder(Catalog.from_frames(**tables), folder)
    for name in _GRAPH:
        (folder / name).write_bytes(_shipped(name))
    digests = {path.name: digest(path) for path in sorted(folder.iterdir())}
    (folder / _DIGESTS).write_text(json.dumps(digests, indent=1), encoding="utf-8")
    return folder


def spoken(titles: pa.ChunkedArray) -> pa.ChunkedArray:
    """Titles with their articles in front."""
    for _ in range(2):  # a title, and a second one in brackets
        titles = pc.replace_substring_regex(titles, _ARTICLE, r"\1\3 \2\4")
        titles = pc.replace_substring_regex(titles, _ELIDED, r"\1\3\2\4")
    return titles


def _shipped(name: str) -> bytes:
    return files("loaders.public_sets").joinpath("demo_graph", name).read_bytes()


def _is_whole(folder: Path) -> bool:
    """Whether the files are as they were made, from the facts of this version."""
    with suppress(OSError, ValueError, AttributeError):
        known = read_json(folder / _DIGESTS)
        same = all(digest(folder / name) == expected for name, expected in known.items())
        return same and all((folder / name).read_bytes() == _shipped(name) for name in _GRAPH)
    return False
