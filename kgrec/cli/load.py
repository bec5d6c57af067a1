"""``kgrec load``: files into a graph store."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kgrec.cli._app import app
from kgrec.cli._loads import compare, print_outcome, write
from kgrec.cli._options import DatabaseOption, DbUserOption, JsonOption, StoreOption
from kgrec.cli._progress import progress_on_stderr, say
from kgrec.cli._stores import open_store
from kgrec.progress import Progress

if TYPE_CHECKING:
    from loaders import LoadResult


FETCHED = ("ml-100k",)
_TAB = {"tab": "\t", "\\t": "\t"}  # ways to write a tab on the command line
_FLAGS = {"header": "--no-header"}  # options whose flag has another name


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
    replace: Annotated[
        bool, typer.Option("--replace", help="The store holds exactly these files afterwards.")
    ] = False,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Check all and say what would change; write nothing."),
    ] = False,
    db_user: DbUserOption = None,
    database: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check a folder of files and write it into a graph store.

    The whole folder is checked before the first row is written, and loading it twice changes
    nothing. A store that holds a graph already keeps what the files lack, unless `--replace` is
    given; either way the command says what was added, changed, kept or removed. The CSV layout is
    described in docs/csv-layout.md.
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
        with open_store(
            store, user=db_user, database=database, create=True, make_folder=not dry_run
        ) as graph:
            if dry_run:
                outcome = compare(graph, result.catalog, replace=replace)
            else:
                outcome = write(graph, result.catalog, replace=replace, progress=progress)
    say(str(result.report))
    print_outcome(store, outcome, result.catalog, as_json=as_json)
