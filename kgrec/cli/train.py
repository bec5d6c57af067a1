"""``kgrec train``: a model from a graph store."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from kgrec.cli._app import app
from kgrec.cli._options import (
    DatabaseOption,
    DbUserOption,
    DeviceOption,
    JsonOption,
    MappingOption,
    SeedOption,
    StoreOption,
)
from kgrec.cli._output import print_values
from kgrec.cli._progress import progress_on_stderr, say
from kgrec.cli._settings import ConfigOption, read_config
from kgrec.cli._stores import open_store

if TYPE_CHECKING:
    from kgrec import Recommender


@app.command(epilog="Example: `kgrec train --store catalog.kgl --model model --seed 1`")
def train(
    store: StoreOption,
    model: Annotated[
        Path, typer.Option("--model", "-m", envvar="KGREC_MODEL", help="Folder to save it in.")
    ],
    seed: SeedOption = 0,
    device: DeviceOption = None,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume",
            help="Continue a run that was stopped, from its checkpoint; anew if there is none.",
        ),
    ] = False,
    tune: Annotated[
        int | None,
        typer.Option(
            "--tune", min=1, help="Try this many settings first, the given ones included."
        ),
    ] = None,
    effort: Annotated[
        Literal["quick", "normal", "thorough"] | None,
        typer.Option("--effort", help="Seconds, minutes, or all it takes; else as the settings."),
    ] = None,
    config: ConfigOption = None,
    track: Annotated[
        list[str],
        typer.Option(
            "--track",
            help="tensorboard:FOLDER, mlflow:FOLDER or mlflow:ADDRESS; settings, metrics of each "
            "epoch and what the data was go there.",
        ),
    ] = [],  # noqa: B006
    db_user: DbUserOption = None,
    database: DatabaseOption = None,
    mapping: MappingOption = None,
    as_json: JsonOption = False,
) -> None:
    """Train a model on the graph of a store, or of a folder of `kgrec snapshot`, and save it.

    Training writes a checkpoint beside the model, so that a run that was stopped continues with
    `--resume` and gives the same result. With `--tune` the model has the settings that are best on
    validation rows; the trials are kept with the model. `--effort quick` makes a model in closed
    form, without training.
    """
    from kgrec import Recommender
    from kgrec.files import check_writable
    from kgrec.graph.mapped import is_snapshot
    from kgrec.persistence.model_folder import MODEL

    check_writable(model, MODEL)  # before hours of work
    _check_places(track)
    settings = read_config(config)
    checkpoint = model.with_name(model.name + ".checkpoint")
    with (
        progress_on_stderr() as progress,
        nullcontext(Path(store))
        if is_snapshot(store)
        else open_store(store, user=db_user, database=database, mapping=mapping) as g,
    ):
        recommender = Recommender(settings).fit(
            g,
            seed=seed,
            device=device,
            progress=progress,
            checkpoint=checkpoint,
            resume=resume,
            tune=tune,
            effort=effort,
        )
        recommender.save(model)
    say(f"saved {model}")
    say_leaks(recommender)
    tuned = {} if tune is None else _tuned(recommender.tuning)
    said = {**_feedback(recommender), **_privacy(recommender)}
    _track(recommender, track, model)
    print_values({"model": str(model), **best_epoch(recommender.history), **tuned, **said}, as_json)


def _check_places(places: list[str]) -> None:
    """Raise RequestError or MissingExtraError for a place where nothing can be tracked."""
    if places:
        from kgrec.tracking.places import check_place

        for place in places:
            check_place(place)


def _track(recommender: Recommender, places: list[str], model: Path) -> None:
    if places:
        from kgrec.tracking.places import track

        for place in places:
            say(f"tracked as {track(recommender, place, model.absolute().name)}")


def say_leaks(recommender: Recommender) -> None:
    """What the fit found in the data and did not warn of."""
    report = recommender.state.leaks
    for one in () if report is None else report.findings:
        if one.severity != "leak":
            say(f"{one.severity}: {one}")


def best_epoch(history: list[dict[str, Any]]) -> dict[str, Any]:
    """The metrics of the epoch that validation chose, and the number of epochs."""
    validated = [epoch for epoch in history if epoch.get("valid_ndcg@10") is not None]
    best: dict[str, Any] = max(validated, key=lambda epoch: epoch["valid_ndcg@10"], default={})
    return {"epochs": len(history), **best}


def _feedback(recommender: Recommender) -> dict[str, str]:
    """What events say, where they don't all say the same."""
    from kgrec.feedback.defaults import describe

    text = describe(recommender.state.config.feedback)
    return {"feedback": text} if text else {}


def _privacy(recommender: Recommender) -> dict[str, Any]:
    """What a private fit has spent, and on what."""
    from kgrec.differential_privacy.statement import privacy_statement

    return (
        {}
        if recommender.state.config.privacy is None
        else privacy_statement(recommender.state.config.privacy)
    )


def _tuned(trials: list[dict[str, Any]]) -> dict[str, Any]:
    """The number of trials, and the settings of the best one."""
    done = [one for one in trials if one["metric"] is not None]
    best: dict[str, Any] = max(done, key=lambda one: (one["metric"], -one["number"]))
    return {"tuned": len(trials), **best["values"]}
