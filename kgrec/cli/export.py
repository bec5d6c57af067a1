"""``kgrec export``: a graph store into files."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from kgrec.cli._app import app
from kgrec.cli._options import DatabaseOption, DbUserOption, JsonOption, MappingOption, StoreOption
from kgrec.cli._output import print_values
from kgrec.cli._progress import progress_on_stderr, say
from kgrec.cli._stores import open_store


class ExportFormat(StrEnum):
    """The formats that ``kgrec export`` writes."""

    csv = "csv"
    csv_gz = "csv.gz"
    parquet = "parquet"


@app.command(
    epilog="Example: `kgrec export backup --store catalog.kgl --format parquet`",
)
def export(
    folder: Annotated[Path, typer.Argument(help="Folder to write the tables into.")],
    store: StoreOption,
    export_format: Annotated[
        ExportFormat, typer.Option("--format", "-f", help="Format of the files.")
    ] = ExportFormat.csv,
    db_user: DbUserOption = None,
    database: DatabaseOption = None,
    mapping: MappingOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write a store's graph into a folder of the CSV layout, which ``kgrec load`` can read."""
    import loaders
    from kgrec.cli._catalog import read_catalog

    with (
        progress_on_stderr() as progress,
        open_store(store, user=db_user, database=database, mapping=mapping) as graph,
    ):
        catalog = read_catalog(graph, progress)
    if not any(table.num_rows for table in catalog.tables.values()):
        say(
            f"{store}: nothing that kgrec knows is in it; a graph that kgrec did not write needs "
            "--mapping, which kgrec map --store drafts"
        )
    if export_format is ExportFormat.parquet:
        catalog.to_parquet(folder)
    else:
        loaders.to_csv_folder(catalog, folder, compress=export_format is ExportFormat.csv_gz)
    print_values({name: table.num_rows for name, table in catalog.tables.items()}, as_json)
