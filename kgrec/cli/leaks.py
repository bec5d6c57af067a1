"""``kgrec leaks``: what in the data tells held-out rows."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer

from kgrec.cli._app import app
from kgrec.cli._console import show
from kgrec.cli._options import (
    DatabaseOption,
    DbUserOption,
    JsonOption,
    MappingOption,
    StoreOption,
)
from kgrec.cli._output import print_json
from kgrec.cli._stores import open_store

FOUND = 1  # the exit code with --strict, where there is a leak


@app.command(epilog="Example: `kgrec leaks --store catalog.kgl --strict`")
def leaks(
    store: StoreOption,
    strict: Annotated[
        bool, typer.Option("--strict", help="End with exit code 1 where there is a leak.")
    ] = False,
    db_user: DbUserOption = None,
    database: DatabaseOption = None,
    mapping: MappingOption = None,
    as_json: JsonOption = False,
) -> None:
    """What in a graph tells its test rows, before anything is fitted; changes nothing.

    Attributes and relations that were computed from test rows, rows and texts in two splits, times
    that tell no order or have another unit, splits that overlap in time, columns that are no
    circumstances, and ids that are alike. The graph is that of a store, or of a folder of
    `kgrec snapshot`.
    """
    from kgrec.graph.mapped import is_snapshot
    from kgrec.leaks import find_leaks

    with (
        nullcontext(Path(store))
        if is_snapshot(store)
        else open_store(store, user=db_user, database=database, mapping=mapping) as graph
    ):
        report = find_leaks(graph)
    if as_json:
        print_json(report.to_json())
    else:
        for line in str(report).splitlines():
            show(line)
    if strict and report.leaks:
        raise typer.Exit(FOUND)
