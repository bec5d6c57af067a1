"""How soon ``kgrec serve --demo`` answers, and that its fit knows what a quick fit chooses.

``python -m benchmarks.demo_start`` starts the demo with an empty cache, so that it fetches
MovieLens-100K and fits a model, and once more with what it kept. Then a fit with effort quick makes
its own choices on validation rows, and the scores of both models are compared. Prints one line of
JSON.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from benchmarks.harness.report import finish, run
from benchmarks.service_load.server import processor_seconds, wait_until_served

AIM: Final = 10.0  # seconds until the first start is ready, on a machine without other work
_CODE: Final = "from kgrec.cli import app; app()"


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.demo_start", description="How soon the demo answers."
    )
    parser.add_argument("--runs", type=int, default=3, help="first starts, whose median counts")
    parser.add_argument("--save", action="store_true", help="keep the result")
    options = parser.parse_args(arguments)
    starts = [one for _ in range(options.runs) for one in _starts()]
    rows = [_median(kind, starts) for kind in ("first", "later")]
    result = {"loads": os.getloadavg(), "aim_seconds": AIM, "rows": rows, **_choices()}
    finish("demo-start", result, rows, options.save)


def _starts() -> list[dict[str, Any]]:
    """Two starts, of which the first finds an empty cache."""
    with tempfile.TemporaryDirectory(prefix="kgrec-demo-") as scratch:
        return [_start(kind, Path(scratch)) for kind in ("first", "later")]


def _start(kind: str, scratch: Path) -> dict[str, Any]:
    """Seconds until it serves, by the clock and of the processor."""
    started = time.perf_counter()
    command = ["serve", "--demo", "--port", "0", "--root", str(scratch / "root")]
    process = subprocess.Popen(
        [sys.executable, "-c", _CODE, *command],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "KGREC_CACHE_DIR": str(scratch / "cache")},
    )
    try:
        wait_until_served(process)
        taken = time.perf_counter() - started
        used = processor_seconds(process.pid, children=True)
        return {"start": kind, "seconds": taken, "processor": used}
    finally:
        process.terminate()
        process.wait(timeout=60)


def _median(kind: str, starts: Sequence[dict[str, Any]]) -> dict[str, Any]:
    of_kind = [one for one in starts if one["start"] == kind]
    values = {
        name: round(float(np.median([one[name] for one in of_kind])), 2)
        for name in ("seconds", "processor")
    }
    return {"start": kind, **values, "starts": len(of_kind)}


def _choices() -> dict[str, Any]:
    """Whether the demo's model scores as one whose fit chooses, NDCG@10 of that choice on
    validation rows, and seconds of the processor of both fits."""
    import loaders
    from kgrec import Recommender
    from kgrec.cli._demo_model import fit_as_known, settings

    catalog = loaders.load(loaders.fetch("ml-100k")).catalog
    times, states = [], []
    for fit in (fit_as_known, _quick):
        started = time.process_time()
        states.append(fit(catalog, settings()))
        times.append(round(time.process_time() - started, 2))
    known, quick = (Recommender.of(one).state for one in states)
    users = np.arange(len(known.snapshot.users))
    one, other = (state.engine.score(state.engine.stored(users)) for state in (known, quick))
    assert quick.origin is not None
    return {
        "equal_scores": bool((one == other).all()),
        "valid_ndcg@10_of_the_choice": round(quick.origin.item_weights.ndcg, 4),
        "processor_known": times[0],
        "processor_choosing": times[1],
    }


def _quick(catalog: Any, config: Any) -> Any:
    from kgrec import Recommender

    return Recommender(config).fit(catalog, effort="quick", seed=0).state


if __name__ == "__main__":
    run(main)
