"""How much longer a fit takes beside two busy programs: ``python -m benchmarks.busy``.

Every way of starting is a fresh process that fits the same generated graph (or a folder that kgrec
can load) alone, then beside the busy programs, then alone again, so that a machine whose speed
drifts is seen. Ways: kgrec imported first; torch imported before it; and threads that wait actively
(``OMP_WAIT_POLICY=active``, what PyTorch does by itself is between the two). Run it on a machine
with nothing else to do.

On two cores two threads beside two busy programs get half of the processor's time, so a ratio of 2
is the least that fair sharing allows; 2.3 is the bound.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

from benchmarks.harness import report

MOST_RATIO: Final = 2.3  # seconds beside busy programs, by seconds alone
MOST_LOSS: Final = 0.05  # of the time alone, against threads that wait as PyTorch has them
BUSY: Final = 2
EDGES, EPOCHS, EMBEDDING_SIZE = 30_000, 6, 64
# The modules imported in turn, and the variables set.
WAYS: Final[dict[str, tuple[tuple[str, ...], dict[str, str]]]] = {
    "kgrec first": (("kgrec", "torch"), {}),
    "torch first": (("numpy", "torch", "kgrec"), {}),
    "active": (("kgrec", "torch"), {"GOMP_SPINCOUNT": "300000"}),
}
_SET: Final = ("OMP_", "MKL_", "GOMP_", "KMP_", "KGREC_THREADS", "OPENBLAS_")


def main(arguments: Sequence[str] | None = None) -> None:
    asked = _parser().parse_args(arguments)
    if asked.fit is not None:
        print(json.dumps(_fit(asked)))
        return
    rows = [measure(way, asked) for way in (asked.ways or WAYS)]
    by_way = {row["way"]: row for row in rows}
    result = {
        "data": asked.data or f"{asked.edges:,} generated edges",
        "protocol": f"seconds of a fit alone (the mean of before and after) and beside {BUSY} "
        "busy programs",
        "kgrec": by_way,
        "peers": {},
        "most_ratio": MOST_RATIO,
        "within": all(row["ratio"] <= MOST_RATIO for row in rows if row["way"] != "active"),
        "quiet_loss": _quiet_loss(by_way),
        "most_quiet_loss": MOST_LOSS,
        "seeds": [0],
    }
    report.finish("busy", result, rows, asked.save)
    if asked.check and not result["within"]:
        sys.exit(1)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.busy", description="Seconds of a fit beside busy programs."
    )
    parser.add_argument("--edges", type=int, default=EDGES)
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    parser.add_argument("--data", help="a folder or file to load in place of a generated graph")
    parser.add_argument("--ways", nargs="+", choices=sorted(WAYS), help="by default all")
    parser.add_argument("--check", action="store_true", help="exit code 1 above the bound")
    parser.add_argument("--save", action="store_true", help="keep the result in benchmarks/results")
    parser.add_argument("--fit", nargs="+", help=argparse.SUPPRESS)  # modules to import first
    return parser


def measure(way: str, asked: argparse.Namespace) -> dict[str, Any]:
    """Seconds of a fit alone and beside busy programs, started in this ``way``."""
    before = _run(way, asked)
    with busy_programs(BUSY):
        beside = _run(way, asked)
    return figures(way, before, beside, _run(way, asked))


def figures(
    way: str, before: dict[str, Any], beside: dict[str, Any], after: dict[str, Any]
) -> dict[str, Any]:
    """The row of a way: from a fit alone, one beside busy programs, and one alone again."""
    alone = statistics.mean([before["seconds"], after["seconds"]])
    return {
        "way": way,
        "alone_seconds": round(alone, 2),
        "busy_seconds": round(beside["seconds"], 2),
        "ratio": round(beside["seconds"] / alone, 2),
        "processor_ratio": round(beside["processor_seconds"] / before["processor_seconds"], 2),
        "threads": beside["threads"],
        "waiting": beside["waiting"],
    }


def _quiet_loss(by_way: dict[str, dict[str, Any]]) -> float | None:
    """The share of the time alone that sleeping threads cost, against actively waiting ones."""
    if not {"kgrec first", "active"} <= set(by_way):
        return None
    sleeping, active = (by_way[way]["alone_seconds"] for way in ("kgrec first", "active"))
    return float(round(sleeping / active - 1, 3))


@contextmanager
def busy_programs(count: int) -> Iterator[list[subprocess.Popen[bytes]]]:
    """So many processes that compute without end, while the block runs."""
    code = "print(flush=True)\nwhile True: pass"
    running = [
        subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) for _ in range(count)
    ]
    try:
        for process in running:
            assert process.stdout is not None
            process.stdout.readline()  # it has started
        yield running
    finally:
        for process in running:
            process.kill()
            process.wait()
            assert process.stdout is not None
            process.stdout.close()


def environment(way: str) -> dict[str, str]:
    """This process's environment without what is set for threads, and what the way sets."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_SET)}
    return {**kept, **WAYS[way][1]}


def _run(way: str, asked: argparse.Namespace) -> dict[str, Any]:
    # First of all the modules: this one imports kgrec.
    code = f"import {', '.join(WAYS[way][0])}, sys\nfrom benchmarks.busy import main\n"
    command = [sys.executable, "-c", code + "main(sys.argv[1:])", "--edges", str(asked.edges)]
    command += ["--epochs", str(asked.epochs), *(["--data", asked.data] if asked.data else [])]
    command += ["--fit", *WAYS[way][0]]
    done = subprocess.run(
        command, stdout=subprocess.PIPE, text=True, check=True, env=environment(way)
    )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def _fit(asked: argparse.Namespace) -> dict[str, Any]:
    """One fit in this process, with the modules imported in the order asked for."""
    for name in asked.fit:
        __import__(name)
    import torch

    import kgrec
    import loaders
    from benchmarks.speed.generate import generate
    from kgrec.threads import waiting

    catalog = loaders.load(asked.data).catalog if asked.data else generate(asked.edges)
    config = kgrec.RecommenderConfig(
        model=kgrec.ModelConfig(use_text=False, embedding_size=EMBEDDING_SIZE),
        training=kgrec.TrainingConfig(epochs=asked.epochs, refit=False),
    )
    started, used = time.perf_counter(), time.process_time()
    kgrec.Recommender(config).fit(catalog)
    return {
        "seconds": time.perf_counter() - started,
        "processor_seconds": time.process_time() - used,
        "threads": torch.get_num_threads(),
        "waiting": waiting(),
    }


if __name__ == "__main__":
    report.run(main)
