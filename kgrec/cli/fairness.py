"""``kgrec fairness``: exposure and quality by group, and the cost of a share of exposure."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from graph_schema.errors import RequestError
from kgrec.cli._app import app
from kgrec.cli._options import KOption, ModelOption, PictureOption, SeedOption, open_model
from kgrec.cli._output import print_json
from kgrec.cli._progress import progress_on_stderr, say
from kgrec.presentation import parse_conditions, split_list


@app.command(
    epilog="Example: `kgrec fairness --model model --by gender --group tail --share 0.05,0.1`",
)
def fairness(
    model: ModelOption,
    by: Annotated[
        str | None,
        typer.Option(help="User attributes to group by, besides history and taste: gender,age."),
    ] = None,
    items: Annotated[
        str | None,
        typer.Option(help="Item attributes to group by, besides popularity: genres,year."),
    ] = None,
    group: Annotated[
        list[str] | None,
        typer.Option(
            help="Items to give more (or less) exposure: head, middle, tail, cold, or a condition "
            "such as genres=Western or year=..1970; repeat it to narrow."
        ),
    ] = None,
    share: Annotated[
        str | None, typer.Option(help="Shares of the exposure to give them: 0.05 or 0.05,0.1,0.2.")
    ] = None,
    k: KOption = 10,
    explained: Annotated[
        int,
        typer.Option(min=0, help="How many users, drawn with the seed, have their list explained."),
    ] = 50,
    seed: SeedOption = 0,
    picture: PictureOption = None,
) -> None:
    """Exposure, quality and explanations by group; the last line on stdout is JSON.

    Quality is measured on the test rows of the graph that the model was trained on. With --group
    and --share the report also has the cost of giving these items that share of all exposure, where
    a place has the exposure 1 / log2(rank + 1).
    """
    loaded = open_model(model)
    with progress_on_stderr() as progress:
        report = loaded.fairness(
            k=k,
            by=split_list(by) or (),
            items=split_list(items) or (),
            group=_group(group),
            shares=_shares(share),
            explained=explained,
            seed=seed,
            progress=progress,
        )
    say(str(report))
    if picture is not None:
        report.draw(picture)
        say(f"saved {picture}")
    print_json(report.to_dict())


def _group(texts: list[str] | None) -> str | dict[str, Any] | None:
    """A name, or conditions on attributes."""
    if texts and len(texts) == 1 and "=" not in texts[0]:
        return texts[0]
    return parse_conditions(texts, "--group")


def _shares(text: str | None) -> list[float]:
    try:
        return [float(part) for part in split_list(text) or []]
    except ValueError:
        raise RequestError(f"--share {text!r} is no list of numbers, such as 0.05,0.1") from None
