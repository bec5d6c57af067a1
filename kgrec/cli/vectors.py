"""``kgrec vectors``: the vectors of items or users in a file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kgrec.cli._app import app
from kgrec.cli._options import JsonOption, ModelOption, open_model
from kgrec.cli._output import print_values
from kgrec.cli._pseudonyms import PseudonymiseOption, stored_ids
from kgrec.cli._tables import read_ids


@app.command(epilog="Example: `kgrec vectors --model model --out items.parquet`")
def vectors(
    model: ModelOption,
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            "-o",
            help="A .parquet file (ids, vectors, biases), .npz (the same) or .npy (vectors alone).",
        ),
    ],
    kind: Annotated[
        str, typer.Option(help="item, history_item (an item of a history) or user.")
    ] = "item",
    pseudonymise: PseudonymiseOption = None,
    ids: Annotated[
        Path | None,
        typer.Option(
            help="Only those in a file: an id a line, or a .csv or .parquet file with a column "
            "item_id or user_id.",
            exists=True,
            dir_okay=False,
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Write the vectors that scores are computed from.

    score = user · item / temperature + bias of the item, plus what item–item weights and the
    predictions for items without training interactions add.
    """
    from kgrec.answers.vectors import check_kind, check_vector_file

    check_vector_file(out)
    column = "user_id" if check_kind(kind) == "user" else "item_id"
    wanted = None if ids is None else read_ids(ids, column)
    if column == "user_id":
        wanted = stored_ids(wanted)
    found = open_model(model).vectors(kind, wanted)
    found.save(out)
    size = found.vectors.shape[1]
    values = {"out": str(out), "kind": kind, "vectors": len(found), "size": size}
    print_values({**values, "temperature": found.temperature}, as_json)
