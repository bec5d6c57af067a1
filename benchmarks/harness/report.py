"""What every benchmark says in the end: a table for people, then one line of JSON, last."""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import sys
from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

import pandas as pd

from graph_schema.errors import KgrecError, SourceError
from kgrec.evaluation import Difference

RESULTS: Final = Path(__file__).parents[1] / "results"
# The folder of a result, by the first word of its name.
SUBJECTS: Final = {
    "accuracy": "accuracy",
    "additive": "continual",
    "coldstart": "cold_start",
    "clicks": "ratings",
    "compress": "accuracy",
    "context": "accuracy",
    "effort": "accuracy",
    "erasure": "privacy",
    "experiments": "serving",
    "explain": "explanations",
    "anonymity": "privacy",
    "age": "scenarios",
    "busy": "speed",
    "continual": "continual",
    "continual-normal": "continual",
    "demo": "speed",
    "distributed": "speed",
    "drift": "continual",
    "faults": "faults",
    "feedback": "feedback",
    "fuzz": "faults",
    "few": "scenarios",
    "generality": "generality",
    "markets": "scenarios",
    "privacy": "privacy",
    "questions": "questions",
    "recognise": "scenarios",
    "rules": "rules",
    "latency": "speed",
    "judge": "judging",
    "link": "linking",
    "load": "speed",
    "model": "speed",
    "neighbours": "speed",
    "people": "people",
    "poisoning": "poisoning",
    "scale": "speed",
    "service": "speed",
    "service-2-processes": "speed",
    "service-2-processes-soak": "speed",
    "service-soak": "speed",
    "startup": "speed",
    "store": "serving",
    "text": "text",
    "trial": "trials",
    "unbiased": "ratings",
    "updates": "speed",
}
_PACKAGES: Final = ("kgrec", "torch", "numpy", "scipy", "torch-geometric", "implicit")


def run(main: Callable[[], None]) -> None:
    """Run a benchmark's ``main``; what can't be measured ends in one line and exit code 1."""
    try:
        main()
    except KgrecError as error:
        sys.exit(f"error: {error}")


def names_among(known: Collection[str]) -> Callable[[str], list[str]]:
    """The type of an argument: names of ``known``, with commas between them."""

    def names(text: str) -> list[str]:
        found = text.split(",")
        wrong = [name for name in found if name not in known]
        if wrong:
            raise argparse.ArgumentTypeError(f"{wrong[0]!r} is none of {', '.join(known)}")
        return found

    return names


def finish(
    name: str, result: dict[str, Any], rows: Sequence[dict[str, Any]] | pd.DataFrame, save: bool
) -> None:
    """Print ``rows`` as a table and ``result`` as the last line, JSON; with ``save`` keep it too.

    The processor, the versions, the day (UTC) and the command are added to ``result``, which is
    kept as ``results/<subject>/<name>.json``.
    """
    print(table(rows))
    whole = {**result, **surroundings()}
    if save:
        path = result_path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(whole, indent=2) + "\n", encoding="utf-8")
        print(f"kept as benchmarks/results/{path.parent.name}/{path.name}")
    print(json.dumps(whole), flush=True)


def result_path(name: str) -> Path:
    """The file of a result, in the folder of its subject."""
    return RESULTS / SUBJECTS[re.split(r"[-._]", name)[0]] / f"{name}.json"


def table(rows: Sequence[dict[str, Any]] | pd.DataFrame) -> str:
    """The rows in aligned columns; absent values are dashes."""
    frame = rows if isinstance(rows, pd.DataFrame) else pd.DataFrame(list(rows))
    text = frame.map(_cell)
    return str(text.to_string(index=False))


def _cell(value: Any) -> str:
    if value is None or value is pd.NA or (isinstance(value, float) and value != value):
        return "-"
    if isinstance(value, float):
        return f"{value:.4f}" if abs(value) < 10 else f"{value:,.1f}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def interval(difference: Difference) -> dict[str, float]:
    """For the JSON line: the difference and its interval's ends."""
    values = {"mean": difference.mean, "low": difference.low, "high": difference.high}
    return {name: round(value, 5) for name, value in values.items()}


def between(text: str, table: str, start: str, end: str) -> str:
    """The text with ``table`` between its markers. Raises SourceError where they are missing."""
    before, found, rest = text.partition(start)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        raise SourceError(f"the markers are missing. Cure: write {start} and {end} into the file.")
    return f"{before}{start}\n{table}\n{end}{after}"


def surroundings() -> dict[str, Any]:
    """Where and how this process runs: processor, versions, day and command."""
    return {
        "processor": processor(),
        "versions": versions(),
        "date": datetime.now(UTC).date().isoformat(),
        "command": command(),
    }


def processor() -> str:
    """The processor's name and how many cores this process may use, and an accelerator's name."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    text = f"{_cpu_name()}, {cores} cores"
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        text += f"; {torch.cuda.get_device_name(0)}"
    return text


def _cpu_name() -> str:
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def versions() -> dict[str, str]:
    """Python's version, and those of the packages that decide speed and accuracy."""
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def command() -> str:
    """The command that runs this process, as one would type it from the repository's root.

    Of an absolute path only the last part is shown: the rest belongs to one machine.
    """
    spec = getattr(sys.modules.get("__main__"), "__spec__", None)
    arguments = [Path(part).name if Path(part).is_absolute() else part for part in sys.argv[1:]]
    if spec is None:
        return " ".join(["python", Path(sys.argv[0]).name, *arguments])
    return " ".join(["python", "-m", spec.name.removesuffix(".__main__"), *arguments])
