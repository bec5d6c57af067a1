"""``kgrec similar-users``: the users most similar to given ones."""

from __future__ import annotations

import typer

from kgrec.cli._app import app
from kgrec.cli._options import (
    ContextOption,
    HistoryOption,
    JsonOption,
    KOption,
    ModelOption,
    ScenarioOption,
    UsersOption,
    open_model,
    read_query,
)
from kgrec.cli._output import print_frame
from kgrec.cli._pseudonyms import PseudonymiseOption
from kgrec.presentation import split_list


@app.command(
    name="similar-users", epilog="Example: `kgrec similar-users --model model --user 1 -k 5`"
)
def similar_users(
    model: ModelOption,
    user: UsersOption = None,
    pseudonymise: PseudonymiseOption = None,
    history: HistoryOption = None,
    k: KOption = 10,
    scenario: ScenarioOption = None,
    context: ContextOption = None,
    as_json: JsonOption = False,
) -> None:
    """The users of the graph who are most similar to given ones, or to a history given here."""
    if (user is None) == (history is None):
        raise typer.BadParameter("give either --user or --history")
    query = read_query(split_list(user), history, scenario, context)
    print_frame(open_model(model).similar_users(query, k), as_json)
