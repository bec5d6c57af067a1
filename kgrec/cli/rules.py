"""``kgrec rules``: the rules of a model: check, set and explain them, decide, and their log."""

from __future__ import annotations

import time
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kgrec.cli._app import app
from kgrec.cli._console import show
from kgrec.cli._options import (
    ContextOption,
    HistoryOption,
    JsonOption,
    KOption,
    ModelOption,
    OptionalStoreOption,
    ScenarioOption,
    UsersOption,
    open_model,
    read_query,
)
from kgrec.cli._output import print_frame, print_values
from kgrec.cli._progress import say
from kgrec.cli._pseudonyms import PseudonymiseOption
from kgrec.presentation import split_list, with_titles

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from kgrec import Query, Rules
    from kgrec.rules import BoundRules, RuleFolder


class Action(StrEnum):
    """What ``kgrec rules`` does."""

    check = "check"
    set = "set"
    explain = "explain"
    review = "review"
    decide = "decide"
    log = "log"


_DECIDING = "To decide"


@app.command(
    epilog="Example: `kgrec rules set --model model --file rules.toml --author Ada`, then "
    "`kgrec rules explain --model model --user 1`",
)
def rules(
    action: Annotated[
        Action,
        typer.Argument(
            help="check: read the rules and find conflicts. set: put a file in the place of the "
            "model's rules. explain: what they do to users' lists. review: what waits for a "
            "decision. decide: approve or reject an item. log: who changed what."
        ),
    ],
    model: ModelOption,
    file: Annotated[
        Path | None,
        typer.Option(
            help="A .toml file of rules; if absent, those of the model.",
            exists=True,
            dir_okay=False,
        ),
    ] = None,
    was: Annotated[
        Path | None,
        typer.Option(
            help="set: the model's rules as you read them; if they are others by now, nothing is "
            "written.",
            exists=True,
            dir_okay=False,
        ),
    ] = None,
    store: OptionalStoreOption = None,
    user: UsersOption = None,
    pseudonymise: PseudonymiseOption = None,
    history: HistoryOption = None,
    all_users: Annotated[
        bool, typer.Option("--all-users", help="review: the lists of all users of the graph.")
    ] = False,
    k: KOption = 10,
    scenario: ScenarioOption = None,
    context: ContextOption = None,
    rule: Annotated[
        str | None, typer.Option(help="Name of the hold.", rich_help_panel=_DECIDING)
    ] = None,
    item: Annotated[str | None, typer.Option(help="Item id.", rich_help_panel=_DECIDING)] = None,
    approve: Annotated[
        bool | None,
        typer.Option(
            "--approve/--reject", help="Into lists again, or never.", rich_help_panel=_DECIDING
        ),
    ] = None,
    author: Annotated[str | None, typer.Option(help="Who sets or decides.")] = None,
    reason: Annotated[str, typer.Option(help="Why.")] = "",
    at: Annotated[
        int | None,
        typer.Option(help="log: print the rules as they were after this entry.", min=1),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """The rules that a model's lists obey: which items are pinned, kept out, limited or boosted.

    They are in `rules.toml` in the model's folder; decisions about held items are new rules there,
    and `rules-log.jsonl` has who made them and when.
    """
    from kgrec.rules import RuleFolder

    folder = RuleFolder(model)
    if action is Action.check:
        _check(model, folder, file, store, as_json)
    elif action is Action.set:
        _set(model, folder, file, store, author, reason, as_json, was)
    elif action is Action.explain:
        if (user is None) == (history is None):
            raise typer.BadParameter("give either --user or --history")
        query = read_query(split_list(user), history, scenario, context)
        loaded = open_model(model)
        print_frame(with_titles(loaded.snapshot, loaded.rule_effects(query, k)), as_json)
    elif action is Action.review:
        query = read_query(split_list(user), history, scenario, context)
        print_frame(_review(model, folder, query, k, all_users=all_users), as_json)
    elif action is Action.decide:
        if rule is None or item is None or approve is None or author is None:
            raise typer.BadParameter("give --rule, --item, --approve or --reject, and --author")
        added, log = folder.decide(rule, item, approve=approve, author=author, why=reason)
        print_values({"rule": added.name, "effect": added.effect, "hash": log.last}, as_json)
    else:
        _log(folder, at, as_json)


def _read(file: Path | None, folder: RuleFolder, store: str | None) -> Rules:
    from kgrec.cli._stores import open_store
    from kgrec.rules import Rules

    found = folder.rules if file is None else Rules.read(file)
    if store is None:
        return found
    with open_store(store) as graph:
        return found.read_from(graph)


def _check(
    model: Path, folder: RuleFolder, file: Path | None, store: str | None, as_json: bool
) -> None:
    """Print each rule with how many items and users it is about."""
    import pandas as pd

    found, loaded = _read(file, folder, store), open_model(model)
    loaded.rules = found
    bound = loaded.state.bound_rules
    now, rows = time.time(), []
    for number, one in enumerate(() if bound is None else found):
        assert bound is not None
        rows.append(
            {
                "rule": one.name,
                "effect": one.effect,
                "items": int(_about(bound, number).sum()),
                "users": int(bound.members[bound.code, number].sum()),
                "scenario": ", ".join(one.scenario),
                "valid": one.starts <= now <= one.ends,
                "author": one.author,
                "reason": one.reason,
            }
        )
        if not _about(bound, number).any():
            say(f"{one} is about no {'user' if one.about_users else 'item'} of the graph")
    print_frame(pd.DataFrame(rows), as_json)


def _about(bound: BoundRules, number: int) -> np.ndarray:
    """The items, or users, that a rule is about."""
    people = bound.people[number]
    return bound.items[number] if people is None else people


def _set(
    model: Path,
    folder: RuleFolder,
    file: Path | None,
    store: str | None,
    author: str | None,
    reason: str,
    as_json: bool,
    was: Path | None,
) -> None:
    from kgrec.rules import Rules

    if file is None or author is None:
        raise typer.BadParameter("give --file and --author")
    found, loaded = _read(file, folder, store), open_model(model)
    loaded.rules = found
    before = None if was is None else Rules.read(was)
    log = folder.set(found, author, reason, was=before)
    print_values({"rules": len(found), "entry": len(log.entries), "hash": log.last}, as_json)


def _review(
    model: Path, folder: RuleFolder, query: Query, k: int, *, all_users: bool
) -> pd.DataFrame:
    """What waits, after what the lists of the users add."""
    from dataclasses import replace

    if not all_users and query.users is None and query.histories is None:
        return folder.held()
    loaded = open_model(model)
    if all_users:
        query = replace(query, users=loaded.snapshot.users.ids.tolist())
    return folder.add_held(loaded.held(query, k))


def _log(folder: RuleFolder, at: int | None, as_json: bool) -> None:
    """Print the entries, or the rules after one; both only where nothing was changed."""
    import pandas as pd

    log, present = folder.log, folder.rules
    if at is not None:
        text = log.rules(at).to_toml()
        print_values({"rules": text}, as_json) if as_json else show(text)
        return
    rows: list[dict[str, Any]] = [
        {
            "entry": one.number,
            "time": one.time,
            "action": one.action,
            "author": one.author,
            "reason": one.reason,
            "rules": ", ".join(rule.name for rule in one.rules),
            "hash": one.hash,
        }
        for one in log.entries
    ]
    if log.rules() != present:
        say(
            "rules.toml is not what the log leads to: it was changed by hand, or entries were "
            "removed from the end; record it with kgrec rules set."
        )
    print_frame(pd.DataFrame(rows), as_json)
