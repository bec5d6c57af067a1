"""``kgrec similar``: the items most similar to given ones."""

from __future__ import annotations

from typing import Annotated

import typer

from kgrec.cli._app import app
from kgrec.cli._options import (
    CandidatesOption,
    ExcludeOption,
    JsonOption,
    KOption,
    ModelOption,
    WhereOption,
    open_model,
    read_constraints,
)
from kgrec.cli._output import print_frame
from kgrec.presentation import split_list, with_titles


@app.command(epilog="Example: `kgrec similar --model model --item 50 -k 5`")
def similar(
    model: ModelOption,
    item: Annotated[str, typer.Option("--item", "-i", help="Item id, or several: 1,2,3.")],
    k: KOption = 10,
    candidates: CandidatesOption = None,
    where: WhereOption = None,
    exclude: ExcludeOption = None,
    as_json: JsonOption = False,
) -> None:
    """The items most similar to given ones."""
    limits = read_constraints(candidates, where, exclude)
    loaded = open_model(model)
    frame = loaded.similar(split_list(item) or [], k, constraints=limits)
    print_frame(with_titles(loaded.snapshot, frame, "similar_id"), as_json)
