"""``kgrec models``: the models of a service, and which one answers."""

from __future__ import annotations

import datetime as dt
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from graph_schema.output.printable import printable_line
from kgrec.cli._app import command_group
from kgrec.cli._console import show
from kgrec.cli._options import JsonOption, SeedOption
from kgrec.cli._output import print_json, print_values
from kgrec.cli.serve import open_root

if TYPE_CHECKING:
    from kgrec.serving.registry import Activation, Root

models = command_group("models", "The models of a service, and which one answers.")
RootOption = Annotated[
    Path, typer.Option("--root", envvar="KGREC_ROOT", help="Folder of the service.")
]
ReasonOption = Annotated[str, typer.Option(help="Why, for the history.")]
_WHO = "kgrec models"


@models.command(
    epilog="Examples: `kgrec models add winter models/winter --root service` · "
    "`kgrec models add winter models:/shop@champion --mlflow http://localhost:5000 --root service`"
)
def add(
    name: Annotated[str, typer.Argument(help="Name of the model.")],
    folder: Annotated[
        str,
        typer.Argument(help="Folder of a trained model; with --mlflow models:/NAME@ALIAS."),
    ],
    root: RootOption,
    note: Annotated[str, typer.Option(help="What it is.")] = "",
    mlflow: Annotated[
        str | None, typer.Option(help="Folder or address of the MLflow registry that has it.")
    ] = None,
) -> None:
    """Register a model; it answers once it is activated.

    What it read in a store that the service writes does not count again."""
    from kgrec.persistence.model_folder import read_manifest
    from kgrec.serving.store_sync.graph_events import graph_has_until

    if mlflow is not None:
        _fetch(open_root(None, root), name, folder, mlflow, note or folder)
        return
    place = Path(folder)
    if "\0" in folder or not place.is_dir():
        raise typer.BadParameter(f"{printable_line(folder[:200])} is no folder")
    read_manifest(place)
    opened = open_root(None, root)
    opened.add(name, place, note, graph_has_until(opened, place))


def _fetch(root: Root, name: str, reference: str, mlflow: str, note: str) -> None:
    """Copy a model of MLflow's registry into the service's folder, and register it."""
    from kgrec.errors import RequestError
    from kgrec.persistence.model_folder import read_manifest
    from kgrec.serving.registry import check_name
    from kgrec.serving.store_sync.graph_events import graph_has_until
    from kgrec.tracking.mlflow_runs import fetch_model

    place = root.new_folder(check_name(name))
    if place.exists():
        raise RequestError(f"another model is called {name!r}; choose another name.")
    try:
        fetch_model(reference, mlflow, place)
        read_manifest(place)
        root.add(name, place, note, graph_has_until(root, place))
    except BaseException:
        shutil.rmtree(place, ignore_errors=True)
        raise


@models.command(epilog="Example: `kgrec models diff summer autumn --root service`")
def diff(
    first: Annotated[str, typer.Argument(help="Folder of a model, or its name in the registry.")],
    second: Annotated[str, typer.Argument(help="Another one.")],
    root: Annotated[
        Path | None,
        typer.Option("--root", envvar="KGREC_ROOT", help="Folder of the service, for names."),
    ] = None,
    users: Annotated[int, typer.Option(help="Users whose lists are compared.")] = 200,
    k: Annotated[int, typer.Option("-k", help="Length of the lists.")] = 10,
    seed: SeedOption = 0,
    as_json: JsonOption = False,
) -> None:
    """What differs between two models: settings, data, validation, weights, and their lists."""
    from kgrec import Recommender
    from kgrec.tracking import compare_models

    folders = [_folder_of(one, root) for one in (first, second)]
    one, other = (Recommender.load(folder) for folder in folders)
    found = compare_models(one, other, (first, second), users=users, k=k, seed=seed)
    if as_json:
        print_json(found.to_dict())
        return
    for line in str(found).splitlines():
        show(printable_line(line))


def _folder_of(name: str, root: Path | None) -> Path:
    """The folder of a model of the registry, else the folder that is named."""
    if root is not None:
        opened = open_root(None, root)
        entry = opened.read().models.get(name)
        if entry is not None:
            return opened.folder_of(entry)
    return Path(name)


@models.command("list", epilog="Example: `kgrec models list --root service`")
def list_(root: RootOption, as_json: JsonOption = False) -> None:
    """All models, the one that answers with a mark."""
    opened = open_root(None, root)
    registry = opened.read()
    people = {name: opened.erased(entry) for name, entry in registry.models.items()}
    if as_json:
        rows = [
            {
                "name": e.name,
                "folder": e.folder,
                "note": e.note,
                "active": e.name == registry.active,
                "erased": people[e.name],
            }
            for e in registry.models.values()
        ]
        print_json(rows)
        return
    for entry in registry.models.values():
        mark = "*" if entry.name == registry.active else " "
        count = people[entry.name]
        learned = f"  (trained with {count:,} people since erased)" if count else ""
        show(f"{mark} {entry.name}  {printable_line(entry.note or entry.folder)}{learned}")


