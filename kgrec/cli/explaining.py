"""``kgrec explain``: why an item is recommended, or isn't, and what would change it."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kgrec.cli.answers import ScenarioOption, open_model
from kgrec.cli.app import app
from kgrec.cli.options import JsonOption, ModelOption, split_list
from kgrec.cli.output import print_json
from kgrec.cli.progress import say

if TYPE_CHECKING:
    from kgrec import Recommender

_EXAMPLES = """Example: `kgrec explain --model model --user 1 --item 50 --picture why.png` ·
`kgrec explain -m model -u 1 -i 50 --without` · `kgrec explain -m model -u 1 -i 99 --why-not` ·
`kgrec explain -m model -u 1 -i 50 --compare 99` · `kgrec explain -m model -u 1 -i 99 --with` ·
`kgrec explain -m model -u 1 -i 50 --words reviews --picture words.png`"""
_LIMITS = "What may be shown"
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
    k: Annotated[
        int | None,
        typer.Option(
            "-k",
            "--k",
            min=1,
            help="How many paths (5); for another question how long the list is (10).",
        ),
    ] = None,
    history: Annotated[
        str | None,
        typer.Option(help="Items in place of what the graph has of the user: 50,181,172."),
    ] = None,
    scenario: ScenarioOption = None,
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
            help="Another item, to tell why the two score differently.",
            rich_help_panel=_QUESTIONS,
        ),
    ] = None,
    words: Annotated[
        WordSource | None,
        typer.Option(
            help="Which words of a text moved the score: of the item's own text, of a review of "
            "it, or of what the user wrote.",
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
    relations: Annotated[
        str | None,
        typer.Option(help="Only relations among these: A,B.", rich_help_panel=_LIMITS),
    ] = None,
    via: Annotated[
        str | None, typer.Option(help="Only through these nodes.", rich_help_panel=_LIMITS)
    ] = None,
    avoid: Annotated[
        str | None, typer.Option(help="Never through these nodes.", rich_help_panel=_LIMITS)
    ] = None,
    since: Annotated[
        int | None,
        typer.Option(help="Only events from this unix time on.", rich_help_panel=_LIMITS),
    ] = None,
    max_hops: Annotated[
        int, typer.Option(help="Steps of a path, 1 to 4.", rich_help_panel=_LIMITS)
    ] = 4,
    language: Annotated[str, typer.Option(help="Language of the sentences: en or de.")] = "en",
    picture: Annotated[
        Path | None, typer.Option(help="Also save a picture (.png, .svg, .pdf) or page (.html).")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Why an item is recommended: the paths in the graph that lead from the user to it."""
    asked = [without, with_, why_not, compare is not None, words is not None]
    if sum(asked) > 1:
        raise typer.BadParameter("give one of --without, --with, --why-not, --compare and --words")
    if any(asked) and words is None and picture is not None:
        raise typer.BadParameter("--picture goes with the paths or --words, not with the others")
    if of is not None and words is None:
        raise typer.BadParameter("--of goes with --words")
    loaded = open_model(model)
    shared: dict[str, Any] = {"history": split_list(history), "scenario": scenario}
    answer: Any
    if words is not None:
        answer = loaded.words(user, item, source=words.value, of=of, **shared)
    elif any(asked):
        answer = _other(loaded, user, item, k or 10, shared, without, with_, compare, language)
    else:
        answer = loaded.explain(
            user,
            item,
            k=k or 5,
            relations=split_list(relations),
            via=split_list(via) or (),
            avoid=split_list(avoid) or (),
            since=since,
            max_hops=max_hops,
            writer=language,
            **shared,
        )
    if picture is not None:
        picture.absolute().parent.mkdir(parents=True, exist_ok=True)
        answer.draw(picture)
        say(f"saved {picture}")
    if as_json:
        print_json(answer.to_dict())
    else:
        print(answer)


def _other(
    model: Recommender,
    user: str,
    item: str,
    k: int,
    shared: dict[str, Any],
    without: bool,
    with_: bool,
    compare: str | None,
    language: str,
) -> Any:
    """The answer to the question that is not for paths."""
    if without or with_:
        return model.counterfactual(user, item, k=k, add=with_, **shared)
    if compare is not None:
        return model.compare(user, item, compare, writer=language, **shared)
    return model.why_not(user, item, k=k, writer=language, **shared)
