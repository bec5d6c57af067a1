"""``python -m benchmarks.text PART``: the gain by text, and its cost.

PART is one of the modules of ``benchmarks.texts``; further options are those of the part
(``python -m benchmarks.text PART --help``).
"""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Sequence

from benchmarks.harness import report

# The other modules of ``benchmarks.texts`` are what these share.
PARTS = (
    "cold", "links", "mlm", "peft", "ratings", "reviews", "robustness", "search", "speed",
)  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.text",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        add_help=False,
    )
    parser.add_argument("part", choices=PARTS, metavar="PART", help=", ".join(PARTS))
    asked, others = parser.parse_known_args(arguments)
    importlib.import_module(f"benchmarks.texts.{asked.part}").main(others)


if __name__ == "__main__":
    report.run(main)
