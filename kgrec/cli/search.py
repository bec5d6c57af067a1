"""``kgrec search``: items for a query, and the query kept in the graph."""

from __future__ import annotations

from typing import Annotated

import typer

from kgrec.cli._app import app
from kgrec.cli._options import (
    CandidatesOption,
    ContextOption,
    DatabaseOption,
    DbUserOption,
    ExcludeOption,
    JsonOption,
    KOption,
    ModelOption,
    ScenarioOption,
    UserOption,
    WhereOption,
    open_model,
    read_constraints,
    read_query,
)
from kgrec.cli._output import print_frame
from kgrec.cli._pseudonyms import PseudonymiseOption, stored_ids
from kgrec.cli._stores import open_store
from kgrec.presentation import with_titles


@app.command(epilog='Example: `kgrec search "space opera with robots" --model model -k 5`')
def search(
    text: Annotated[str, typer.Argument(help="The query: words, titles, names.")],
    model: ModelOption,
    user: UserOption = None,
    pseudonymise: PseudonymiseOption = None,
    k: KOption = 10,
    scenario: ScenarioOption = None,
    context: ContextOption = None,
    candidates: CandidatesOption = None,
    where: WhereOption = None,
    exclude: ExcludeOption = None,
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
    """Items for a query: by title, text, names in the graph and meaning.

    Typing errors are tolerated. With --user the items found are ordered for that user. The last
    column says what found an item.
    """
    if chosen is not None and (log is None or user is None):
        raise typer.BadParameter("--chosen goes with --log and --user")
    if context is not None and user is None:
        raise typer.BadParameter("--context goes with --user")
    query = None if user is None else read_query([user], None, scenario, context)
    limits = read_constraints(candidates, where, exclude)
    loaded = open_model(model)
    if query is None:
        frame = loaded.search(text, scenario=scenario, k=k, constraints=limits)
    else:
        frame = loaded.search(text, user=query, k=k, constraints=limits)
    if log is not None:
        with open_store(log, user=db_user, database=database) as store:
            named = stored_ids([user]) if user is not None else None
            loaded.log_query(named[0] if named else None, text, chosen, store=store)
    print_frame(with_titles(loaded.snapshot, frame), as_json)
