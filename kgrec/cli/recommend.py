"""``kgrec recommend``: the best items for users."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kgrec.cli._app import app
from kgrec.cli._options import (
    AnswersOption,
    CandidatesOption,
    ContextOption,
    ExcludeOption,
    HistoryOption,
    JsonOption,
    KOption,
    ModelOption,
    ScenarioOption,
    UsersOption,
    WhereOption,
    open_model,
    read_answers,
    read_constraints,
    read_query,
)
from kgrec.cli._output import print_frame, print_values
from kgrec.cli._progress import progress_on_stderr
from kgrec.cli._pseudonyms import PseudonymiseOption
from kgrec.cli._tables import blocks_of, check_table, read_ids, write_table
from kgrec.presentation import parse_seen, split_list, with_titles
from kgrec.progress import Progress

if TYPE_CHECKING:
    import pandas as pd

    from kgrec import Query, Recommender
    from kgrec.arguments import Missing

_LIST_ID = 16  # digits of a list_id


class Target(StrEnum):
    """What is recommended."""

    items = "items"
    users = "users"


@app.command(
    epilog="Example: `kgrec recommend --model model --user 1 -k 5 --where year=1990..1999`",
)
def recommend(
    model: ModelOption,
    user: UsersOption = None,
    pseudonymise: PseudonymiseOption = None,
    history: HistoryOption = None,
    answer: AnswersOption = None,
    all_users: Annotated[
        bool, typer.Option("--all-users", help="Lists for all users of the graph.")
    ] = False,
    users: Annotated[
        Path | None,
        typer.Option(
            help="Lists for the users in a file: an id a line, or a .csv or .parquet file with a "
            "column user_id.",
            exists=True,
            dir_okay=False,
        ),
    ] = None,
    target: Annotated[
        Target, typer.Option(help="What is recommended: items, or users to follow.")
    ] = Target.items,
    k: KOption = 10,
    scenario: ScenarioOption = None,
    context: ContextOption = None,
    candidates: CandidatesOption = None,
    where: WhereOption = None,
    exclude: ExcludeOption = None,
    include_seen: Annotated[
        bool, typer.Option("--include-seen", help="Also items of the user's history.")
    ] = False,
    exclude_seen: Annotated[
        list[str] | None,
        typer.Option(
            "--exclude-seen",
            metavar="KIND=WHEN",
            help="Leave out items of the history by kind of event: buy=yes, click=no, view=30d "
            "(for so long); *=no for all other kinds; repeatable.",
        ),
    ] = None,
    explore: Annotated[
        float | None,
        typer.Option(
            help="Share of the places, 0 to 0.5, that show another item, drawn at random; adds "
            "probability and list_id."
        ),
    ] = None,
    seed: Annotated[
        str | None,
        typer.Option(help="Seed of --explore, or a list_id to draw the same places again."),
    ] = None,
    ignore_missing: Annotated[
        bool,
        typer.Option("--ignore-missing", help="Leave out users and items that are not there."),
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="A .parquet, .csv or .jsonl file to write the lists to."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """The best items for users, for a history given here, or for a new user's answers.

    With `--out` the lists of many users are computed and written in blocks: the file is complete,
    or it is not there.
    """
    said = read_answers(answer)
    one_of = (user is not None, history is not None, said is not None, all_users, users is not None)
    if sum(one_of) != 1:
        raise typer.BadParameter("give one of --user, --history, --answer, --all-users and --users")
    if include_seen and exclude_seen:
        raise typer.BadParameter("give one of --include-seen and --exclude-seen")
    users_wanted = target is Target.users
    if exclude_seen and (said is not None or users_wanted):
        raise typer.BadParameter("--exclude-seen does not go with --answer and --target users")
    if said is not None and (scenario is not None or context or out is not None or users_wanted):
        raise typer.BadParameter(
            "--scenario, --context, --target users and --out do not go with --answer"
        )
    if out is not None:
        check_table(out)
    missing: Missing = "ignore" if ignore_missing else "error"
    limits = read_constraints(candidates, where, exclude, missing=missing)
    named = split_list(user) if users is None else read_ids(users)
    query = read_query(named, history, scenario, context, missing)
    loaded = open_model(model)
    if said is not None:
        unseen = not include_seen
        frame = loaded.recommend(k=k, answers=said, exclude_seen=unseen, constraints=limits)
        print_frame(with_titles(loaded.snapshot, frame), as_json)
        return
    if all_users:
        query = replace(query, users=loaded.snapshot.users.ids.tolist())
    seen = parse_seen(exclude_seen) if exclude_seen else not include_seen
    lists = _Lists(
        loaded,
        query,
        {
            "k": k,
            "constraints": limits,
            "exclude_seen": seen,
            "explore": explore,
            "seed": _seed(seed, explore),
            "target": target.value,
        },
    )
    if out is None:
        print_frame(lists.frame(query), as_json)
        return
    with progress_on_stderr() as progress:
        rows = write_table(lists.blocks(progress), out)
    print_values({"out": str(out), "users": lists.users, "rows": rows}, as_json)


def _seed(text: str | None, explore: float | None) -> int | str | None:
    """A number as one, a list id as text; with --explore alone one seed for all blocks of users."""
    from kgrec.arguments import check_seed

    if text is None:
        return None if explore is None else check_seed(None)
    return int(text) if text.isascii() and text.isdigit() and len(text) < _LIST_ID else text


class _Lists:
    """The lists of a query's users, at once or block after block."""

    def __init__(self, model: Recommender, query: Query, options: dict[str, Any]) -> None:
        self._model, self._query, self._options = model, query, options
        self.users = 1 if query.users is None else len(query.users)

    def frame(self, query: Query) -> pd.DataFrame:
        """The lists, with the titles of items."""
        frame = self._model.recommend(query, **self._options)
        if self._options["target"] == Target.users.value:
            return frame
        return with_titles(self._model.snapshot, frame)

    def blocks(self, progress: Progress) -> Iterator[pd.DataFrame]:
        """The lists of some users after another."""
        if self._query.users is None:
            yield self.frame(self._query)
            return
        done = 0
        for ids in blocks_of(self._query.users):
            yield self.frame(replace(self._query, users=ids))
            done += len(ids)
            progress("recommending", done, self.users)
