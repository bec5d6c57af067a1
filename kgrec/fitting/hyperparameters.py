"""``fit(tune=N)``: every try is a whole fit, judged by its best validation."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from kgrec.config import RecommenderConfig
from kgrec.errors import TrainingError
from kgrec.fitting.fit import Fitted
from kgrec.fitting.search_space import with_values
from kgrec.fitting.trial_search import Try, search
from kgrec.support import Progress
from kgrec.training import METRIC

_CURRENT = "current"  # the checkpoint of the try that is on


def tuned(
    fit: Callable[..., Fitted],
    config: RecommenderConfig,
    tries: int,
    *,
    data: str,
    seed: int,
    folder: Path | None,
    resume: bool,
    progress: Progress | None,
) -> tuple[RecommenderConfig, list[dict[str, Any]]]:
    """The best settings of ``tries``, and all tries as plain values.

    ``fit`` takes ``config`` and ``checkpoint``; ``data`` tells data, settings and seed apart. With
    ``folder`` (the fit's checkpoint) the search is kept beside it, and ``resume`` goes on in the
    middle of a try. Raises TrainingError and ModelError as ``search`` does.
    """
    kept = None if folder is None else folder.with_name(folder.name + ".tuning")
    current = None if kept is None else kept / _CURRENT
    if kept is not None and not resume:
        shutil.rmtree(kept, ignore_errors=True)

    def one(settings: RecommenderConfig, number: int) -> tuple[float, float]:
        started = time.perf_counter()
        fitted = fit(config=settings, checkpoint=current)
        if current is not None:
            shutil.rmtree(current, ignore_errors=True)
        return _best(fitted), time.perf_counter() - started

    def tell(done: Try) -> None:
        if progress is not None:
            found = "failed" if done.metric is None else f"valid NDCG@10 {done.metric:.4f}"
            progress(f"tuning: {found}", done.number + 1, tries)

    found = search(
        config,
        one,
        tries,
        seed=seed,
        fingerprint=data,
        folder=kept,
        resume=resume,
        on_try=tell,
    )
    return with_values(config, found.best().values), found.history()


def _best(fitted: Fitted) -> float:
    """Raises TrainingError where nothing was held out to judge by."""
    judged = [record[METRIC] for record in fitted.history if METRIC in record]
    if not judged:
        raise TrainingError("there is no validation row to tune by; give some a split 'valid'.")
    return max(judged)
