"""Options that several commands share, and the Query and Constraints that they are read into."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kgrec.cli._pseudonyms import stored_ids
from kgrec.presentation import parse_conditions, parse_context, parse_pair, split_list

if TYPE_CHECKING:
    from kgrec import Constraints, Query, Recommender
    from kgrec.arguments import Missing

_STORE = typer.Option(
    "--store",
    "-s",
    envvar="KGREC_STORE",
    help="The graph: a file (catalog.kgl) or an address (neo4j://host:7687).",
    show_default=False,
)
StoreOption = Annotated[str, _STORE]
OptionalStoreOption = Annotated[str | None, _STORE]
ModelOption = Annotated[
    Path,
    typer.Option("--model", "-m", envvar="KGREC_MODEL", help="Folder of a trained model."),
]
OptionalModelOption = Annotated[
    Path | None,
    typer.Option("--model", "-m", envvar="KGREC_MODEL", help="Folder of a trained model."),
]
DbUserOption = Annotated[
    str | None,
    typer.Option(
        envvar="KGREC_NEO4J_USER",
        help="Neo4j user name; the password comes from KGREC_NEO4J_PASSWORD or a prompt.",
    ),
]
DatabaseOption = Annotated[
    str | None, typer.Option(help="Neo4j database; if absent, the server's default.")
]
MappingOption = Annotated[
    Path | None,
    typer.Option(
        "--mapping",
        envvar="KGREC_MAPPING",
        help="A .toml or .json file that maps the labels and types of your own Neo4j graph.",
        exists=True,
        dir_okay=False,
    ),
]
JsonOption = Annotated[
    bool, typer.Option("--json", help="Print only JSON on stdout; progress goes to stderr.")
]
LARGEST = 2**63 - 1  # of an integer in a table
TAB = {"tab": "\t", "\\t": "\t"}  # ways to write a tab on the command line
SeedOption = Annotated[int, typer.Option(help="Seed of every random choice.", min=0, max=LARGEST)]
DeviceOption = Annotated[
    str | None,
    typer.Option(help="cpu, cuda, cuda:1 …; if absent, an accelerator where there is one."),
]
KOption = Annotated[int, typer.Option("-k", "--k", help="Length of the list.", min=1, max=LARGEST)]

UserOption = Annotated[str | None, typer.Option("--user", "-u", help="User id.")]
UsersOption = Annotated[
    str | None, typer.Option("--user", "-u", help="User id, or several: 1,2,3.")
]
HistoryOption = Annotated[
    str | None,
    typer.Option(help="Item ids, oldest first, in place of the stored history: 50,181,172."),
]
ScenarioOption = Annotated[
    str | None,
    typer.Option(
        help="Scenario of the request: a name; auto: the one that is recognised; mixture: all, by "
        "their probabilities."
    ),
]
ContextOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="KEY=VALUE",
        help="What is known of the user and the request: gender=F, hour=21; repeatable.",
    ),
]
CandidatesOption = Annotated[
    str | None, typer.Option(help="Lists are made of these items only: 1,2,3.")
]
AnswersOption = Annotated[
    list[str] | None,
    typer.Option(
        "--answer",
        metavar="ID=ANSWER",
        help="A new user's answer about an item or entity: 588=yes, e12=no, 50=unknown.",
    ),
]
ExcludeOption = Annotated[str | None, typer.Option(help="Items that are in no list: 1,2,3.")]
WhereOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="KEY=VALUE",
        help="Lists are made of items with year=1990..1999, genres=Drama or genres=Drama,War; "
        "genres!=War: all others; genres=: without a value; repeatable.",
    ),
]


class Protocol(StrEnum):
    """How rows are held out for testing."""

    given = "given"
    random = "random"
    time = "time"
    global_time = "global-time"
    leave_last_out = "leave-last-out"


_PATHS = "Which paths may be shown"
_PEOPLE = "Other people"
RelationsOption = Annotated[
    str | None, typer.Option(help="Only these relations: A,B.", rich_help_panel=_PATHS)
]
ViaOption = Annotated[
    str | None, typer.Option(help="Only through all of these nodes: 1,2.", rich_help_panel=_PATHS)
]
AvoidOption = Annotated[
    str | None, typer.Option(help="Through none of these nodes: 1,2.", rich_help_panel=_PATHS)
]
SinceOption = Annotated[
    str | None,
    typer.Option(
        help="Only events from this time on: unix seconds, a day or a time.",
        rich_help_panel=_PATHS,
    ),
]
MaxHopsOption = Annotated[
    int, typer.Option(help="Steps of a path, 1 to 4.", rich_help_panel=_PATHS)
]
ShowPeopleOption = Annotated[
    bool,
    typer.Option(
        "--show-people",
        help="For the operator: show other people by id and name, not as numbers of people.",
        rich_help_panel=_PEOPLE,
    ),
]
FewestPeopleOption = Annotated[
    int | None,
    typer.Option(
        "--fewest-people",
        help="Count other people where they are at least this many (else the model's setting, 5).",
        min=1,
        rich_help_panel=_PEOPLE,
    ),
]
PictureOption = Annotated[Path | None, typer.Option(help="Also save a picture (.png, .svg, .pdf).")]


def open_model(folder: Path, people: bool = False, fewest: int | None = None) -> Recommender:
    """The saved model; with ``people`` it shows other people by id and name, else counts them from
    ``fewest`` on. Raises ModelError where the folder holds none or a damaged one."""
    from kgrec import Recommender, show_people

    model = Recommender.load(folder)
    if not people and fewest is None:
        return model
    return show_people(model, names=people, fewest=fewest)


def read_query(
    users: Sequence[str] | None,
    history: str | None = None,
    scenario: str | None = None,
    context: list[str] | None = None,
    missing: Missing = "error",
) -> Query:
    """The Query of a command's options. A history belongs to the user named, if there is one;
    users are named as the graph has them.

    Raises RequestError for a context that is not KEY=VALUE.
    """
    from kgrec import Query

    items, known = split_list(history), parse_context(context)
    users = stored_ids(users)
    if items is None:
        return Query(users, None, scenario, known, missing=missing)
    name = "history" if users is None else ",".join(users)
    return Query(None, {name: items}, scenario, known, missing=missing)


def read_answers(texts: list[str] | None) -> list[tuple[str, str]] | None:
    """The answers of a command's options, as pairs. Raises RequestError for another form."""
    if not texts:
        return None
    return [parse_pair(text, "--answer", "588=yes") for text in texts]


def read_constraints(
    candidates: str | None = None,
    where: list[str] | None = None,
    exclude: str | None = None,
    *,
    relations: str | None = None,
    via: str | None = None,
    avoid: str | None = None,
    since: str | None = None,
    max_hops: int = 4,
    missing: Missing = "error",
) -> Constraints:
    """The Constraints of a command's options. Raises RequestError for a wrong condition."""
    from kgrec import Constraints

    return Constraints(
        relations=split_list(relations),
        via=split_list(via) or (),
        avoid=split_list(avoid) or (),
        since=since,
        max_hops=max_hops,
        candidates=split_list(candidates),
        where=parse_conditions(where),
        exclude=split_list(exclude),
        missing=missing,
    )


def is_given(context: typer.Context, option: str) -> bool:
    """Whether an option is on the command line, and not in the environment alone."""
    found = context.get_parameter_source(option)
    return found is not None and found.name == "COMMANDLINE"
