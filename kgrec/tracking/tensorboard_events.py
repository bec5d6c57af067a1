"""A training as an event file of TensorBoard."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from kgrec.errors import RequestError, reason
from kgrec.extras import require
from kgrec.tracking.run import TrainingRun


def write_events(run: TrainingRun, folder: str) -> str:
    """Write a run to a folder of its own in ``folder``, which is made where there is none.

    Scalars are the metrics by epoch; texts are "data", "settings" and "notes"; the settings and
    final figures are those that the tab of hyperparameters compares. Returns the run's folder.
    Raises RequestError where the run is there already, or the folder can't be written.
    """
    require("tensorboard", extra="tensorboard")
    board: Any = require("torch.utils.tensorboard", extra="tensorboard")
    place = Path(folder).expanduser() / _folder_name(run.name)
    try:
        if place.exists() and any(place.iterdir()):
            raise RequestError(f"{place} has a run already; choose another name or folder.")
        writer = board.SummaryWriter(str(place))
        for name, value, epoch in run.metrics():
            writer.add_scalar(name, value, epoch)
        texts = {
            "data": json.dumps(run.data.to_dict(), indent=1),
            "settings": json.dumps(run.settings, indent=1, ensure_ascii=False),
            "notes": "\n\n".join(run.notes),
        }
        for name, text in texts.items():
            shown = text if name == "notes" else f"```\n{text}\n```"
            writer.add_text(name, shown)
        final = {f"final/{name}": value for name, value in run.figures.items()}
        for summary in board.summary.hparams(dict(run.settings), final):
            writer.file_writer.add_summary(summary)
        for name, value in final.items():
            writer.add_scalar(name, value, len(run.epochs))
        writer.close()
    except OSError as error:
        raise RequestError(
            f"{place} can't be written ({reason(error)}); choose another folder."
        ) from error
    return str(place)


def _folder_name(name: str) -> str:
    """A run's name. Raises RequestError for one that is no folder's."""
    if not name or name in (".", "..") or "/" in name or "\0" in name:
        raise RequestError(f"{name[:100]!r} is no name of a run; leave out '/'.")
    return name
