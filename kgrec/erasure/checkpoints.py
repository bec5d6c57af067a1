"""Removing the checkpoints of a training: the states of its fits, and the trials of its search."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from kgrec.files import check_writable, remove_folder
from kgrec.fitting.pipeline import refit_folder
from kgrec.fitting.tuning.hyperparameters import CURRENT, search_folder
from kgrec.fitting.tuning.trial_search import FILE, check_kept
from kgrec.training.checkpoint import CHECKPOINT


def checkpoint_folders(checkpoint: Path) -> list[Path]:
    """The folders that a fit with this checkpoint may have made."""
    beside = checkpoint.parent.iterdir() if checkpoint.parent.exists() else ()
    start = f"{checkpoint.name}."
    numbered = [
        path
        for path in beside
        if path.name.startswith(start) and path.name.removeprefix(start).isdigit()
    ]
    return [checkpoint, *sorted(numbered), refit_folder(checkpoint), search_folder(checkpoint)]


def remove_checkpoints(checkpoint: Path) -> int:
    """Remove all that a fit with this checkpoint has kept; returns how many files there were.

    Raises ModelError where something else is in the place of one.
    """
    *states, search = checkpoint_folders(checkpoint)
    check_kept(search)
    removed = 0
    for folder in (*states, search / CURRENT):
        if not folder.parent.exists():
            continue
        check_writable(folder, CHECKPOINT)
        removed += len(CHECKPOINT.files(folder))
        remove_folder(folder, CHECKPOINT)
    if (search / FILE).exists():
        (search / FILE).unlink()
        removed += 1
    with suppress(OSError):  # something else is in it, or it is not there
        search.rmdir()
    return removed