@models.command(epilog="Example: `kgrec models activate winter --root service`")
def activate(
    name: Annotated[str, typer.Argument(help="Name of the model.")],
    root: RootOption,
    reason: ReasonOption = "",
    as_json: JsonOption = False,
) -> None:
    """Let a model answer: a service that runs loads it within seconds, and no request waits."""
    _print(open_root(None, root).activate(name, _WHO, reason), as_json)


@models.command(epilog="Example: `kgrec models rollback --root service`")
def rollback(root: RootOption, reason: ReasonOption = "", as_json: JsonOption = False) -> None:
    """Let the model answer that did so before."""
    from kgrec.errors import RequestError

    opened = open_root(None, root)
    before = opened.read().previous
    if before is None:
        raise RequestError("no model answered before this one; activate one by its name.")
    _print(opened.activate(before, _WHO, reason or "rolled back"), as_json)


@models.command(epilog="Example: `kgrec models history --root service`")
def history(root: RootOption, as_json: JsonOption = False) -> None:
    """Who changed the model that answers, when and why; the latest first."""
    changes = open_root(None, root).read().history[::-1]
    if as_json:
        print_json([vars(change) for change in changes])
        return
    for change in changes:
        when = dt.datetime.fromtimestamp(change.when, dt.UTC).isoformat(" ", "seconds")
        why = printable_line(change.reason)
        show(f"{when}  {change.before or '-'} -> {change.name}  {change.who}: {why}")


@models.command(
    "train-next", epilog="Example: `nice kgrec models train-next --root service --effort quick`"
)
def train_next_(
    root: RootOption,
    effort: Annotated[
        Literal["quick", "normal", "thorough"] | None,
        typer.Option(help="By default as the model that answers was trained."),
    ] = None,
    seed: SeedOption = 0,
    share: Annotated[
        float, typer.Option(help="Share of the new events, the newest, to compare on.")
    ] = 0.2,
    users: Annotated[
        int, typer.Option(help="Fewest users in a comparison, overall and of a scenario.")
    ] = 100,
    margin: Annotated[
        float, typer.Option(help="Share of NDCG@10 that the new model may lose overall.")
    ] = 0.01,
    keep: Annotated[
        bool, typer.Option("--keep", help="Activate nothing, whatever the comparison says.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Train a new model on what the service was sent, and activate it where it does not lose to
    the one that answers, on the newest events, which are held out of both."""
    from kgrec.errors import RequestError
    from kgrec.serving.experiments.experiment import Experiments
    from kgrec.serving.retraining.settings import GateRule, TrainSettings
    from kgrec.serving.retraining.train_next import train_and_activate

    opened = open_root(None, root)
    if Experiments(opened).running("ab") is not None and not keep:
        raise RequestError("an A/B experiment runs, and a new model would end it; stop it first.")
    settings = TrainSettings(effort, seed, share, GateRule(users, margin))
    done = train_and_activate(opened, settings, None if keep else _WHO)
    print_values({"model": done.name or None, "reason": done.reason}, as_json)


@models.command(epilog="Example: `kgrec models trainings --root service`")
def trainings(root: RootOption, as_json: JsonOption = False) -> None:
    """The latest trainings of a next model, and how each compared; the latest first."""
    found = open_root(None, root).read().trainings[::-1]
    if as_json:
        print_json([vars(one) for one in found])
        return
    for one in found:
        when = dt.datetime.fromtimestamp(one.when, dt.UTC).isoformat(" ", "seconds")
        show(printable_line(f"{when}  {one.live} -> {one.name or 'not kept'}: {one.reason}"))


@models.command(
    epilog="Example: `kgrec models feedback-log shown.parquet --root service`, then "
    "`kgrec judge --model new --log shown.parquet`"
)
def feedback_log(
    file: Annotated[Path, typer.Argument(help="A .csv, .parquet or .jsonl file to write.")],
    root: RootOption,
    event: Annotated[
        str | None, typer.Option(help="The kind of event that is a reward; by default every kind.")
    ] = None,
    rated: Annotated[
        float | None, typer.Option(help="The rating from which an event is a reward.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Write the explored lists that were shown, with rewards, to judge other models by."""
    from kgrec.serving.event_log import records_of
    from kgrec.serving.feedback import shown_lists

    opened = open_root(None, root)
    records = records_of(opened.log) if opened.log.exists() else ()
    found = shown_lists(records, event=event, rated=rated)
    found.write(file)
    print_values({"places": len(found), "rewards": float(found.reward.sum())}, as_json)


def _print(change: Activation, as_json: bool) -> None:
    print_values({"model": change.name, "before": change.before}, as_json)
