"""``kgrec adapt``: take up a scenario from a few interactions."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import pandas as pd
import typer

from graph_schema.errors import RequestError, SourceError
from kgrec.cli.answers import open_model
from kgrec.cli.app import app
from kgrec.cli.options import ModelOption, split_list
from kgrec.cli.progress import say


@app.command(
    epilog="Example: `kgrec adapt gifts --model model --examples gifts.csv --out adapted "
    '--description "Presents for other people."`',
)
def adapt(
    scenario: Annotated[str, typer.Argument(help="The scenario's name, new or known.")],
    model: ModelOption,
    examples: Annotated[
        Path | None,
        typer.Option(
            help="A .csv file: user_id, item_id, perhaps timestamp (unix seconds).",
            exists=True,
            dir_okay=False,
        ),
    ] = None,
    description: Annotated[str | None, typer.Option(help="What the scenario is for.")] = None,
    attribute: Annotated[
        list[str] | None, typer.Option(help="What else is known: region=Europe; repeatable.")
    ] = None,
    candidates: Annotated[str | None, typer.Option(help="Items it offers: 1,2,3.")] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder to save to; the model's own if none.")
    ] = None,
) -> None:
    """Take up a new scenario, or tune a known one, from a few interactions, in seconds.

    All other scenarios go on answering as they did, bit by bit.
    """
    given = pd.DataFrame({"user_id": [], "item_id": []}) if examples is None else _read(examples)
    attributes = dict(map(_pair, attribute or []))
    loaded = open_model(model)
    loaded.adapt(
        scenario,
        given,
        description=description,
        attributes=attributes,
        candidates=split_list(candidates),
    )
    loaded.save(out or model)
    say(f"{scenario}: took {len(given)} examples; saved {out or model}")


def _read(path: Path) -> pd.DataFrame:
    try:
        return pd.read_csv(path, dtype={"user_id": str, "item_id": str})
    except (ValueError, OSError) as error:
        raise SourceError(
            f"{path} can't be read as CSV ({error}); give user_id,item_id rows."
        ) from error


def _pair(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign or not name.strip():
        raise RequestError(f"--attribute {text!r} is not NAME=VALUE")
    return name.strip(), value.strip()
