"""``kgrec explain``: why an item is recommended, or isn't, and what would change it."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kgrec.cli._app import app
from kgrec.cli._console import show
from kgrec.cli._options import (
    AvoidOption,
    CandidatesOption,
    ContextOption,
    ExcludeOption,
    FewestPeopleOption,
    HistoryOption,
    JsonOption,
    MaxHopsOption,
    ModelOption,
    RelationsOption,
    ScenarioOption,
    ShowPeopleOption,
    SinceOption,
    ViaOption,
    WhereOption,
    open_model,
    read_constraints,
    read_query,
)
from kgrec.cli._output import print_json
from kgrec.cli._progress import say
from kgrec.cli._pseudonyms import PseudonymiseOption

if TYPE_CHECKING:
    from kgrec import Constraints, Query, Recommender

_EXAMPLES = """Example: `kgrec explain --model model --user 1 --item 50 --picture why.png` ·
`kgrec explain -m model -u 1 -i 50 --without` · `kgrec explain -m model -u 1 -i 99 --why-not` ·
`kgrec explain -m model -u 1 -i 50 --compare 99` · `kgrec explain -m model -u 1 -i 99 --with` ·
`kgrec explain -m model -u 1 -i 50 --words reviews --picture words.png`"""
_QUESTIONS = "Other questions"


class WordSource(StrEnum):
    """Whose words."""

    ITEM = "item"
    REVIEWS = "reviews"
    HISTORY = "history"


@app.command(epilog=_EXAMPLES)
def explain(
    model: ModelOption,
    user: Annotated[str, typer.Option("--user", "-u", help="User id.")],
    item: Annotated[str, typer.Option("--item", "-i", help="Item id.")],
    pseudonymise: PseudonymiseOption = None,
    k: Annotated[
        int | None,
        typer.Option(
            "-k",
            "--k",
            min=1,
            help="Number of paths (5); with another question, the length of the list (10).",
        ),
    ] = None,
    history: HistoryOption = None,
    scenario: ScenarioOption = None,
    context: ContextOption = None,
    candidates: CandidatesOption = None,
    where: WhereOption = None,
    exclude: ExcludeOption = None,
    without: Annotated[
        bool,
        typer.Option(
            "--without",
            help="The fewest events without which the item is no longer in the list.",
            rich_help_panel=_QUESTIONS,
        ),
    ] = False,
    with_: Annotated[
        bool,
        typer.Option(
            "--with",
            help="Items that bring it into the list when chosen now.",
            rich_help_panel=_QUESTIONS,
        ),
    ] = False,
    why_not: Annotated[
        bool,
        typer.Option("--why-not", help="Why it is not in the list.", rich_help_panel=_QUESTIONS),
    ] = False,
    compare: Annotated[
        str | None,
        typer.Option(
            help="Another item: why the two have different scores.", rich_help_panel=_QUESTIONS
        ),
    ] = None,
    words: Annotated[
        WordSource | None,
        typer.Option(
            help="Which words of a text moved the score: of the item's own text, of the user's "
            "review of it, or of what the user wrote of others.",
            rich_help_panel=_QUESTIONS,
        ),
    ] = None,
    of: Annotated[
        str | None,
        typer.Option(
            help="With --words: the review's id, or the item that the user wrote about.",
            rich_help_panel=_QUESTIONS,
        ),
    ] = None,
    relations: RelationsOption = None,
    via: ViaOption = None,
    avoid: AvoidOption = None,
    since: SinceOption = None,
    max_hops: MaxHopsOption = 4,
    language: Annotated[str, typer.Option(help="Language of the sentences: en or de.")] = "en",
    picture: Annotated[
        Path | None, typer.Option(help="Also save a picture (.png, .svg, .pdf) or page (.html).")
    ] = None,
    show_people: ShowPeopleOption = False,
    fewest_people: FewestPeopleOption = None,
    as_json: JsonOption = False,
) -> None:
    """Why an item is recommended: the paths in the graph that lead from the user to it.

    `--scenario`, `--context`, `--history`, `--candidates`, `--where` and `--exclude` as for
    `kgrec recommend`: what that list shows is explained. Other people are numbers of people.
    """
    lists = [without, with_, why_not]
    questions = [*lists, compare is not None, words is not None]
    if sum(questions) > 1:
        raise typer.BadParameter("give one of --without, --with, --why-not, --compare and --words")
    if any(questions) and words is None and picture is not None:
        raise typer.BadParameter("--picture goes with the paths or --words, not with the others")
    if of is not None and words is None:
        raise typer.BadParameter("--of goes with --words")
    if (candidates is not None or where or exclude is not None) and not any(lists):
        raise typer.BadParameter(
            "--candidates, --where and --exclude go with --without, --with or --why-not"
        )
    query = read_query([user], history, scenario, context)
    limits = read_constraints(
        candidates,
        where,
        exclude,
        relations=relations,
        via=via,
        avoid=avoid,
        since=since,
        max_hops=max_hops,
    )
    loaded = open_model(model, show_people, fewest_people)
    answer: Any
    if words is not None:
        answer = loaded.words(query, item, source=words.value, of=of)
    elif compare is not None:
        answer = loaded.compare(query, item, compare, writer=language)
    elif any(lists):
        answer = _in_list(loaded, query, item, k or 10, limits, without, with_, language)
    else:
        answer = loaded.explain(query, item, k=k or 5, constraints=limits, writer=language)
    if picture is not None:
        picture.absolute().parent.mkdir(parents=True, exist_ok=True)
        answer.draw(picture)
        say(f"saved {picture}")
    if as_json:
        print_json(answer.to_dict())
    else:
        show(answer)


def _in_list(
    model: Recommender,
    query: Query,
    item: str,
    k: int,
    limits: Constraints,
    without: bool,
    with_: bool,
    language: str,
) -> Any:
    """The answer to a question about the item's place in a list of ``k``."""
    if without or with_:
        return model.counterfactual(query, item, k=k, add=with_, constraints=limits)
    return model.why_not(query, item, k=k, constraints=limits, writer=language)
