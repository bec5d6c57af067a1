"""``kgrec models experiment``: two models that answer shares of the users, and shadows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from graph_schema.output.printable import printable_line
from kgrec.cli._app import command_group
from kgrec.cli._console import show
from kgrec.cli._options import JsonOption
from kgrec.cli._output import print_json
from kgrec.cli.models import RootOption, models
from kgrec.cli.serve import open_root

if TYPE_CHECKING:
    from kgrec.serving.experiments.experiment import Arm

experiment = command_group(
    "experiment", "Two models that answer shares of the users, and shadows.", models
)
NameArgument = Annotated[str, typer.Argument(help="Name of the experiment.")]
_WHO = "kgrec models"


@experiment.command(
    epilog="Example: `kgrec models experiment start autumn --arm summer=0.5 --arm autumn=0.5 "
    "--root service`"
)
def start(
    name: NameArgument,
    root: RootOption,
    arm: Annotated[
        list[str],
        typer.Option(help="MODEL=SHARE; twice, and shares sum to 1. Of a shadow once."),
    ],
    mode: Annotated[
        Literal["ab", "shadow"],
        typer.Option(help="ab: both answer users; shadow: the model answers beside, unseen."),
    ] = "ab",
    salt: Annotated[
        str | None, typer.Option(help="Joined to users' ids before they are dealt; else drawn.")
    ] = None,
    event: Annotated[
        str | None, typer.Option(help="The kind of event that is a reward; by default every kind.")
    ] = None,
    rated: Annotated[
        float | None, typer.Option(help="The rating from which an event is a reward.")
    ] = None,
    hours: Annotated[
        float, typer.Option(help="Events count within so many hours of a user's first list.")
    ] = 24.0,
    most: Annotated[int, typer.Option(help="So many events of a user count at most.")] = 10,
    linked: Annotated[
        bool, typer.Option("--linked", help="Only events with a list_id count.")
    ] = False,
    error: Annotated[
        float, typer.Option(help="How often the interval may be wrong over all looks.")
    ] = 0.05,
    delta: Annotated[
        float | None, typer.Option(help="A difference of rewards per user that does not matter.")
    ] = None,
    planned: Annotated[
        int, typer.Option(help="Users at which the interval is narrowest.")
    ] = 10_000,
    max_errors: Annotated[
        float, typer.Option(help="Share of failing answers of an arm that ends it.")
    ] = 0.02,
    max_seconds: Annotated[
        float, typer.Option(help="Time of 95 % of an arm's answers that ends it.")
    ] = 0.5,
    as_json: JsonOption = False,
) -> None:
    """Start an experiment: a service that runs loads the models within seconds.

    Users are dealt by a hash of their id, so that each always has the same model.
    """
    from kgrec.metrics.sequential import StopRule
    from kgrec.serving.experiments.experiment import Experiments, Guard, Reward

    started = Experiments(open_root(None, root)).start(
        name,
        mode,
        tuple(map(_arm, arm)),
        _WHO,
        salt=salt,
        reward=Reward(event, rated, hours, most, linked),
        stop=StopRule(error, delta, planned),
        guard=Guard(max_errors, max_seconds),
    )
    _print(started.name, root, as_json)


@experiment.command("show", epilog="Example: `kgrec models experiment show autumn --root service`")
def show_(name: NameArgument, root: RootOption, as_json: JsonOption = False) -> None:
    """The rewards of both arms, their difference with an interval that holds however often one
    looks, and whether to go on."""
    _print(name, root, as_json)


@experiment.command("list", epilog="Example: `kgrec models experiment list --root service`")
def list_(root: RootOption, as_json: JsonOption = False) -> None:
    """All experiments, those that ended too."""
    from kgrec.serving.experiments.experiment import Experiments

    found = Experiments(open_root(None, root)).read().values()
    rows: list[dict[str, Any]] = [
        {
            "name": one.name,
            "mode": one.mode,
            "state": "running" if one.ended is None else "ended",
            "arms": {arm.model: arm.share for arm in one.arms},
            "why": one.why,
        }
        for one in found
    ]
    if as_json:
        print_json(rows)
        return
    for row in rows:
        arms = ", ".join(f"{model}={share:g}" for model, share in row["arms"].items())
        show(printable_line(f"{row['name']}  {row['mode']}  {row['state']}  {arms}  {row['why']}"))


@experiment.command(epilog="Example: `kgrec models experiment stop autumn --root service`")
def stop(
    name: NameArgument,
    root: RootOption,
    reason: Annotated[str, typer.Option(help="Why.")] = "",
    as_json: JsonOption = False,
) -> None:
    """End an experiment: the model that is active answers everybody again."""
    from kgrec.serving.experiments.experiment import Experiments

    Experiments(open_root(None, root)).stop(name, reason or f"{_WHO} stopped it.")
    _print(name, root, as_json)


def _arm(text: str) -> Arm:
    """An arm of ``MODEL=SHARE``. Raises RequestError."""
    from kgrec.errors import RequestError
    from kgrec.serving.experiments.experiment import Arm

    model, _, share = text.rpartition("=")
    try:
        return Arm(model, float(share))
    except ValueError:
        raise RequestError(f"the arm {text[:40]!r} has no share; write MODEL=SHARE.") from None


def _print(name: str, root: Any, as_json: bool) -> None:
    from kgrec.serving.event_log import records_of
    from kgrec.serving.experiments.experiment import Experiments, unknown
    from kgrec.serving.experiments.report import report_of

    opened = open_root(None, root)
    found = Experiments(opened).read()
    if name not in found:
        raise unknown(name, found)
    report = report_of(
        found[name], lambda: records_of(opened.log) if opened.log.exists() else iter(())
    )
    if as_json:
        print_json(report)
        return
    show(printable_line(f"{name}: {report['mode']}, {report['state']} {report.get('why', '')}"))
    for arm in report["arms"]:
        reward = "" if "users" not in arm else f", {arm['users']:,} users, {arm['reward']:.4f} each"
        show(printable_line(f"  {arm['arm']}  {arm['model']}  {arm['share']:.0%}{reward}"))
    if "comparison" in report:
        _print_comparison(report["comparison"])


def _print_comparison(said: dict[str, Any]) -> None:
    low, high = said["low"], said["high"]
    interval = "" if low is None else f" [{low:+.4f}, {high:+.4f}]"
    show(f"  b − a: {said['difference']:+.4f}{interval} rewards per user: {said['verdict']}")
    show(f"  {said['why']} {said['waiting']:,} users wait for the end of their time.")
