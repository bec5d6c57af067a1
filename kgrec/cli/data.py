"""``kgrec load`` and ``kgrec export``: files into a graph store, and back out."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import pandas as pd
import pyarrow.compute as pc
import typer

import loaders
from kgrec.cli.app import app
from kgrec.cli.options import DatabaseOption, DbUserOption, JsonOption, MappingOption, StoreOption
from kgrec.cli.output import print_frame, print_json, print_values
from kgrec.cli.progress import Report, progress_on_stderr, say
from kgrec.cli.stores import open_store

if TYPE_CHECKING:
    from graph_schema import Catalog
    from loaders import LoadResult


class ExportFormat(StrEnum):
    """The formats that ``kgrec export`` writes."""

    csv = "csv"
    csv_gz = "csv.gz"
    parquet = "parquet"


if TYPE_CHECKING:
    SourceFormat = StrEnum
else:  # the formats of the registry; their names are known at run time only
    SourceFormat = StrEnum("SourceFormat", {name: name for name in loaders.FORMATS})

FormatOption = Annotated[
    SourceFormat | None,
    typer.Option("--format", "-f", help="Format of the files; recognised if absent."),
]
FETCHED = ("ml-100k",)
SHOWN = 20  # scenarios listed after a load


def load_source(
    source: str,
    source_format: SourceFormat | None,
    progress: Report,
    metadata: Path | None = None,
) -> LoadResult:
    """Load a folder, a file, or a data set that kgrec can fetch (``ml-100k``)."""
    path = Path(source)
    if source in FETCHED and not path.exists():
        path = loaders.fetch(source)
    name = source_format.value if source_format else None
    options = {} if metadata is None else {"metadata": metadata}
    return loaders.load(path, format=name, progress=progress, **options)


@app.command(
    epilog="Example: `kgrec load my-data --store catalog.kgl`",
)
def load(
    source: Annotated[str, typer.Argument(help="Folder or file to load, or ml-100k to fetch.")],
    store: StoreOption,
    source_format: FormatOption = None,
    metadata: Annotated[
        Path | None, typer.Option(help="Amazon: the metadata file of the reviews.", exists=True)
    ] = None,
    db_user: DbUserOption = None,
    database: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check a folder of files and write it into a graph store.

    The whole folder is checked before the first row is written, and loading it twice changes
    nothing. The CSV layout is described in docs/csv-layout.md.
    """
    with progress_on_stderr() as progress:
        result = load_source(source, source_format, progress, metadata)
        with open_store(store, user=db_user, database=database, create=True) as graph:
            written = graph.write(result.catalog, progress=progress)
    say(str(result.report))
    scenarios = scenario_counts(result.catalog)
    if as_json:
        values = {"store": store, "rows": written.rows, "seconds": written.seconds}
        print_json({**values, "scenarios": dict(scenarios.itertuples(index=False))})
        return
    print_values({**written.rows, "seconds": round(written.seconds, 2)}, as_json=False)
    if len(scenarios):
        print_frame(scenarios.head(SHOWN), as_json=False)
    if len(scenarios) > SHOWN:
        print(f"and {len(scenarios) - SHOWN:,} more scenarios")


def scenario_counts(catalog: Catalog) -> pd.DataFrame:
    """Count each scenario's interactions: columns scenario and interactions, largest first."""
    events, names = catalog.tables["interactions"], catalog.tables["scenarios"]["scenario_id"]
    counts = pd.Series(0, index=pd.Index(names.to_pylist(), dtype=object))
    if "scenario" in events.column_names:
        pairs = pc.value_counts(events["scenario"].drop_null()).to_pylist()
        counts.update(pd.Series({pair["values"]: pair["counts"] for pair in pairs}, dtype="int64"))
    ordered = counts.sort_values(ascending=False, kind="stable")
    return ordered.rename_axis("scenario").reset_index(name="interactions")


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
    from kgrec.cli.exporting import read_catalog

    with (
        progress_on_stderr() as progress,
        open_store(store, user=db_user, database=database, mapping=mapping) as graph,
    ):
        catalog = read_catalog(graph, progress)
    if export_format is ExportFormat.parquet:
        catalog.to_parquet(folder)
    else:
        loaders.to_csv_folder(catalog, folder, compress=export_format is ExportFormat.csv_gz)
    print_values({name: table.num_rows for name, table in catalog.tables.items()}, as_json)
