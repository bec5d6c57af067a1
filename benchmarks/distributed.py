"""Training by several processes against one: ``python -m benchmarks.distributed``.

A generated graph is trained on by 1, 2 and 4 processes of this machine (gloo), with four
micro-steps a step each time. Their results must be the same. The processor seconds of one process
are divided by those of all ranks together: with a core for each rank, that is the efficiency.
Then a rank is killed, and one is stopped, and the training is resumed by another number of ranks.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from benchmarks.harness.report import finish, run

Figures = dict[str, Any]

MICROS: Final = 4
RANKS: Final = (1, 2, 4)
EPOCHS: Final = 3
EDGES: Final = 100_000
TIMEOUT: Final = 20  # seconds in which a stopped rank must be noticed
TARGETS: Final = {
    "first_loss_difference": 1e-6,
    "loss_difference": 1e-4,
    "ndcg_difference": 5e-4,
    "efficiency": 0.87,
    "imbalance": 1.1,
    "megabytes_a_step": 10.0,
}
_METRIC: Final = "valid_ndcg@10"
_SHORT, _LONG = "settings.toml", "long.toml"
LONGER: Final = 6  # times the epochs, where a rank is killed


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and report."""
    asked = _parser().parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="kgrec-distributed-") as folder:
        place = Path(folder)
        _prepare(place, asked)
        runs = _runs(place, asked)
        found = {f"{ranks} ranks": _figures(runs, ranks) for ranks in RANKS}
        ends = {} if asked.no_ends else _ends(place, asked)
    _report(found, ends, asked)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.distributed", description=__doc__)
    parser.add_argument("--edges", type=float, default=EDGES, metavar="N")
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    parser.add_argument("--embedding-size", type=int, default=64)
    parser.add_argument("--batch-size", type=int, default=1024, help="users of a micro-step")
    parser.add_argument("--repeats", type=int, default=3, help="runs of each number of ranks")
    parser.add_argument("--no-ends", action="store_true", help="end no rank")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--save", action="store_true", help="keep the result")
    return parser


def _prepare(place: Path, asked: argparse.Namespace) -> None:
    """Write the graph and the settings."""
    from benchmarks.speed.generate import generate
    from kgrec.graph.parquet import write_snapshot
    from kgrec.graph.source import catalog_snapshot

    graph = place / "graph"
    graph.mkdir()
    write_snapshot(catalog_snapshot(generate(int(asked.edges), asked.seed)), graph)
    for name, epochs in ((_SHORT, asked.epochs), (_LONG, LONGER * asked.epochs)):
        (place / name).write_text(
            f"[model]\nembedding_size = {asked.embedding_size}\n"
            f"[training]\nepochs = {epochs}\nvalid_every = {asked.epochs}\n"
            f'batch_size = {asked.batch_size}\nsampling = "sampled"\nrefit = false\n',
            encoding="utf-8",
        )


def _runs(place: Path, asked: argparse.Namespace) -> dict[int, list[Figures]]:
    """The reports of every number of ranks, the repeats interleaved."""
    runs: dict[int, list[Figures]] = {ranks: [] for ranks in RANKS}
    for repeat in range(asked.repeats):
        for ranks in RANKS:
            out = place / f"{ranks}-{repeat}"
            print(f"{ranks} ranks, run {repeat + 1}", file=sys.stderr, flush=True)
            _wait(_torchrun(place, out, ranks, asked, _SHORT), f"{ranks} ranks")
            runs[ranks].append(json.loads((out / "report.json").read_text(encoding="utf-8")))
    return runs


def _arguments(
    place: Path, out: Path, asked: argparse.Namespace, settings: str = _LONG
) -> list[str]:
    return [
        "-m",
        "kgrec.distributed",
        *("--snapshot", str(place / "graph"), "--config", str(place / settings)),
        *("--out", str(out), "--micros", str(MICROS), "--seed", str(asked.seed)),
        *("--timeout", str(TIMEOUT), "--device", "cpu"),
    ]


def _torchrun(
    place: Path, out: Path, ranks: int, asked: argparse.Namespace, settings: str, *more: str
) -> subprocess.Popen[bytes]:
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    launcher += ["--nproc-per-node", str(ranks)]
    command = [*launcher, *_arguments(place, out, asked, settings), *more]
    return subprocess.Popen(command, stderr=subprocess.DEVNULL)


def _wait(process: subprocess.Popen[bytes], what: str) -> None:
    if process.wait():
        raise SystemExit(
            f"error: {what} ended with code {process.returncode}. Cure: run torchrun -m "
            "kgrec.distributed by hand to see why."
        )


