"""``kgrec similar``: the items most similar to given ones."""

from __future__ import annotations

from typing import Annotated

import typer

from kgrec.cli._app import app
from kgrec.cli._options import JsonOption, KOption, ModelOption, open_model
from kgrec.cli._output import print_frame
from kgrec.presentation import split_list, with_titles


@app.command(epilog="Example: `kgrec similar --model model --item 50 -k 5`")
def similar(
    model: ModelOption,
    item: Annotated[str, typer.Option("--item", "-i", help="Item id, or several: 1,2,3.")],
    k: KOption = 10,
    as_json: JsonOption = False,
) -> None:
    """The items most similar to given ones."""
    loaded = open_model(model)
    frame = loaded.similar(split_list(item) or [], k)
    print_frame(with_titles(loaded.snapshot, frame, "similar_id"), as_json)
