"""``kgrec load``: files into a graph store."""

from __future__ import annotations

from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kgrec.cli._app import app
from kgrec.cli._bulk import check_bulk, print_files, write_files
from kgrec.cli._following import BadLines, follow, place_of_position
from kgrec.cli._hiding import (
    AnonymiseOption,
    Hiding,
    MaskOption,
    NamesOption,
    QuasiOption,
    ScanOption,
)
from kgrec.cli._loads import compare, marked_now, print_outcome, write
from kgrec.cli._options import (
    TAB,
    DatabaseOption,
    DbUserOption,
    JsonOption,
    OptionalStoreOption,
    is_given,
)
from kgrec.cli._output import print_json
from kgrec.cli._progress import progress_on_stderr, say
from kgrec.cli._pseudonyms import PseudonymiseOption
from kgrec.cli._stdin import STDIN, called, stdin_as_file
from kgrec.cli._stores import is_server, open_store
from kgrec.progress import Progress

if TYPE_CHECKING:
    from loaders import LoadResult


FETCHED = ("ml-100k", "ml-100k-recbole")
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


FileMappingOption = Annotated[
    Path | None,
    typer.Option(
        "--mapping",
        help="A .toml or .json file that says which files and columns are users, items, "
        "interactions …; `kgrec map` writes a first one.",
        exists=True,
        dir_okay=False,
    ),
]


def load_source(
    source: str,
    source_format: str | None,
    progress: Progress,
    **options: Any,
) -> LoadResult:
    """Load a folder, a file, standard input ("-"), or a data set that kgrec can fetch
    (``ml-100k``). Options that are None are left out."""
    import loaders

    given = {name: value for name, value in options.items() if value is not None}
    if source == STDIN:
        with stdin_as_file() as path:
            return _load(path, source_format or "csv", progress, given)
    path = Path(source)
    if source in FETCHED and not path.exists():
        path = loaders.fetch(source)
    return _load(path, source_format, progress, given)


def _load(
    path: Path, source_format: str | None, progress: Progress, options: dict[str, Any]
) -> LoadResult:
    import loaders

    if "mapping" in options:
        source_format = source_format or "mapping"
    if options:
        _check_options(path, source_format, list(options))
    return loaders.load(path, format=source_format, progress=progress, **options)


def _check_options(path: Path, source_format: str | None, options: list[str]) -> None:
    """Raises BadParameter for an option that the format of the files doesn't have."""
    from loaders.registry import LOADERS, find_loader

    loader = find_loader(path, source_format)
    for option in options:
        if option not in loader.options:
            owners = " and ".join(one.name for one in LOADERS if option in one.options)
            raise typer.BadParameter(
                f"{_flag(option)} is an option of the format {owners}; {called(path)} has the "
                f"format {loader.name}. Leave it out, or pass --format."
            )


def _flag(option: str) -> str:
    """How an option of a loader is written on the command line."""
    return _FLAGS.get(option) or "--" + option.replace("_", "-")


def _check_following(follows: bool, others: dict[str, bool], own: dict[str, bool]) -> None:
    """Raises BadParameter where ``--follow`` is with an option of ``others`` that was given, or an
    option of its ``own`` is without it."""
    wrong = next((flag for flag, was in (others if follows else own).items() if was), None)
    if wrong is not None:
        known = "takes a file of JSON lines and not" if follows else "is missing beside"
        raise typer.BadParameter(f"--follow {known} {wrong}")


