"""``kgrec adapt``: learn a scenario from a few interactions."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kgrec.cli._app import app
from kgrec.cli._options import ModelOption, open_model
from kgrec.cli._pairs import read_pairs
from kgrec.cli._progress import say
from kgrec.cli._pseudonyms import PseudonymiseOption
from kgrec.presentation import parse_pair, split_list


@app.command(
    epilog="Example: `kgrec adapt gifts --model model --examples gifts.csv --out adapted "
    '--description "Presents for other people."`',
)
def adapt(
    scenario: Annotated[str, typer.Argument(help="The scenario's name, new or known.")],
    model: ModelOption,
    pseudonymise: PseudonymiseOption = None,
    examples: Annotated[
        Path | None,
        typer.Option(
            help="A .csv file: user_id, item_id and, if known, timestamp (unix seconds).",
            exists=True,
            dir_okay=False,
        ),
    ] = None,
    description: Annotated[str | None, typer.Option(help="What the scenario is for.")] = None,
    attribute: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="An attribute: region=Europe; repeatable."),
    ] = None,
    candidates: Annotated[
        str | None, typer.Option(help="Items that the examples choose among: 1,2,3.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Folder to save to; if absent, that of the model."),
    ] = None,
) -> None:
    """Learn a new scenario, or adapt a known one, from a few interactions, in seconds.

    The answers in all other scenarios stay the same to the bit.
    """
    given = () if examples is None else read_pairs(examples)
    known = [parse_pair(text, "--attribute", "region=Europe") for text in attribute or []]
    loaded = open_model(model)
    loaded.adapt(
        scenario,
        given,
        description=description,
        attributes=dict(known),
        candidates=split_list(candidates),
    )
    loaded.save(out or model)
    say(f"{scenario}: learned from {len(given)} examples; saved {out or model}")
