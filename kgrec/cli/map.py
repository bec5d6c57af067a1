"""``kgrec map``: a first mapping of files or of a graph, to be read and corrected."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from graph_schema.errors import SourceError
from kgrec.cli._app import app
from kgrec.cli._console import show
from kgrec.cli._options import DatabaseOption, DbUserOption
from kgrec.cli._progress import say
from kgrec.cli._stores import open_store


@app.command(
    "map",
    epilog="Example: `kgrec map my-data --out shop.toml`",
)
def map_command(
    folder: Annotated[
        Path | None, typer.Argument(help="Folder of files of any names and columns.")
    ] = None,
    store: Annotated[
        str | None,
        typer.Option("--store", "-s", help="In place of a folder: a Neo4j graph of your own."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="File to write (.toml); if absent, stdout."),
    ] = None,
    db_user: DbUserOption = None,
    database: DatabaseOption = None,
) -> None:
    """Write a first mapping of a folder's files or of a Neo4j graph, with its reasons as comments.

    It looks at the first rows of every table: names, values, and ids that tables share; of a graph
    at labels, relationship types, keys and samples of properties. What it is not sure of, and what
    it leaves out, is in the comments. Correct it, then pass it as `--mapping`. The fields are
    described in docs/file-mapping.md and docs/neo4j.md.
    """
    if (folder is None) == (store is None):
        raise typer.BadParameter("give a folder or --store, one of them")
    _check_free(out)
    if folder is not None:
        import loaders

        _say_known_format(folder)
        _give(loaders.draft_mapping(folder), out)
        return
    from kgrec.stores.outline.draft import draft_graph_mapping

    with open_store(str(store), user=db_user, database=database) as graph:
        _give(draft_graph_mapping(graph.outline(), graph.uri), out)


def _say_known_format(folder: Path) -> None:
    """Say which format the folder has, where kgrec load reads it without a mapping."""
    from loaders.registry import recognise

    try:
        name = recognise(folder).name
    except (SourceError, OSError):
        return
    if name != "mapping":
        say(f"{folder}: kgrec load reads this folder without a mapping, as the format {name}")


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
        show(text, end="")
        return
    try:
        with out.open("x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise SourceError(
            f"{out}: the file can't be written ({error.strerror}). Cure: check the folder."
        ) from error
    say(f"{out} is written: read and correct it")
