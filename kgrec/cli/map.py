"""``kgrec map``: a first mapping of files, to be read and corrected."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from graph_schema.errors import SourceError
from kgrec.cli._app import app
from kgrec.cli._progress import say


@app.command(
    "map",
    epilog="Example: `kgrec map my-data --out shop.toml`",
)
def map_command(
    folder: Annotated[Path, typer.Argument(help="Folder of files of any names and columns.")],
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="File to write (.toml); if absent, stdout."),
    ] = None,
) -> None:
    """Write a first mapping of a folder's files, with its reasons as comments.

    It looks at the first rows of every table: names, values, and ids that tables share. What it is
    not sure of, and what it leaves out, is in the comments. Correct it, then load the folder with
    `kgrec load --mapping`. The fields are described in docs/file-mapping.md.
    """
    import loaders

    _check_free(out)
    _give(loaders.draft_mapping(folder), out)


def _check_free(out: Path | None) -> None:
    """Raise SourceError for a file that exists, or that is no .toml file."""
    if out is not None and out.suffix.lower() != ".toml":
        raise SourceError(f"{out}: a mapping is a .toml file. Cure: give such a name.")
    if out is not None and out.exists():
        raise SourceError(
            f"{out}: the file exists, and may have been corrected by hand. Cure: give another "
            "name, or remove it."
        )


def _give(text: str, out: Path | None) -> None:
    if out is None:
        print(text, end="")
        return
    try:
        with out.open("x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise SourceError(
            f"{out}: the file can't be written ({error.strerror}). Cure: check the folder."
        ) from error
    say(f"{out} is written: read and correct it")
