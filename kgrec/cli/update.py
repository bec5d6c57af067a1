"""``kgrec update``: new rows in a trained model, without training."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kgrec.cli._app import app
from kgrec.cli._loads import marked_now
from kgrec.cli._options import DatabaseOption, DbUserOption, JsonOption, ModelOption, open_model
from kgrec.cli._output import print_json, print_values
from kgrec.cli._progress import progress_on_stderr, say
from kgrec.cli._pseudonyms import PseudonymiseOption, check_names, given_key, with_pseudonyms
from kgrec.cli._stores import is_server, open_store
from kgrec.cli.load import FileMappingOption, FormatOption, load_source

if TYPE_CHECKING:
    from kgrec.graph import GraphSnapshot


@app.command(epilog="Example: `kgrec update new-rows --model model --store catalog.kgl`")
def update(
    data: Annotated[
        list[str],
        typer.Argument(help="Folders or files with new rows, in any format of `kgrec load`."),
    ],
    model: ModelOption,
    source_format: FormatOption = None,
    mapping: FileMappingOption = None,
    store: Annotated[
        str | None,
        typer.Option(
            "--store",
            "-s",
            help="Also write the rows into this graph: a file, or an address of Neo4j.",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Folder to save to; if absent, that of the model."),
    ] = None,
    weights: Annotated[
        bool,
        typer.Option(
            "--weights",
            help="Also bring item-item weights, and with effort quick the vectors, up to date.",
        ),
    ] = False,
    pseudonymise: PseudonymiseOption = None,
    db_user: DbUserOption = None,
    database: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add new users, items, facts and interactions to a trained model, without training.

    All files are checked before anything changes, and the model is replaced as a whole. Updating
    twice changes nothing. The next `kgrec train` reads the graph: name it with `--store`, or load
    the rows there too. A service with this store takes the rows in at once.
    """
    beside = None if store is None or is_server(store) else store
    from kgrec.drift import outgrown  # reads torch

    key = given_key([beside, model])
    with progress_on_stderr() as progress:
        results = [load_source(one, source_format, progress, mapping=mapping) for one in data]
        catalogs = [with_pseudonyms(result.catalog, key) for result in results]
        loaded = open_model(model)
        before = _rows(loaded.state.full_snapshot)
        for catalog in catalogs:
            loaded.update(catalog, weights=weights and catalog is catalogs[-1], progress=progress)
        if store is not None:
            with open_store(store, user=db_user, database=database) as graph:
                for catalog in catalogs:
                    check_names(graph, catalog)
                    graph.write(marked_now(catalog), progress=progress)
        loaded.save(out or model)
    for result in results:
        say(str(result.report))
    say(f"saved {out or model}")
    if needs := outgrown(loaded.state):
        say(needs)
    after = _rows(loaded.state.full_snapshot)
    added = {name: after[name] - before[name] for name in after}
    if as_json:
        print_json({"model": str(out or model), "added": added, "rows": after})
        return
    print_values(
        {name: f"{count:,} ({added[name]:,} new)" for name, count in after.items()}, as_json=False
    )


def _rows(snapshot: GraphSnapshot) -> dict[str, int]:
    """How many rows the graph has of each kind."""
    names = ("users", "items", "entities", "interactions", "reviews", "queries", "scenarios")
    counts = {name: len(getattr(snapshot, name)) for name in names}
    return {**counts, "facts": sum(map(len, snapshot.facts))}
