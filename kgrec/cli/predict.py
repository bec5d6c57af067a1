"""``kgrec predict``: whether a user will like items, and how the user will rate them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kgrec.cli._app import app
from kgrec.cli._options import JsonOption, ModelOption, UserOption, open_model
from kgrec.cli._output import print_frame
from kgrec.cli._pairs import read_pairs
from kgrec.cli._pseudonyms import PseudonymiseOption, with_stored_ids
from kgrec.presentation import split_list, with_titles

if TYPE_CHECKING:
    import pandas as pd


@app.command(epilog="Example: `kgrec predict --model model --user 1 --items 50,181`")
def predict(
    model: ModelOption,
    user: UserOption = None,
    pseudonymise: PseudonymiseOption = None,
    items: Annotated[str | None, typer.Option("--items", "-i", help="Item ids: 50,181.")] = None,
    pairs: Annotated[
        Path | None,
        typer.Option(
            help="A .csv file: user_id, item_id and, if known, timestamp (unix seconds) and "
            "scenario.",
            exists=True,
            dir_okay=False,
        ),
    ] = None,
    time: Annotated[
        int | None, typer.Option(help="Unix seconds; without it no rating counts as near in time.")
    ] = None,
    scenario: Annotated[str | None, typer.Option(help="Scenario of the pairs.")] = None,
    past_only: Annotated[
        bool, typer.Option("--past-only", help="Read only ratings before that time.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """The probability of a like and the rating, for a user and items or for the pairs of a file.

    The model must have been trained with ratings: settings with `[ratings]` and `enabled = true`.
    """
    both = user is not None and items is not None
    if both == (pairs is not None) or (user is None) != (items is None):
        raise typer.BadParameter("give either --user and --items, or --pairs")
    if pairs is not None and (time is not None or scenario is not None):
        raise typer.BadParameter("with --pairs, times and scenarios are columns of the file")
    wanted = _pairs_of(user, items, time, scenario) if pairs is None else read_pairs(pairs)
    loaded = open_model(model)
    print_frame(with_titles(loaded.snapshot, loaded.predict(wanted, past_only=past_only)), as_json)


def _pairs_of(
    user: str | None, items: str | None, time: int | None, scenario: str | None
) -> pd.DataFrame:
    import pandas as pd

    pairs = with_stored_ids(pd.DataFrame({"user_id": user, "item_id": split_list(items)}))
    known = {"timestamp": time, "scenario": scenario}
    return pairs.assign(**{name: value for name, value in known.items() if value is not None})
