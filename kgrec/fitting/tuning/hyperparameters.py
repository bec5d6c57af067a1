"""``fit(tune=N)``: a search whose trials are whole fits, compared by their best validation."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from kgrec.config import RecommenderConfig
from kgrec.errors import TrainingError
from kgrec.files import remove_folder
from kgrec.fitting.fit import FitOptions, Fitted
from kgrec.fitting.tuning.search_space import with_values
from kgrec.fitting.tuning.trial_search import FILE, SearchOptions, Trial, check_kept, search
from kgrec.training import METRIC
from kgrec.training.checkpoint import CHECKPOINT

CURRENT = "current"  # the checkpoint of the trial that is running


def search_settings(
    fit: Callable[[RecommenderConfig, Path | None], Fitted],
    config: RecommenderConfig,
    n_trials: int,
    options: FitOptions,
    *,
    fingerprint: str,
) -> tuple[RecommenderConfig, list[dict[str, Any]]]:
    """The best settings of ``n_trials``, and all trials as plain values.

    ``fit`` takes settings and the folder of a checkpoint; ``fingerprint`` identifies data, settings
    and seed. With a checkpoint the trials are kept beside it, and a resumed search continues even
    within a trial. Raises TrainingError and ModelError as ``search`` does.
    """
    progress = options.progress
    kept = None if options.checkpoint is None else search_folder(options.checkpoint)
    current = None if kept is None else kept / CURRENT
    if kept is not None:
        check_kept(kept)
    if kept is not None and not options.resume:
        (kept / FILE).unlink(missing_ok=True)
        remove_folder(kept / CURRENT, CHECKPOINT)

    def timed_fit(settings: RecommenderConfig) -> tuple[float, float]:
        started = time.perf_counter()
        fitted = fit(settings, current)
        if current is not None:
            remove_folder(current, CHECKPOINT)
        return _best_validation(fitted), time.perf_counter() - started

    def report(trial: Trial) -> None:
        if progress is not None:
            outcome = "failed" if trial.metric is None else f"valid NDCG@10 {trial.metric:.4f}"
            progress(f"tuning: {outcome}", trial.number + 1, n_trials)

    found = search(
        config,
        timed_fit,
        n_trials,
        SearchOptions(options.seed, fingerprint, kept, options.resume, report),
    )
    return with_values(config, found.best().values), found.records()


def search_folder(checkpoint: Path) -> Path:
    """Where a search keeps its trials, and the checkpoint of the one that is running."""
    return checkpoint.with_name(checkpoint.name + ".tuning")


def has_search(checkpoint: Path) -> bool:
    """Whether a search beside this checkpoint can be continued."""
    folder = search_folder(checkpoint)
    return (folder / FILE).exists() or (folder / CURRENT).exists()


def _best_validation(fitted: Fitted) -> float:
    """Raises TrainingError where there were no validation rows."""
    validated = [record[METRIC] for record in fitted.training_log if METRIC in record]
    if not validated:
        raise TrainingError("there is no validation row to tune by; give some a split 'valid'.")
    return max(validated)
