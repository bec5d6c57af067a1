"""``kgrec train``: a model from a graph store."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from kgrec.cli.app import app
from kgrec.cli.options import (
    DatabaseOption,
    DbUserOption,
    DeviceOption,
    JsonOption,
    MappingOption,
    SeedOption,
    StoreOption,
)
from kgrec.cli.output import print_values
from kgrec.cli.progress import progress_on_stderr, say
from kgrec.cli.settings import ConfigOption, read_config
from kgrec.cli.stores import open_store


@app.command(epilog="Example: `kgrec train --store catalog.kgl --model model --seed 1`")
def train(
    store: StoreOption,
    model: Annotated[
        Path, typer.Option("--model", "-m", envvar="KGREC_MODEL", help="Folder to save it in.")
    ],
    seed: SeedOption = 0,
    device: DeviceOption = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on from the checkpoint of a run that was stopped.")
    ] = False,
    tune: Annotated[
        int | None,
        typer.Option("--tune", min=1, help="Try so many settings first, the given ones included."),
    ] = None,
    config: ConfigOption = None,
    db_user: DbUserOption = None,
    database: DatabaseOption = None,
    mapping: MappingOption = None,
    as_json: JsonOption = False,
) -> None:
    """Train a model on a store's graph and save it.

    A checkpoint beside the model is written as training goes, so that a run that was stopped
    continues with `--resume` and ends in the same result. With `--tune` the settings that do best
    on validation rows are trained; the trials are kept with the model.
    """
    from kgrec import Recommender

    settings = read_config(config)
    checkpoint = model.with_name(model.name + ".checkpoint")
    with (
        progress_on_stderr() as progress,
        open_store(store, user=db_user, database=database, mapping=mapping) as g,
    ):
        recommender = Recommender(settings).fit(
            g,
            seed=seed,
            device=device,
            progress=progress,
            checkpoint=checkpoint,
            resume=resume,
            tune=tune,
        )
        recommender.save(model)
    say(f"saved {model}")
    tuned = {} if tune is None else {"tuned": len(recommender.tuning), **chosen(recommender.tuning)}
    print_values({"model": str(model), **best_epoch(recommender.history), **tuned}, as_json)


def best_epoch(history: list[dict[str, Any]]) -> dict[str, Any]:
    """What the validation chose, with the number of epochs there were."""
    validated = [epoch for epoch in history if epoch.get("valid_ndcg@10") is not None]
    best: dict[str, Any] = max(validated, key=lambda epoch: epoch["valid_ndcg@10"], default={})
    return {"epochs": len(history), **best}


def chosen(trials: list[dict[str, Any]]) -> dict[str, Any]:
    """The settings of the best trial."""
    done = [one for one in trials if one["metric"] is not None]
    best: dict[str, Any] = max(done, key=lambda one: (one["metric"], -one["number"]))
    return dict(best["values"])
