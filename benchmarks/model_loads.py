"""What a change of a service's model costs: processor time, and how long answers wait for it.

``python -m benchmarks.model_loads ml-1m-kg`` fits with effort quick, then loads the model several
times in turns: as a first model, beside one over the same texts, and as it was before the
regression of cold items was saved, which each load then learned. Meanwhile another thread sleeps a
millisecond at a time and notes how late it is, at most by the time that the process computed, so
that other programs count little. Prints one line of JSON.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any, Final

import numpy as np

from benchmarks.harness.datasets import data_folder
from benchmarks.harness.report import finish, run
from benchmarks.service import prepared
from kgrec.scoring.cold_items import ColdRegression
from kgrec.serving.config import ServiceConfig
from kgrec.serving.service import Served, Service
from kgrec.serving.verbs.lists import warm
from kgrec.threads import beside_answers

_SLEEP: Final = 0.001
_SWITCH: Final = 0.001  # as the service has it


@dataclass
class Probe:
    """A thread that would run every millisecond; ``late``: seconds by which it did not."""

    late: list[float] = field(default_factory=list)
    stopping: bool = False

    def watch(self) -> None:
        """Note pauses until ``stopping``."""
        while not self.stopping:
            clock, used = time.perf_counter(), time.process_time()
            time.sleep(_SLEEP)
            waited = time.perf_counter() - clock - _SLEEP
            self.late.append(max(0.0, min(waited, time.process_time() - used)))


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.model_loads", description="What a change of the model costs."
    )
    parser.add_argument("data", help="a folder of the benchmark data in kgrec's layout")
    parser.add_argument("--model", type=Path, help="a folder in place of the quick fit")
    parser.add_argument("--runs", type=int, default=3, help="whose median counts")
    parser.add_argument("--save", action="store_true", help="keep the result")
    options = parser.parse_args(arguments)
    sys.setswitchinterval(_SWITCH)
    with tempfile.TemporaryDirectory(prefix="kgrec-loads-") as scratch:
        root = prepared(Path(scratch), options.model, data_folder() / options.data)
        service = Service(root, ServiceConfig(), warm)
        service.load()
        rows = _rows(service, options.runs)
    result = {"data": options.data, "loads": os.getloadavg(), "runs": options.runs, "rows": rows}
    finish(f"model-loads-{options.data}", result, rows, options.save)


def _rows(service: Service, runs: int) -> list[dict[str, Any]]:
    """Medians of each kind of load, which take turns."""
    live = service.served

    def load(before: Served | None) -> Served:
        fresh = Served.load(service.root, live.entry, service.log.read(), before)
        fresh.read_texts()
        warm(fresh, ())
        return fresh

    kinds: dict[str, Callable[[], Any]] = {
        "the first model": lambda: load(None),
        "beside a model over the same texts": lambda: load(live),
        "the first model, learning the regression": lambda: ColdRegression.learn(
            load(None).model.state.engine.bound
        ),
    }
    found: dict[str, list[dict[str, float]]] = {name: [] for name in kinds}
    for _ in range(runs):
        for name, work in kinds.items():
            found[name].append(_measured(work))
    return [
        {"load": name, **{key: round(median(one[key] for one in all_), 2) for key in all_[0]}}
        for name, all_ in found.items()
    ]


def _measured(work: Callable[[], Any]) -> dict[str, float]:
    """Seconds of the processor, and milliseconds by which the probe was late meanwhile."""
    probe = Probe()
    watching = threading.Thread(target=probe.watch)
    watching.start()
    started = time.thread_time()
    with beside_answers():
        work()
    used = time.thread_time() - started
    probe.stopping = True
    watching.join()
    late = np.array(probe.late) * 1000
    return {
        "processor_seconds": used,
        "late_p99_ms": float(np.quantile(late, 0.99)),
        "late_most_ms": float(late.max()),
        "late_5_ms_seconds": float(late[late > 5].sum()) / 1000,
    }


if __name__ == "__main__":
    run(main)