@app.command(
    epilog="Example: `kgrec load my-data --store catalog.kgl`",
)
def load(
    context: typer.Context,
    source: Annotated[
        str,
        typer.Argument(help="Folder or file to load, ml-100k to fetch, - for standard input."),
    ],
    store: OptionalStoreOption = None,
    source_format: FormatOption = None,
    mapping: FileMappingOption = None,
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
    shown: Annotated[
        str | None,
        typer.Option(
            help="MIND: kind of event of news that were shown and not clicked, such as skip; "
            "else they are left out."
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
    changed: Annotated[
        bool,
        typer.Option(
            "--changed",
            help="Mark all rows as changed now: a service with this store takes them in at once.",
        ),
    ] = False,
    bulk: Annotated[
        Path | None,
        typer.Option(
            "--bulk",
            help="In place of --store: a folder for the files and the command of neo4j-admin "
            "database import.",
            file_okay=False,
        ),
    ] = None,
    follow_file: Annotated[
        bool,
        typer.Option(
            "--follow",
            help="Write the events that are appended to a file of JSON lines, until Ctrl-C.",
        ),
    ] = False,
    bad_lines: Annotated[
        BadLines, typer.Option(help="--follow: what to do with lines that are no events.")
    ] = BadLines.skip,
    from_start: Annotated[
        bool, typer.Option("--from-start", help="--follow: read the file from its first line.")
    ] = False,
    position: Annotated[
        Path | None,
        typer.Option(help="--follow: the file for how far it was read.", dir_okay=False),
    ] = None,
    pseudonymise: PseudonymiseOption = None,
    anonymise: AnonymiseOption = None,
    quasi: QuasiOption = None,
    scan_texts: ScanOption = False,
    mask_texts: MaskOption = False,
    names: NamesOption = None,
    db_user: DbUserOption = None,
    database: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check a folder of files and write it into a graph store.

    The whole folder is checked before the first row is written, and loading it twice changes
    nothing. A store that holds a graph already keeps what the files lack, unless `--replace` is
    given; either way the command says what was added, changed, kept or removed. The CSV layout is
    described in docs/csv-layout.md, a mapping for files of any other names and columns in
    docs/file-mapping.md. `--bulk` writes files for Neo4j's own import instead (docs/neo4j.md).
    `--changed` is for a store beside a running service (docs/store-sync.md).
    `--pseudonymise`, `--anonymise` and `--mask-texts` hide people (docs/pseudonyms.md).
    """
    options = {
        "mapping": mapping,
        "metadata": metadata,
        "delimiter": TAB.get(delimiter or "", delimiter),
        "encoding": encoding,
        "header": False if no_header else None,
        "columns": None if columns is None else columns.split(","),
        "language": language,
        "field_separator": TAB.get(field_separator or "", field_separator),
        "sequence_separator": sequence_separator,
        "zero_labels": zero_labels,
        "shown": shown,
    }
    given = {_flag(name): value is not None for name, value in options.items()}
    given |= {"--format": source_format is not None, "--replace": replace, "--dry-run": dry_run}
    given |= {"--bulk": bulk is not None, "--anonymise": anonymise is not None}
    given |= {"--changed": changed}
    given |= {"--scan-texts": scan_texts, "--mask-texts": mask_texts, "--names": names is not None}
    _check_following(
        follow_file,
        {STDIN: source == STDIN, **given},
        {
            "--from-start": from_start,
            "--position": position is not None,
            "--bad-lines": bad_lines is not BadLines.skip,
        },
    )
    beside = bulk if store is None or is_server(store) else Path(store)
    hiding = Hiding.of(anonymise, quasi, scan_texts, mask_texts, names, apart_from=beside)
    if bulk is not None:
        given_store = is_given(context, "store")
        written = {"--replace": replace, "--dry-run": dry_run, "--changed": changed}
        check_bulk(bulk, {"--store": given_store, **written})
        with progress_on_stderr() as progress:
            result = load_source(source, source_format, progress, **options)
            catalog, _ = hiding.applied(result.catalog)
            files = write_files(catalog, bulk, database, progress)
        say(str(result.report))
        print_files(files, as_json=as_json)
        return
    if store is None:
        raise typer.BadParameter("name the graph with --store, or a folder of files with --bulk")
    if follow_file:
        place = position or place_of_position(Path(source), store, server=is_server(store))
        with open_store(store, user=db_user, database=database, create=True) as graph:
            summary = follow(
                Path(source),
                graph,
                place,
                from_start=from_start,
                bad_lines=bad_lines,
                key=hiding.key,
            )
        say(f"ended: {summary}")
        if as_json:
            print_json({"store": store, "position": str(place), **asdict(summary)})
        return
    with progress_on_stderr() as progress:
        result = load_source(source, source_format, progress, **options)
        with open_store(
            store, user=db_user, database=database, create=True, make_folder=not dry_run
        ) as graph:
            catalog, hidden = hiding.applied(result.catalog)
            hiding.check(graph, catalog, replace=replace)
            if changed:
                catalog = marked_now(catalog)
            if dry_run:
                outcome = compare(graph, catalog, replace=replace)
            else:
                outcome = write(graph, catalog, replace=replace, progress=progress)
    say(str(result.report))
    print_outcome(store, outcome, catalog, hidden, as_json=as_json)
