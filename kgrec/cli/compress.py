"""``kgrec compress``: a saved model in a quarter of the space."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kgrec.cli._app import app
from kgrec.cli._options import JsonOption, open_model
from kgrec.cli._output import print_values


@app.command(epilog="Example: `kgrec compress model small-model`")
def compress(
    model: Annotated[Path, typer.Argument(help="Folder of a trained model.")],
    out: Annotated[Path, typer.Argument(help="Folder to write the smaller one into.")],
    as_json: JsonOption = False,
) -> None:
    """Write a model with parameters and text vectors rounded to 8 bits.

    It is loaded like any other and takes as much memory then. Scores change by about a thousandth;
    compare the two with `kgrec evaluate`.
    """
    open_model(model).save(out, precision="int8")
    sizes = {"model_mb": _megabytes(model), "out_mb": _megabytes(out)}
    print_values({"out": str(out), **sizes}, as_json)


def _megabytes(folder: Path) -> float:
    return round(sum(path.stat().st_size for path in folder.iterdir()) / 1e6, 3)
