"""``kgrec page``: a user's recommendations, their reasons and the graph, as one HTML page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kgrec.cli._app import app
from kgrec.cli._console import show
from kgrec.cli._options import (
    ContextOption,
    FewestPeopleOption,
    HistoryOption,
    JsonOption,
    ModelOption,
    ScenarioOption,
    open_model,
    read_query,
)
from kgrec.cli._output import print_json
from kgrec.cli._pseudonyms import PseudonymiseOption


@app.command(epilog="Example: `kgrec page --model model --user 1 --html page.html`")
def page(
    model: ModelOption,
    user: Annotated[str, typer.Option("--user", "-u", help="User id.")],
    html: Annotated[Path, typer.Option(help="The file to save (.html).")] = Path("page.html"),
    pseudonymise: PseudonymiseOption = None,
    k: Annotated[int, typer.Option("-k", "--k", help="Length of the list.", min=1)] = 10,
    paths: Annotated[
        int, typer.Option(help="Reasons for each item, before those of facts alone.", min=1)
    ] = 3,
    title: Annotated[str | None, typer.Option(help="The heading.")] = None,
    foot: Annotated[str, typer.Option(help="The last line, such as where the data is from.")] = "",
    history: HistoryOption = None,
    scenario: ScenarioOption = None,
    context: ContextOption = None,
    fewest_people: FewestPeopleOption = None,
    as_json: JsonOption = False,
) -> None:
    """One HTML page about a user: the list, the reasons in words, and the graph to click through.

    It needs no network. It names no user: others are counts, as in "52 people".
    """
    if html.suffix.lower() not in (".html", ".htm"):
        raise typer.BadParameter(f"--html {html.name}: end its name in .html")
    query = read_query([user], history, scenario, context)
    html.absolute().parent.mkdir(parents=True, exist_ok=True)
    opened = open_model(model, fewest=fewest_people)
    saved = opened.page(query, html, k=k, paths=paths, title=title, foot=foot)
    if as_json:
        print_json({"page": str(saved)})
    else:
        show(saved)
