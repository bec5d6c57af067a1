"""``torchrun -m kgrec.distributed``: one process of a training by several."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from graph_schema.errors import RequestError
from kgrec.cli._app import KgrecGroup
from kgrec.cli._options import DatabaseOption, DbUserOption, DeviceOption, MappingOption, SeedOption
from kgrec.cli._progress import progress_on_stderr, say
from kgrec.cli._settings import ConfigOption, read_config
from kgrec.distributed.launch import TIMEOUT

app = typer.Typer(
    name="kgrec.distributed",
    cls=KgrecGroup,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    subcommand_metavar="",
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback(
    invoke_without_command=True,
    epilog="Example: `torchrun --nproc-per-node 2 -m kgrec.distributed --store catalog.kgl --out "
    "run`",
)
def train(
    out: Annotated[
        Path,
        typer.Option(help="Folder that all machines see; it gets the model and the checkpoint."),
    ],
    store: Annotated[
        str | None,
        typer.Option("--store", "-s", help="The graph: a file or an address.", show_default=False),
    ] = None,
    snapshot: Annotated[
        Path | None,
        typer.Option(help="Or the folder of a saved model or snapshot, whose graph is used."),
    ] = None,
    micros: Annotated[
        int,
        typer.Option(min=1, help="Micro-steps of a step: they decide the result, ranks do not."),
    ] = 4,
    seed: SeedOption = 0,
    device: DeviceOption = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Continue a run that was stopped.")
    ] = False,
    timeout: Annotated[
        float, typer.Option(min=1, help="Seconds in which every rank must answer.")
    ] = TIMEOUT,
    config: ConfigOption = None,
    db_user: DbUserOption = None,
    database: DatabaseOption = None,
    mapping: MappingOption = None,
) -> None:
    """Train one model with all processes that torchrun has started, and save it in a folder.

    The result is the same for any number of processes. Each epoch leaves a checkpoint, from which
    any number of processes continues with `--resume`.
    """
    from kgrec.distributed.config import WorkerConfig
    from kgrec.distributed.launch import process_group
    from kgrec.distributed.worker import MODEL_FOLDER, worker

    if (store is None) == (snapshot is None):
        raise RequestError("name the graph once: --store FILE_OR_ADDRESS, or --snapshot FOLDER.")
    task = WorkerConfig(
        source=str(snapshot) if store is None else store,
        settings=read_config(config),
        micros=micros,
        seed=seed,
        device=device,
        resume=resume,
        mapping=mapping,
        db_user=db_user,
        database=database,
    )
    with process_group(timeout) as rank, progress_on_stderr() as progress:
        worker(task, out, progress)
    if rank == 0:
        say(f"saved {out / MODEL_FOLDER}")


if __name__ == "__main__":
    app()
