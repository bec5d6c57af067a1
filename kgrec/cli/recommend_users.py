"""``kgrec recommend-users``: the best users for items."""

from __future__ import annotations

from typing import Annotated

import typer

from kgrec.cli._app import app
from kgrec.cli._options import (
    ContextOption,
    JsonOption,
    KOption,
    ModelOption,
    ScenarioOption,
    UsersOption,
    open_model,
)
from kgrec.cli._output import print_frame
from kgrec.cli._pseudonyms import PseudonymiseOption, stored_ids
from kgrec.presentation import parse_context, split_list


@app.command(
    name="recommend-users",
    epilog="Example: `kgrec recommend-users --model model --item 50 -k 100`",
)
def recommend_users(
    model: ModelOption,
    item: Annotated[str, typer.Option("--item", "-i", help="Item id, or several: 1,2,3.")],
    k: KOption = 10,
    user: UsersOption = None,
    pseudonymise: PseudonymiseOption = None,
    scenario: ScenarioOption = None,
    context: ContextOption = None,
    include_seen: Annotated[
        bool, typer.Option("--include-seen", help="Also users whose history has the item.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """The users with the highest scores for items, among all users or those of `--user`."""
    known = parse_context(context)
    frame = open_model(model).recommend_users(
        split_list(item) or [],
        k,
        users=stored_ids(split_list(user)),
        scenario=scenario,
        context=known,
        exclude_seen=not include_seen,
    )
    print_frame(frame, as_json)
