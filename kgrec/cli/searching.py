"""``kgrec search``: items for a query, and the query kept in the graph."""

from __future__ import annotations

from typing import Annotated

import typer

from kgrec.cli.answers import ScenarioOption, UserOption, WhereOption, open_model, with_titles
from kgrec.cli.app import app
from kgrec.cli.options import (
    DatabaseOption,
    DbUserOption,
    JsonOption,
    KOption,
    ModelOption,
    parse_conditions,
    split_list,
)
from kgrec.cli.output import print_frame
from kgrec.cli.stores import open_store


@app.command(epilog='Example: `kgrec search "space opera with robots" --model model -k 5`')
def search(
    text: Annotated[str, typer.Argument(help="What is looked for: words, titles, names.")],
    model: ModelOption,
    user: UserOption = None,
    k: KOption = 10,
    scenario: ScenarioOption = None,
    candidates: Annotated[str | None, typer.Option(help="Only among these items: 1,2,3.")] = None,
    where: WhereOption = None,
    log: Annotated[
        str | None,
        typer.Option(help="Keep the query in this store, for the next training.", metavar="STORE"),
    ] = None,
    chosen: Annotated[
        str | None, typer.Option(help="With --log and --user: the item that was chosen.")
    ] = None,
    db_user: DbUserOption = None,
    database: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """The items that a query means: by title, text, names in the graph and meaning.

    Typing errors are forgiven. With --user what fits equally well comes in the order that suits
    them. The last column says what found an item.
    """
    if chosen is not None and (log is None or user is None):
        raise typer.BadParameter("--chosen goes with --log and --user")
    loaded = open_model(model)
    frame = loaded.search(
        text,
        user=user,
        scenario=scenario,
        k=k,
        where=parse_conditions(where),
        candidates=split_list(candidates),
    )
    if log is not None:
        with open_store(log, user=db_user, database=database) as store:
            loaded.log_query(user, text, chosen, store=store)
    print_frame(with_titles(loaded, frame), as_json)