def _figures(runs: dict[int, list[Figures]], ranks: int) -> Figures:
    """One number of ranks against one process; costs are the least of the repeats."""
    one, own = runs[1][0], runs[ranks][0]
    losses = [[each["loss"] for each in found["history"]] for found in (one, own)]
    single = min(_processor(found)[0] for found in runs[1])
    by_rank = min((_processor(found) for found in runs[ranks]), key=sum)
    steps = own["steps"]
    sent = max(each["bytes_sent"] for each in own["by_rank"]) / steps
    return {
        "steps": steps,
        "first_loss": own["first_loss"],
        "first_loss_difference": abs(own["first_loss"] - one["first_loss"]),
        "losses": [round(loss, 6) for loss in losses[1]],
        "loss_difference": max(abs(a - b) / abs(a) for a, b in zip(*losses, strict=True)),
        "valid_ndcg@10": own["history"][-1][_METRIC],
        "ndcg_difference": abs(own["history"][-1][_METRIC] - one["history"][-1][_METRIC]),
        "processor_seconds_a_step": round(sum(by_rank), 4),
        "efficiency": round(single / sum(by_rank), 3),
        "imbalance": round(max(by_rank) * len(by_rank) / sum(by_rank), 3),
        "megabytes_a_step": round(sent / 1e6, 3),
        "whole_processor_seconds": round(sum(e["processor_seconds"] for e in own["by_rank"]), 1),
        "peak_gb_a_rank": round(max(each["peak_gb"] for each in own["by_rank"]), 3),
    }


def _processor(report: Figures) -> list[float]:
    """Processor seconds of the median step, by rank."""
    return [each["median_step_processor_seconds"] for each in report["by_rank"]]


def _ends(place: Path, asked: argparse.Namespace) -> Figures:
    """What happens where a rank is killed or stopped, with and without torchrun."""
    _wait(_torchrun(place, place / "long", 1, asked, _LONG), "the training without interruption")
    weights = place / "long" / "model" / "model.safetensors"
    print("a rank is killed", file=sys.stderr, flush=True)
    out = place / "killed"
    killed = _torchrun_killed(place, out, asked)
    _wait(_torchrun(place, out, 4, asked, _LONG, "--resume"), "the resumed training")
    same = (out / "model" / "model.safetensors").read_bytes() == weights.read_bytes()
    alone, said = _without_launcher(place, asked, signal.SIGKILL)
    stopped, _ = _without_launcher(place, asked, signal.SIGSTOP)
    return {
        "torchrun_ends_after_seconds": round(killed, 1),
        "other_rank_ends_after_seconds": round(alone, 1),
        "other_rank_says": said,
        "stopped_rank_noticed_after_seconds": round(stopped, 1),
        "timeout_seconds": TIMEOUT,
        "resumed_by_other_number_is_equal": same,
    }


def _torchrun_killed(place: Path, out: Path, asked: argparse.Namespace) -> float:
    """Seconds from the end of one of two ranks to that of torchrun."""
    launcher = _torchrun(place, out, 2, asked, _LONG)
    _after_an_epoch(out, [launcher])
    os.kill(_children(launcher.pid)[1], signal.SIGKILL)
    started = time.monotonic()
    launcher.wait()
    if not launcher.returncode:
        raise SystemExit("error: torchrun reports success though a rank was killed.")
    return time.monotonic() - started


def _without_launcher(
    place: Path, asked: argparse.Namespace, how: signal.Signals
) -> tuple[float, str]:
    """Two ranks that no launcher watches, of which one gets a signal: seconds until the other one
    ends, and the last line that it says."""
    out = place / how.name
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    ranks = []
    for rank in ("0", "1"):
        world = {"RANK": rank, "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
        command = [sys.executable, *_arguments(place, out, asked)]
        ranks.append(subprocess.Popen(command, stderr=subprocess.PIPE, env={**os.environ, **world}))
    _after_an_epoch(out, ranks)
    ranks[1].send_signal(how)
    started = time.monotonic()
    _, said = ranks[0].communicate()
    seconds = time.monotonic() - started
    ranks[1].kill()
    ranks[1].communicate()
    lines = [line for line in said.decode().splitlines() if line.startswith("error:")]
    return seconds, lines[-1] if lines else ""


def _after_an_epoch(out: Path, processes: Sequence[subprocess.Popen[bytes]]) -> None:
    """Wait for a run's first checkpoint."""
    state = out / "checkpoint" / "state.json"
    while not state.exists():
        if any(process.poll() is not None for process in processes):
            raise SystemExit("error: the training ended before its first epoch.")
        time.sleep(0.05)


def _children(process: int) -> list[int]:
    """The processes that a process has started."""
    listed = Path(f"/proc/{process}/task/{process}/children").read_text(encoding="utf-8")
    return sorted(map(int, listed.split()))


def _report(found: dict[str, Figures], ends: Figures, asked: argparse.Namespace) -> None:
    finish(
        "distributed",
        {
            "data": "generated",
            "protocol": f"{int(asked.edges):,} edges, embedding size {asked.embedding_size}, "
            f"{asked.epochs} epochs, {MICROS} micro-steps of {asked.batch_size} users a step, "
            f"gloo; processor seconds of all ranks in the median step, the least of "
            f"{asked.repeats} runs; megabytes: what the busiest rank sends in a step",
            "kgrec": found,
            "ends": ends,
            "targets": TARGETS,
            "peers": {},
            "seeds": [asked.seed],
        },
        [
            {"figure": name, **{ranks: _cell(figures[name]) for ranks, figures in found.items()}}
            for name in next(iter(found.values()))
        ]
        + [{"figure": name, next(iter(found)): _cell(value)} for name, value in ends.items()],
        asked.save,
    )


def _cell(value: Any) -> Any:
    if isinstance(value, list):
        return " ".join(map(str, value))
    return f"{value:.3g}" if isinstance(value, float) else value


if __name__ == "__main__":
    run(main)
