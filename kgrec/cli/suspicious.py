"""``kgrec suspicious``: items that fake users may have pushed, and a hold for them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kgrec.cli._app import app
from kgrec.cli._options import JsonOption, KOption, ModelOption, open_model
from kgrec.cli._output import print_frame
from kgrec.cli._progress import say
from kgrec.presentation import with_titles

if TYPE_CHECKING:
    import pandas as pd


@app.command(
    epilog="Example: `kgrec suspicious --model model`, then "
    "`kgrec suspicious --model model --hold --author Ada`",
)
def suspicious(
    model: ModelOption,
    k: KOption = 10,
    newest: Annotated[
        float,
        typer.Option(help="Share of the users who joined lately; 1: all users count."),
    ] = 0.1,
    threshold: Annotated[
        float, typer.Option(help="Statistic from which an item is suspicious.")
    ] = 5.0,
    hold: Annotated[
        bool,
        typer.Option("--hold", help="Add a rule to the model that holds the suspicious items."),
    ] = False,
    author: Annotated[str | None, typer.Option(help="Who holds them.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Items whose users joined lately and are odd under the model, the most suspicious first.

    Nothing is deleted. With `--hold` the suspicious items are in no list until somebody decides:
    `kgrec rules decide --model M --rule "suspicious items" --item ID --approve --author A`.
    """
    from kgrec.poisoning import suspicious_items

    if hold and author is None:
        raise typer.BadParameter("give --author, who holds the items")
    loaded = open_model(model)
    report = suspicious_items(loaded.state, newest=newest, threshold=threshold)
    if hold and author is not None:
        _hold(model, report, author)
    print_frame(with_titles(loaded.snapshot, report.head(k)), as_json)


def _hold(model: Path, report: pd.DataFrame, author: str) -> None:
    """Add the hold to the rules in the model's folder."""
    from kgrec.poisoning import held_with
    from kgrec.rules import RuleFolder

    log = RuleFolder(model).change(
        lambda rules: held_with(rules, report, author), author, "suspicious items held"
    )
    if log is None:
        say("no suspicious item that is not held or decided about already")
    else:
        say(f"held: {', '.join(log.entries[-1].rules[-1].items or ())}")
