"""``kgrec score``: the scores of user–item pairs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kgrec.cli._app import app
from kgrec.cli._options import (
    ContextOption,
    JsonOption,
    ModelOption,
    ScenarioOption,
    open_model,
)
from kgrec.cli._output import print_frame, print_values
from kgrec.cli._pairs import read_pairs
from kgrec.cli._pseudonyms import PseudonymiseOption
from kgrec.cli._tables import check_table, write_table
from kgrec.presentation import parse_context


@app.command(epilog="Example: `kgrec score pairs.csv --model model --out scored.csv`")
def score(
    pairs: Annotated[
        Path,
        typer.Argument(
            help="A .csv or .parquet file: user_id, item_id and, if wanted, scenario.",
            exists=True,
            dir_okay=False,
        ),
    ],
    model: ModelOption,
    pseudonymise: PseudonymiseOption = None,
    scenario: ScenarioOption = None,
    context: ContextOption = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="A .parquet, .csv or .jsonl file to write to."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """The rows of a file with the score of each pair, as `kgrec recommend` would give it."""
    if out is not None:
        check_table(out)
    known, wanted = parse_context(context), read_pairs(pairs)
    scored = open_model(model).score(wanted, scenario=scenario, context=known)
    if out is None:
        print_frame(scored, as_json)
        return
    print_values({"out": str(out), "rows": write_table([scored], out)}, as_json)
