"""How long a fresh process takes to `import kgrec`, and to show the help.

``python -m benchmarks.startup`` prints one line of JSON.

The bound of a second for the help holds on a machine with nothing else to do. The processor's time
says more where there are other processes.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import Any, Final

RUNS: Final = 5
MOST_SECONDS: Final = 1.0  # for the help
_CODE: Final = {
    "import_kgrec": "import kgrec",
    "help": "import sys; sys.argv = ['kgrec', '--help']; from kgrec.cli import app; app()",
}


def main(arguments: Sequence[str] | None = None) -> None:
    options = _parser().parse_args(arguments)
    figures: dict[str, Any] = {name: measure(code, options.runs) for name, code in _CODE.items()}
    within = figures["help"]["seconds"] <= MOST_SECONDS
    print(json.dumps({"kgrec": figures, "most_seconds": MOST_SECONDS, "within": within}))
    if options.check and not within:
        sys.exit(1)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.startup", description="Seconds until a fresh process is ready."
    )
    parser.add_argument("--runs", type=int, default=RUNS, help="the fastest of so many counts")
    parser.add_argument("--check", action="store_true", help="exit code 1 above the bound")
    return parser


def measure(code: str, runs: int) -> dict[str, float]:
    """Seconds, and seconds of the processor, of the fastest of ``runs`` fresh processes, after one
    that fills the cache of files."""
    _run(code)
    times = [_run(code) for _ in range(runs)]
    return {
        "seconds": round(min(whole for whole, _ in times), 3),
        "processor_seconds": round(min(processor for _, processor in times), 3),
    }


def _run(code: str) -> tuple[float, float]:
    before, started = os.times(), time.perf_counter()
    subprocess.run([sys.executable, "-c", code], stdout=subprocess.DEVNULL, check=True)
    seconds, after = time.perf_counter() - started, os.times()
    user = after.children_user - before.children_user
    return seconds, user + after.children_system - before.children_system


if __name__ == "__main__":
    main()
