"""``kgrec judge``: the reward that a model would have had, by a log of explored lists."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kgrec.cli._app import app
from kgrec.cli._options import ContextOption, ModelOption, ScenarioOption, open_model
from kgrec.cli._output import print_json
from kgrec.cli._progress import say
from kgrec.presentation import parse_context


@app.command(epilog="Example: `kgrec judge --model new --log log.parquet`")
def judge(
    model: ModelOption,
    log: Annotated[
        Path,
        typer.Option(
            help="A .csv, .parquet or .jsonl file: list_id, user_id, item_id, position, "
            "probability and reward of each place of lists from `kgrec recommend --explore`.",
            exists=True,
            dir_okay=False,
        ),
    ],
    scenario: ScenarioOption = None,
    context: ContextOption = None,
    include_seen: Annotated[
        bool, typer.Option("--include-seen", help="Also items of the user's history.")
    ] = False,
    ignore_missing: Annotated[
        bool, typer.Option("--ignore-missing", help="Leave out users that are not there.")
    ] = False,
) -> None:
    """The mean reward of a place of the model's lists, estimated; the last line on stdout is JSON.

    The model must not have learned from the log. Below an effective size of 100 places there is no
    estimate.
    """
    report = open_model(model).judge(
        log,
        scenario=scenario,
        context=parse_context(context),
        exclude_seen=not include_seen,
        missing="ignore" if ignore_missing else "error",
    )
    say(str(report))
    print_json(report.to_dict())
