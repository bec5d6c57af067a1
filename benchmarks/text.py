"""``python -m benchmarks.text PART``: what text is worth, and what it costs.

PART is one of the modules ``benchmarks.text_*``; further options are those of the part
(``python -m benchmarks.text PART --help``).
"""

from __future__ import annotations

import argparse
import importlib
import pkgutil
from collections.abc import Sequence

import benchmarks
from benchmarks import report

_PREFIX = "text_"


def parts() -> list[str]:
    """The parts there are, by name."""
    names = (module.name for module in pkgutil.iter_modules(benchmarks.__path__))
    return sorted(name.removeprefix(_PREFIX) for name in names if name.startswith(_PREFIX))


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.text",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        add_help=False,
    )
    parser.add_argument("part", choices=parts(), metavar="PART", help=", ".join(parts()))
    asked, others = parser.parse_known_args(arguments)
    importlib.import_module(f"benchmarks.{_PREFIX}{asked.part}").main(others)


if __name__ == "__main__":
    report.run(main)
