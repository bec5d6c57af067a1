"""``python -m benchmarks.scenarios``: many scenarios from one model.

Without options likes by age group (``benchmarks.age_groups``); ``--data xmrec-markets`` seven
markets (``benchmarks.markets``); ``--few-shot`` a scenario that training never saw, added by a few
examples (``benchmarks.few_shot``). Further options are those of these.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from benchmarks import age_groups, few_shot, markets
from benchmarks.harness import report


def main(arguments: Sequence[str] | None = None) -> None:
    asked, others = _chooser().parse_known_args(arguments)
    if asked.few_shot:
        few_shot.main(["--data", asked.data or "xmrec-markets", *others])
    elif asked.data == "xmrec-markets":
        markets.main(others)
    else:
        age_groups.main(others)


def _chooser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.scenarios",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--data", choices=("age-groups", "xmrec-markets"))
    parser.add_argument("--few-shot", action="store_true", help="leave a scenario out")
    return parser


if __name__ == "__main__":
    report.run(main)
