"""``kgrec predict``: whether a user will like items, and how the user will rate them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import pandas as pd
import typer

from graph_schema.errors import SourceError
from kgrec.cli.answers import ScenarioOption, UserOption, open_model, with_titles
from kgrec.cli.app import app
from kgrec.cli.options import JsonOption, ModelOption, split_list
from kgrec.cli.output import print_frame


@app.command(epilog="Example: `kgrec predict --model model --user 1 --items 50,181`")
def predict(
    model: ModelOption,
    user: UserOption = None,
    items: Annotated[str | None, typer.Option("--items", "-i", help="Item ids: 50,181.")] = None,
    pairs: Annotated[
        Path | None,
        typer.Option(
            help="A .csv file: user_id, item_id, perhaps timestamp (unix seconds) and scenario.",
            exists=True,
            dir_okay=False,
        ),
    ] = None,
    time: Annotated[
        int | None, typer.Option(help="When: unix seconds. Without it nothing counts as near.")
    ] = None,
    scenario: ScenarioOption = None,
    past_only: Annotated[
        bool, typer.Option("--past-only", help="Read only ratings from before the time asked for.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """The probability of a like and the rating, for a user and items or for the pairs of a file.

    The model must have been trained with ratings: settings with `[ratings]` and `enabled = true`.
    """
    typed = user is not None and items is not None
    if typed == (pairs is not None) or (user is None) != (items is None):
        raise typer.BadParameter("give either --user and --items, or --pairs")
    if pairs is not None and (time is not None or scenario is not None):
        raise typer.BadParameter("with --pairs, times and scenarios are columns of the file")
    asked = _typed(user, items, time, scenario) if pairs is None else _read(pairs)
    loaded = open_model(model)
    print_frame(with_titles(loaded, loaded.predict(asked, past_only=past_only)), as_json)


def _typed(
    user: str | None, items: str | None, time: int | None, scenario: str | None
) -> pd.DataFrame:
    asked = pd.DataFrame({"user_id": user, "item_id": split_list(items)})
    told = {"timestamp": time, "scenario": scenario}
    return asked.assign(**{name: value for name, value in told.items() if value is not None})


def _read(path: Path) -> pd.DataFrame:
    try:
        return pd.read_csv(path, dtype={"user_id": str, "item_id": str, "scenario": str})
    except (ValueError, OSError) as error:
        raise SourceError(
            f"{path} can't be read as CSV ({error}); give user_id,item_id rows."
        ) from error
