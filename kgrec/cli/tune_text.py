"""``kgrec tune-text``: fine-tune the language model on a graph's own texts."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from graph_schema.errors import RequestError
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
from kgrec.cli._output import print_json, print_values
from kgrec.cli._progress import progress_on_stderr, say
from kgrec.cli._settings import ConfigOption, read_config
from kgrec.cli._stores import open_store
from kgrec.presentation import parse_pair

if TYPE_CHECKING:
    from kgrec import TextTuning


@app.command(
    name="tune-text",
    epilog="Example: `kgrec tune-text --store catalog.kgl --out tuned --method lora "
    '--objective contrastive`, then `model = "tuned"` under `[text]` in train\'s --config.',
)
def tune_text(
    store: StoreOption,
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Folder to save the fine-tuned model in.")
    ],
    base: Annotated[
        str, typer.Option(help="The model to fine-tune: default, a folder, or a hub name.")
    ] = "default",
    method: Annotated[
        str, typer.Option(help="What is trained: lora, adalora, prefix, ia3 or full.")
    ] = "lora",
    objective: Annotated[
        list[str] | None, typer.Option(help="contrastive, mlm or recommend; repeatable.")
    ] = None,
    setting: Annotated[
        list[str] | None,
        typer.Option("--set", help="Any other field of TextTuning: epochs=2, freeze=gradual."),
    ] = None,
    config: ConfigOption = None,
    seed: SeedOption = 0,
    device: DeviceOption = None,
    db_user: DbUserOption = None,
    database: DatabaseOption = None,
    mapping: MappingOption = None,
    as_json: JsonOption = False,
) -> None:
    """Fine-tune the language model on a store's texts, and save what was trained.

    Texts of rows marked valid or test are not read. The folder holds the adapter alone (the whole
    model for the method full). The objective recommend fits a recommender with the settings of
    --config and trains the language model by its loss.
    """
    import kgrec

    settings = _settings(method, objective or ["contrastive"], setting or [])
    with (
        progress_on_stderr() as progress,
        open_store(store, user=db_user, database=database, mapping=mapping) as graph,
    ):
        report = kgrec.tune_text(
            graph,
            out,
            settings,
            base=base,
            recommender=read_config(config),
            seed=seed,
            device=device,
            progress=progress,
        )
    say(f"saved {out}")
    values = {"out": str(out), **asdict(report), "trained_share": report.trained_share}
    if as_json:
        print_json(values)
        return
    last: dict[str, Any] = report.history[-1]
    brief = {name: values[name] for name in ("out", "steps", "trained", "trained_share")}
    losses = {name: value for name, value in last.items() if name.startswith("valid")}
    memory = (report.gradient_bytes + report.optimizer_bytes) / 2**20
    cost = {"gradient_and_optimizer_mb": round(memory, 2), "seconds": round(report.seconds, 1)}
    print_values({**brief, **losses, **cost}, as_json=False)


def _settings(method: str, objectives: list[str], texts: list[str]) -> TextTuning:
    """Raises RequestError that names every wrong field."""
    from pydantic import ValidationError

    from graph_schema.settings import wrong_fields
    from kgrec import TextTuning

    values: dict[str, Any] = {"method": method, "objectives": tuple(objectives)}
    for text in texts:
        name, value = parse_pair(text, "--set", "epochs=2")
        values[name] = tuple(value.split(",")) if name in ("pairs", "augment") else value
    try:
        return TextTuning.model_validate(values)
    except ValidationError as error:
        lines = "; ".join(wrong_fields(error))
        raise RequestError(f"{lines}. See kgrec.TextTuning for every field.") from error
