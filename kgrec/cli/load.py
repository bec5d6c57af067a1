"""``kgrec load``: files into a graph store."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kgrec.cli._app import app
from kgrec.cli._options import DatabaseOption, DbUserOption, JsonOption, StoreOption
from kgrec.cli._output import print_frame, print_json, print_values
from kgrec.cli._progress import progress_on_stderr, say
from kgrec.cli._stores import open_store
from kgrec.progress import Progress

if TYPE_CHECKING:
    import pandas as pd

    from graph_schema import Catalog
    from loaders import LoadResult


FETCHED = ("ml-100k",)
_TAB = {"tab": "\t", "\\t": "\t"}  # ways to write a tab on the command line
_FLAGS = {"header": "--no-header"}  # options whose flag has another name
SHOWN = 20  # scenarios listed after a load


class ZeroLabels(StrEnum):
    """What ``--zero-labels`` does with rows whose label is 0."""

    drop = "drop"
    keep = "keep"


def _known_format(name: str | None) -> str | None:
    """Raises BadParameter for the name of no format."""
    if name is None:
        return None
    import loaders

    if name not in loaders.FORMATS:
        raise typer.BadParameter(f"{name!r} is none of {', '.join(loaders.FORMATS)}")
    return name


FormatOption = Annotated[
    str | None,
    typer.Option(
        "--format",
        "-f",
        callback=_known_format,
        help="Format of the files, such as csv; if absent, recognised by their names.",
    ),
]


def load_source(
    source: str,
    source_format: str | None,
    progress: Progress,
    **options: Any,
) -> LoadResult:
    """Load a folder, a file, or a data set that kgrec can fetch (``ml-100k``). Options that are
    None are left out."""
    import loaders

    path = Path(source)
    if source in FETCHED and not path.exists():
        path = loaders.fetch(source)
    given = {name: value for name, value in options.items() if value is not None}
    if given:
        _check_options(path, source_format, list(given))
    return loaders.load(path, format=source_format, progress=progress, **given)


def _check_options(path: Path, source_format: str | None, options: list[str]) -> None:
    """Raises BadParameter for an option that the format of the files doesn't have."""
    from loaders.registry import LOADERS, find_loader

    loader = find_loader(path, source_format)
    for option in options:
        if option not in loader.options:
            owners = " and ".join(one.name for one in LOADERS if option in one.options)
            raise typer.BadParameter(
                f"{_FLAGS.get(option, f'--{option}')} is an option of the format {owners}; "
                f"{path} has the format {loader.name}. Leave it out, or pass --format."
            )


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
    delimiter: Annotated[
        str | None,
        typer.Option(help="CSV: what separates the fields, such as ; or tab; else a comma."),
    ] = None,
    encoding: Annotated[
        str | None,
        typer.Option(help="CSV and RecBole: the encoding, such as latin-1; else UTF-8."),
    ] = None,
    field_separator: Annotated[
        str | None,
        typer.Option(help="RecBole: what separates the fields, such as a comma; else a tab."),
    ] = None,
    sequence_separator: Annotated[
        str | None,
        typer.Option(help="RecBole: what separates values of a sequence, as |; else a space."),
    ] = None,
    zero_labels: Annotated[
        ZeroLabels | None,
        typer.Option(help="RecBole: rows whose label is 0, which are no clicks; else drop."),
    ] = None,
    no_header: Annotated[
        bool,
        typer.Option(
            "--no-header",
            help="CSV: the interactions have no header; their columns are user_id, item_id, "
            "rating, timestamp, as many as there are, or --columns.",
        ),
    ] = False,
    columns: Annotated[
        str | None,
        typer.Option(
            help="CSV: names of the columns of the interactions, such as "
            "user_id,item_id,timestamp,event."
        ),
    ] = None,
    language: Annotated[
        str | None, typer.Option(help="RDF: the language of names, such as de; else English.")
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
        result = load_source(
            source,
            source_format,
            progress,
            metadata=metadata,
            delimiter=_TAB.get(delimiter or "", delimiter),
            encoding=encoding,
            header=False if no_header else None,
            columns=None if columns is None else columns.split(","),
            language=language,
            field_separator=_TAB.get(field_separator or "", field_separator),
            sequence_separator=sequence_separator,
            zero_labels=zero_labels,
        )
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
    import pandas as pd
    import pyarrow.compute as pc

    events, names = catalog.tables["interactions"], catalog.tables["scenarios"]["scenario_id"]
    counts = pd.Series(0, index=pd.Index(names.to_pylist(), dtype=object))
    if "scenario" in events.column_names:
        pairs = pc.value_counts(events["scenario"].drop_null()).to_pylist()
        counts.update(pd.Series({pair["values"]: pair["counts"] for pair in pairs}, dtype="int64"))
    ordered = counts.sort_values(ascending=False, kind="stable")
    return ordered.rename_axis("scenario").reset_index(name="interactions")
