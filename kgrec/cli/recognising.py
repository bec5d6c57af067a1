"""``kgrec recognise``: which scenario a request belongs to."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from graph_schema.errors import RequestError
from kgrec.cli.answers import open_model
from kgrec.cli.app import app
from kgrec.cli.options import JsonOption, ModelOption, split_list
from kgrec.cli.output import print_frame


@app.command(epilog="Example: `kgrec recognise --model model --history 50,181,172`")
def recognise(
    model: ModelOption,
    user: Annotated[
        str | None, typer.Option("--user", "-u", help="User id, or several: 1,2,3.")
    ] = None,
    history: Annotated[
        str | None, typer.Option(help="Items of someone, oldest first: 50,181,172.")
    ] = None,
    text: Annotated[str | None, typer.Option(help="What is looked for, in plain words.")] = None,
    context: Annotated[
        list[str] | None,
        typer.Option(help="What is known: hour=21, gender=F; repeatable."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """How likely each scenario is for a user, a history, a query or what is known of someone."""
    if user is not None and history is not None:
        raise typer.BadParameter("give either --user or --history")
    if user is None and history is None and text is None and not context:
        raise typer.BadParameter("give --user, --history, --text or --context")
    items = split_list(history)
    frame = open_model(model).recognise(
        split_list(user),
        histories=None if items is None else {"history": items},
        text=text,
        context=_context(context or []),
    )
    if not as_json:
        frame["scenario"] = [name or "(none of these)" for name in frame["scenario"]]
    print_frame(frame, as_json)


def _context(texts: list[str]) -> dict[str, Any]:
    """``["hour=21", "gender=F"]`` as the ``context`` of ``recognise``; numbers as numbers."""
    given: dict[str, Any] = {}
    for text in texts:
        name, sign, value = text.partition("=")
        if not sign or not name.strip():
            raise RequestError(f"--context {text!r} is not NAME=VALUE, such as hour=21")
        given[name.strip()] = _value(value.strip())
    return given


def _value(text: str) -> Any:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
