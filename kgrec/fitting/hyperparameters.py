"""``fit(tune=N)``: every trial is a whole fit, compared by its best validation."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from kgrec.config import RecommenderConfig
from kgrec.errors import TrainingError
from kgrec.fitting.fit import FitOptions, Fitted
from kgrec.fitting.search_space import with_values
from kgrec.fitting.trial_search import Try, search
from kgrec.training import METRIC

_CURRENT = "current"  # the checkpoint of the trial that is running


def search_settings(
    fit: Callable[[RecommenderConfig, Path | None], Fitted],
    config: RecommenderConfig,
    trials: int,
    options: FitOptions,
    *,
    data: str,
) -> tuple[RecommenderConfig, list[dict[str, Any]]]:
    """The best settings of ``trials``, and all trials as plain values.

    ``fit`` takes settings and the folder of a checkpoint; ``data`` is a fingerprint of data,
    settings and seed. With a checkpoint the search is kept beside it, and a resumed one goes on in
    the middle of a trial. Raises TrainingError and ModelError as ``search`` does.
    """
    folder, progress = options.checkpoint, options.progress
    kept = None if folder is None else folder.with_name(folder.name + ".tuning")
    current = None if kept is None else kept / _CURRENT
    if kept is not None and not options.resume:
        shutil.rmtree(kept, ignore_errors=True)

    def one(settings: RecommenderConfig, number: int) -> tuple[float, float]:
        started = time.perf_counter()
        fitted = fit(settings, current)
        if current is not None:
            shutil.rmtree(current, ignore_errors=True)
        return _best(fitted), time.perf_counter() - started

    def report(done: Try) -> None:
        if progress is not None:
            found = "failed" if done.metric is None else f"valid NDCG@10 {done.metric:.4f}"
            progress(f"tuning: {found}", done.number + 1, trials)

    found = search(
        config,
        one,
        trials,
        seed=options.seed,
        fingerprint=data,
        folder=kept,
        resume=options.resume,
        on_try=report,
    )
    return with_values(config, found.best().values), found.history()


def _best(fitted: Fitted) -> float:
    """Raises TrainingError where there were no validation rows."""
    validated = [record[METRIC] for record in fitted.log if METRIC in record]
    if not validated:
        raise TrainingError("there is no validation row to tune by; give some a split 'valid'.")
    return max(validated)
