"""The text of a first mapping of a folder."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Final

from graph_schema.disk.paths import given_path
from graph_schema.errors import SourceError
from graph_schema.names import FRAMES
from loaders.mapping.draft.guess import Guess, guess
from loaders.mapping.draft.look import ROWS, Looked, look_at
from loaders.mapping.draft.toml import comment, form_fields, table_lines, usual_form, written
from loaders.tables.tabular import CsvForm

_HEAD: Final = (
    "A first mapping, guessed from names and values: read and correct it. The fields are described "
    "in docs/file-mapping.md."
)


def draft_mapping(folder: str | Path) -> str:
    """Guess a mapping of the files of a folder.

    Users, items, ratings and times are recognised by the usual names of columns and by their
    values; tables of users and items have a row for each id and share ids with the interactions.

    Parameters
    ----------
    folder : str or Path
        The folder. The first rows of every table in it are looked at.

    Returns
    -------
    str
        A mapping in TOML for ``loaders.mapped``, with the reasons as comments, and with what it
        leaves out.

    Raises
    ------
    SourceError
        If there is no such folder, or no table has users and items.
    """
    folder = given_path(folder, "folder")
    looked = look_at(folder)
    found = guess(looked)
    if not found.tables:
        raise SourceError(_nothing(folder, looked))
    return _text(folder, looked, found)


def _nothing(folder: Path, looked: Looked) -> str:
    seen = [
        f"{table.name} ({', '.join(column.name for column in table.columns)})"
        for table in looked.tables
    ]
    seen += [f"{name}: {reason}" for name, reason in looked.others.items()]
    lines = "".join(f"\n- {one}" for one in seen) or " none"
    return (
        f"{folder}: no table has users and items. Files that were looked at:{lines}\nCure: write a "
        "mapping by hand (docs/file-mapping.md), or the tables of the CSV layout "
        "(docs/csv-layout.md)."
    )


def _text(folder: Path, looked: Looked, found: Guess) -> str:
    usual = usual_form(list(looked.tables))
    lines = [*comment(_HEAD), *comment(f"Folder: {folder.absolute().name}"), "", "version = 1"]
    part = [table.name for table in looked.tables if not table.whole]
    if part:
        lines += comment(
            f"Of these files the first {ROWS:,} rows were looked at: {', '.join(part)}"
        )
    fields = form_fields(usual, CsvForm())
    if fields:
        lines += ["", "[files]"]
        lines += [f"{name} = {written(value)}" for name, value in fields.items()]
    counts = Counter(table.frame for table in found.tables)
    for frame in FRAMES:
        for table in found.tables:
            if table.frame == frame:
                lines += ["", *table_lines(table, usual, several=counts[frame] > 1)]
    if found.left_out:
        lines += ["", "# Left out:"]
        for name, reason in found.left_out.items():
            lines += comment(f"{name}: {reason}")
    return "\n".join(lines) + "\n"
