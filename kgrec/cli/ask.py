"""``kgrec ask``: questions to a new user, the list from the answers, and what to label."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from kgrec.cli._app import app
from kgrec.cli._options import (
    AnswersOption,
    CandidatesOption,
    ExcludeOption,
    JsonOption,
    KOption,
    OptionalModelOption,
    OptionalStoreOption,
    WhereOption,
    is_given,
    open_model,
    read_answers,
    read_constraints,
)
from kgrec.cli._output import print_frame
from kgrec.cli._stores import open_store

if TYPE_CHECKING:
    from kgrec import Questions, Recommender


class Subject(StrEnum):
    """What questions are about."""

    items = "items"
    entities = "entities"
    both = "both"


class Kind(StrEnum):
    """Of what more interactions would tell most."""

    users = "users"
    items = "items"
    scenarios = "scenarios"


@app.command(
    epilog="Example: `kgrec ask --model model --answer 588=yes --answer e12=no --about both`"
)
def ask(
    context: typer.Context,
    model: OptionalModelOption = None,
    store: OptionalStoreOption = None,
    answer: AnswersOption = None,
    k: KOption = 1,
    about: Annotated[Subject, typer.Option(help="What questions are about.")] = Subject.items,
    candidates: CandidatesOption = None,
    where: WhereOption = None,
    exclude: ExcludeOption = None,
    unsure: Annotated[
        Kind | None,
        typer.Option(help="In place of questions: what to collect more interactions of."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """The questions to a new user whose answers tell most, after those given here.

    With `--store` in place of `--model` no model is needed, nor any interaction.
    `--candidates`, `--where` and `--exclude` limit the items that are asked about. The list from
    the answers: `kgrec recommend --answer 588=yes`.
    """
    limits = read_constraints(candidates, where, exclude)
    said = read_answers(answer)
    if unsure is not None and said is not None:
        raise typer.BadParameter("--unsure reads no --answer")
    if model is None and store is None:
        raise typer.BadParameter("give --model or --store")
    named = is_given(context, "model"), is_given(context, "store")
    if all(named):
        raise typer.BadParameter("give one of --model and --store")
    asked: Recommender | Questions
    if store is not None and (model is None or named[1]):
        asked = _of_store(store)
    else:
        assert model is not None
        asked = open_model(model)
    if unsure is not None:
        print_frame(asked.unsure(unsure.value, k), as_json)
        return
    print_frame(asked.ask(k, said, about=about.value, constraints=limits), as_json)


def _of_store(address: str) -> Questions:
    """The new users of a store's graph. Raises StoreError."""
    from kgrec import Questions

    with open_store(address) as store:
        return Questions.of(store)
