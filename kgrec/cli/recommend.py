"""``kgrec recommend``: the best items for users."""

from __future__ import annotations

from typing import Annotated

import typer

from kgrec.cli._app import app
from kgrec.cli._options import (
    CandidatesOption,
    ContextOption,
    HistoryOption,
    JsonOption,
    KOption,
    ModelOption,
    ScenarioOption,
    UsersOption,
    WhereOption,
    open_model,
    read_constraints,
    read_query,
)
from kgrec.cli._output import print_frame
from kgrec.presentation import split_list, with_titles


@app.command(
    epilog="Example: `kgrec recommend --model model --user 1 -k 5 --where year=1990..1999`",
)
def recommend(
    model: ModelOption,
    user: UsersOption = None,
    history: HistoryOption = None,
    k: KOption = 10,
    scenario: ScenarioOption = None,
    context: ContextOption = None,
    candidates: CandidatesOption = None,
    where: WhereOption = None,
    include_seen: Annotated[
        bool, typer.Option("--include-seen", help="Also items of the user's history.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """The best items for users, or for a history given here."""
    if (user is None) == (history is None):
        raise typer.BadParameter("give either --user or --history")
    query = read_query(split_list(user), history, scenario, context)
    limits = read_constraints(candidates, where)
    loaded = open_model(model)
    frame = loaded.recommend(query, k=k, exclude_seen=not include_seen, constraints=limits)
    print_frame(with_titles(loaded.snapshot, frame), as_json)
