"""``kgrec recognise``: which scenario a request belongs to."""

from __future__ import annotations

from typing import Annotated

import typer

from kgrec.cli._app import app
from kgrec.cli._options import (
    ContextOption,
    HistoryOption,
    JsonOption,
    ModelOption,
    UsersOption,
    open_model,
    read_query,
)
from kgrec.cli._output import print_frame
from kgrec.cli._pseudonyms import PseudonymiseOption
from kgrec.presentation import split_list


@app.command(epilog="Example: `kgrec recognise --model model --history 50,181,172`")
def recognise(
    model: ModelOption,
    user: UsersOption = None,
    pseudonymise: PseudonymiseOption = None,
    history: HistoryOption = None,
    text: Annotated[str | None, typer.Option(help="A search query.")] = None,
    context: ContextOption = None,
    as_json: JsonOption = False,
) -> None:
    """How likely each scenario is for a user, a history, a search query or a context."""
    if user is not None and history is not None:
        raise typer.BadParameter("give either --user or --history")
    if user is None and history is None and text is None and not context:
        raise typer.BadParameter("give --user, --history, --text or --context")
    query = read_query(split_list(user), history, None, context)
    frame = open_model(model).recognise(query, text=text)
    if not as_json:
        frame["scenario"] = [name or "(none of these)" for name in frame["scenario"]]
    print_frame(frame, as_json)
