"""kgrec itself, fitted through its public surface and ranked on the test rows."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.harness.rows import Rows
from benchmarks.harness.running import Outcome
from benchmarks.harness.variants import Variant
from kgrec import Recommender, RecommenderConfig


def run_kgrec(
    rows: Rows,
    *,
    seeds: Sequence[int],
    device: str | None,
    read_seconds: float,
    texts: Path | None,
    epochs: int | None = None,
    effort: str = "normal",
    variant: Variant | None = None,
) -> Outcome:
    """Fit with every seed and rank the test rows with each history.

    fit_seconds run from an opened store to a model ready to answer; the first seed's hold the
    texts' encoding unless ``texts`` (a folder) has them already.
    """
    snapshot = rows.snapshot if variant is None else variant.data(rows.snapshot)
    outcome = Outcome("kgrec" if variant is None else variant.name, "kgrec", list(seeds))
    with tempfile.TemporaryDirectory(prefix="kgrec-") as scratch:
        settings = {} if variant is None else variant.settings
        config = _config(texts or Path(scratch), settings, epochs, effort)
        for seed in seeds:
            started = time.perf_counter()
            model = Recommender(config).fit(snapshot, seed=seed, device=device)
            outcome.fit_seconds.append(read_seconds + time.perf_counter() - started)
            for history in rows.histories():
                outcome.add(history, model.evaluate(history=history, keep_users=True))
            outcome.notes["epochs"] = len(model.history)
    return outcome


def _config(
    texts: Path, settings: Mapping[str, Mapping[str, Any]], epochs: int | None, effort: str
) -> RecommenderConfig:
    given = {part: dict(values) for part, values in settings.items()}
    given.setdefault("training", {}).update(epochs=epochs, effort=effort)
    given.setdefault("text", {})["cache_dir"] = str(texts)
    return RecommenderConfig.model_validate(given)
