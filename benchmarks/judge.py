"""``python -m benchmarks.judge PART``: explored lists, and estimates from their log.

PART is coverage (intervals on a semi-synthetic log), equality (with the estimates of the package
obp) or new_items (how soon a good new item is shown); further options are those of the part
(``python -m benchmarks.judge PART --help``).
"""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Sequence

from benchmarks.harness import report

PARTS = ("coverage", "equality", "new_items")


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.judge",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        add_help=False,
    )
    parser.add_argument("part", choices=PARTS, metavar="PART", help=", ".join(PARTS))
    asked, others = parser.parse_known_args(arguments)
    importlib.import_module(f"benchmarks.judging.{asked.part}").main(others)


if __name__ == "__main__":
    report.run(main)
