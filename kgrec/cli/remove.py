"""``kgrec remove``: nodes, interactions and facts leave a store, a model, or both."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from graph_schema.errors import RequestError
from kgrec.cli._app import app
from kgrec.cli._options import DatabaseOption, DbUserOption, JsonOption, open_model
from kgrec.cli._output import print_frame, print_json
from kgrec.cli._progress import say
from kgrec.cli._pseudonyms import PseudonymiseOption
from kgrec.cli._removals import given_ids, read_rows
from kgrec.cli._stores import open_store

if TYPE_CHECKING:
    from kgrec.stores import RemovalReport

_IDS = "1,2,3, or @FILE: an id a line, or a .csv or .parquet file with a column"
IdsOption = Annotated[str | None, typer.Option(help=f"Ids: {_IDS}.", metavar="IDS")]


@app.command(
    epilog="Example: `kgrec remove --users 7,8 --items @sold-out.csv --store catalog.kgl "
    "--model model`",
)
def remove(
    users: Annotated[
        str | None, typer.Option("--users", "-u", help=f"User ids: {_IDS} user_id.", metavar="IDS")
    ] = None,
    items: Annotated[
        str | None, typer.Option(help=f"Item ids: {_IDS} item_id.", metavar="IDS")
    ] = None,
    pseudonymise: PseudonymiseOption = None,
    entities: IdsOption = None,
    reviews: IdsOption = None,
    queries: IdsOption = None,
    interactions: Annotated[
        Path | None,
        typer.Option(
            help="A .csv or .parquet file: user_id, item_id and any columns that must be equal, "
            "such as timestamp.",
            exists=True,
            dir_okay=False,
        ),
    ] = None,
    facts: Annotated[
        Path | None,
        typer.Option(
            help="A .csv or .parquet file: head, head_type, relation, tail, tail_type.",
            exists=True,
            dir_okay=False,
        ),
    ] = None,
    store: Annotated[
        str | None,
        typer.Option(
            "--store", "-s", envvar="KGREC_STORE", help="The graph: a file or an address."
        ),
    ] = None,
    model: Annotated[
        Path | None,
        typer.Option("--model", "-m", envvar="KGREC_MODEL", help="Folder of a trained model."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Folder to save the model to; if absent, its own."),
    ] = None,
    ignore_missing: Annotated[
        bool,
        typer.Option(
            "--ignore-missing", help="Remove the rest where something named is not there."
        ),
    ] = False,
    db_user: DbUserOption = None,
    database: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Remove users, items, entities, texts, interactions and facts, without asking.

    They leave the store, the model, or both, with all that depends on them. If something named is
    not there, nothing is removed. The model is not trained again.
    """
    if store is None and model is None:
        raise typer.BadParameter("give --store, --model or both")
    given = {
        "users": given_ids(users, "users"),
        "items": given_ids(items, "items"),
        "entities": given_ids(entities, "entities"),
        "reviews": given_ids(reviews, "reviews"),
        "queries": given_ids(queries, "queries"),
        "interactions": read_rows(interactions, "interactions"),
        "facts": read_rows(facts, "facts"),
    }
    asked: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    if not any(value is not None and len(value) for value in asked.values()):
        raise typer.BadParameter("name what is to leave, such as --users 7")
    asked["missing"] = "ignore" if ignore_missing else "error"
    reports: dict[str, RemovalReport] = {}
    loaded = None if model is None else open_model(model)
    if loaded is not None:  # in memory first: where this fails, the store has not changed
        with _named(f"the model {model}"):
            reports["model"] = loaded.remove(**asked)
    if store is not None:
        with (
            open_store(store, user=db_user, database=database) as graph,
            _named(f"the store {graph.uri}"),
        ):
            reports["store"] = graph.remove(**asked)
    if loaded is not None and model is not None:
        loaded.save(out or model)
    _print_reports(reports, as_json)


@contextmanager
def _named(place: str) -> Iterator[None]:
    """Name the place in a message about what is missing."""
    try:
        yield
    except RequestError as error:
        raise RequestError(f"{place}: {error}") from error


def _print_reports(reports: dict[str, RemovalReport], as_json: bool) -> None:
    """What left the model and the store, and on stderr what was missing."""
    for place, report in reports.items():
        absent = ", ".join(f"{n:,} {name}" for name, n in report.missing.items() if n)
        if absent:
            say(f"not in the {place}: {absent}")
    if as_json:
        values: dict[str, Any] = {
            place: {"rows": report.rows, "missing": report.missing}
            for place, report in reports.items()
        }
        print_json(values)
        return
    import pandas as pd

    counts = pd.DataFrame({place: report.rows for place, report in reports.items()})
    print_frame(counts.rename_axis("removed").reset_index(), as_json=False)
