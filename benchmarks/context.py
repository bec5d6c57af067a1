"""``python -m benchmarks.context frappe|depaulmovie``: the circumstances of a request, and repeats.

``frappe`` (96,203 uses of 4,082 apps, without the column ``cost``, which is an attribute): *now*
asks which app a user opens now, among all apps, and *new* which app that the user has not had yet.
``depaulmovie`` (5,043 ratings of films in three circumstances): the error of predicted ratings over
five folds. Choices are made on rows before the test; ``--shuffled N`` adds N columns with the
values of another in random order, which should change nothing.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from typing import Any, Final

from benchmarks.context_data.frappe import Frappe, measure_new, measure_now
from benchmarks.context_data.ratings import measure_ratings
from benchmarks.harness import report

DATA: Final = ("frappe", "depaulmovie")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one data set and report."""
    asked = _parser().parse_args(arguments)
    started = time.process_time()
    rows = _frappe(asked) if asked.data == "frappe" else measure_ratings(asked.seed)
    result = {
        "data": asked.data,
        "rows": rows,
        "seeds": [asked.seed],
        "processor_seconds": round(time.process_time() - started, 1),
    }
    report.finish(f"context-{asked.data}", result, rows, asked.save)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.context", description=__doc__)
    parser.add_argument("data", choices=DATA)
    parser.add_argument("--effort", choices=("quick", "normal"), default="quick", help="kgrec's")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--shuffled", type=int, default=2, help="shuffled columns (default 2)")
    parser.add_argument("--save", action="store_true", help="keep the result")
    return parser


def _frappe(asked: argparse.Namespace) -> list[dict[str, Any]]:
    data = Frappe.read()
    rows = []
    for measure in (measure_now, measure_new):
        for row in measure(data, asked.effort, asked.seed, asked.shuffled):
            print(row, file=sys.stderr, flush=True)
            rows.append(row)
    return rows


if __name__ == "__main__":
    report.run(main)
