"""Neo4j's import files in place of a store, for ``kgrec load --bulk``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from kgrec.cli._console import show
from kgrec.cli._output import print_json, print_values
from kgrec.cli._progress import say

if TYPE_CHECKING:
    from graph_schema.catalog import Catalog
    from kgrec.progress import Progress
    from kgrec.stores.neo4j.bulk import BulkFiles


def check_bulk(folder: Path, others: dict[str, bool]) -> None:
    """Check before long work that files may be written to a folder.

    Raises BadParameter where an option of ``others`` was given, which say how a store is written;
    ModelError where the folder holds other files.
    """
    wrong = next((flag for flag, was in others.items() if was), None)
    if wrong is not None:
        raise typer.BadParameter(f"--bulk writes files and not a store; leave out {wrong}")
    from kgrec.files import check_writable
    from kgrec.stores.neo4j.bulk import BULK

    check_writable(folder, BULK)


def write_files(
    catalog: Catalog, folder: Path, database: str | None, progress: Progress
) -> BulkFiles:
    """Write the files of a catalog."""
    from kgrec.stores.neo4j.bulk import write_bulk

    return write_bulk(catalog, folder, database=database, progress=progress)


def print_files(written: BulkFiles, *, as_json: bool) -> None:
    """The rows of the files and the commands on stdout; what to do with them on stderr."""
    if as_json:
        print_json(
            {
                "bulk": str(written.folder),
                "rows": written.rows,
                "command": written.command,
                "schema_command": written.schema_command,
            }
        )
        return
    print_values(written.rows, as_json=False)
    show(f"\n{written.command}\n{written.schema_command}")
    say(
        "Run the first command where Neo4j is stopped (import.sh has it too); then start Neo4j, "
        "and run the second, which makes constraints and indexes."
    )
