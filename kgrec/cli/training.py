"""``kgrec train``: a model from a graph store."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

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
    db_user: DbUserOption = None,
    database: DatabaseOption = None,
    mapping: MappingOption = None,
    as_json: JsonOption = False,
) -> None:
    """Train a model on a store's graph and save it.

    A checkpoint beside the model is written as training goes, so that a run that was stopped
    continues with `--resume` and ends in the same result.
    """
    from kgrec import Recommender

    checkpoint = model.with_name(model.name + ".checkpoint")
    with (
        progress_on_stderr() as progress,
        open_store(store, user=db_user, database=database, mapping=mapping) as g,
    ):
        recommender = Recommender().fit(
            g, seed=seed, device=device, progress=progress, checkpoint=checkpoint, resume=resume
        )
        recommender.save(model)
    best = max(recommender.history, key=lambda epoch: epoch["valid_ndcg@10"], default={})
    say(f"saved {model}")
    print_values({"model": str(model), "epochs": len(recommender.history), **best}, as_json)
