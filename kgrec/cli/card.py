"""``kgrec card``: the model card and data sheet of a trained model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kgrec.cli._app import app
from kgrec.cli._console import show
from kgrec.cli._options import (
    DatabaseOption,
    DbUserOption,
    JsonOption,
    ModelOption,
    open_model,
)
from kgrec.cli._output import print_json, print_values
from kgrec.cli._stores import open_store
from kgrec.presentation import split_list


@app.command(
    epilog="Example: `kgrec card --model model --out card.md --author Ada --licence 'CC BY 4.0'`"
)
def card(
    model: ModelOption,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="A .md, .html or .json file.")
    ] = None,
    store: Annotated[
        str | None,
        typer.Option("--store", "-s", help="The graph's store, to say what has changed since."),
    ] = None,
    title: Annotated[str | None, typer.Option(help="If absent, the name of the folder.")] = None,
    author: Annotated[str, typer.Option(help="Who answers for the card.")] = "",
    source: Annotated[
        list[str] | None, typer.Option(help="Where the data is from; repeatable.")
    ] = None,
    licence: Annotated[
        list[str] | None, typer.Option(help="The data's licence; repeatable.")
    ] = None,
    by: Annotated[
        str | None,
        typer.Option(help="User attributes to group by: gender,age; else those of few values."),
    ] = None,
    no_metrics: Annotated[
        bool, typer.Option("--no-metrics", help="Do not measure quality, which takes longest.")
    ] = False,
    db_user: DbUserOption = None,
    database: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """A model card and data sheet, made from the model and what it was trained on.

    Counts, times, splits, settings and what chose them, quality over all and by group, known
    limits, privacy, versions and hash. It names no user. Without --out it is printed.
    """
    from kgrec.model_card.card import CardRequest, check_card, make_card

    if out is not None:
        check_card(out)
    request = CardRequest(
        title=title or model.resolve().name,
        author=author,
        sources=tuple(source or ()),
        licences=tuple(licence or ()),
        by=None if by is None else tuple(split_list(by) or ()),
        metrics=not no_metrics,
    )
    loaded = open_model(model)
    if store is None:
        made = make_card(loaded, model, request)
    else:
        with open_store(store, user=db_user, database=database) as graph:
            made = make_card(loaded, model, request, store=graph)
    if out is not None:
        print_values({"card": str(made.save(out)), "hash": made.origin.hash}, as_json)
    elif as_json:
        print_json(made.to_dict())
    else:
        show(made.to_markdown())
