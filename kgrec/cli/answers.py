"""``kgrec recommend`` and ``similar``: questions to a trained model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import pandas as pd
import typer

from kgrec.cli.app import app
from kgrec.cli.options import (
    JsonOption,
    KOption,
    ModelOption,
    parse_conditions,
    split_list,
)
from kgrec.cli.output import print_frame

if TYPE_CHECKING:
    from kgrec import Recommender

UserOption = Annotated[str | None, typer.Option("--user", "-u", help="User id.")]
ScenarioOption = Annotated[str | None, typer.Option(help="Scenario of the request.")]
WhereOption = Annotated[
    list[str] | None,
    typer.Option(
        help="Only items with year=1990..1999, genres=Drama or genres=Drama,War; repeatable."
    ),
]


def open_model(folder: Path) -> Recommender:
    """The saved model. Raises ModelError where the folder holds none or a damaged one."""
    from kgrec import Recommender

    return Recommender.load(folder)


def with_titles(model: Recommender, frame: pd.DataFrame, column: str = "item_id") -> pd.DataFrame:
    """The frame with the items' titles beside ``column``, where the catalog has titles."""
    items = model.snapshot.items
    if "title" not in items.attributes.columns:
        return frame
    titles = pd.Series(items.attributes["title"].to_numpy(), index=items.ids)
    shown = frame.copy()
    place = list(shown.columns).index(column) + 1
    shown.insert(place, "title", titles.reindex(frame[column]).tolist())
    return shown


@app.command(
    epilog="Example: `kgrec recommend --model model --user 1 -k 5 --where year=1990..1999`",
)
def recommend(
    model: ModelOption,
    user: Annotated[
        str | None, typer.Option("--user", "-u", help="User id, or several: 1,2,3.")
    ] = None,
    history: Annotated[
        str | None,
        typer.Option(help="Items of someone the model doesn't know, oldest first: 50,181,172."),
    ] = None,
    k: KOption = 10,
    scenario: ScenarioOption = None,
    candidates: Annotated[str | None, typer.Option(help="Rank only these items: 1,2,3.")] = None,
    where: WhereOption = None,
    include_seen: Annotated[
        bool, typer.Option("--include-seen", help="Also items the user already has.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """The best items for users, or for a history typed in just now."""
    if (user is None) == (history is None):
        raise typer.BadParameter("give either --user or --history")
    items = split_list(history)
    loaded = open_model(model)
    frame = loaded.recommend(
        users=split_list(user),
        histories=None if items is None else {"history": items},
        k=k,
        scenario=scenario,
        candidates=split_list(candidates),
        exclude_seen=not include_seen,
        where=parse_conditions(where),
    )
    print_frame(with_titles(loaded, frame), as_json)


@app.command(epilog="Example: `kgrec similar --model model --item 50 -k 5`")
def similar(
    model: ModelOption,
    item: Annotated[str, typer.Option("--item", "-i", help="Item id, or several: 1,2,3.")],
    k: KOption = 10,
    as_json: JsonOption = False,
) -> None:
    """The items most like given ones."""
    loaded = open_model(model)
    frame = loaded.similar(split_list(item) or [], k)
    print_frame(with_titles(loaded, frame, "similar_id"), as_json)
