"""Smaller models beside the whole one: ``python -m benchmarks.compress``.

A model with the defaults, the same rounded to 8 bits (``save(precision="int8")``), two of a smaller
width, and one that learns from the first (``training.teacher``): the size of the folder, the memory
that a process takes for it, the time of a list, and NDCG@10 of the same users.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

Figures = dict[str, Any]

WIDTH: Final = 64
ALONE: Final = 300  # requests for one user
K: Final = 10
FULL, INT8, HALF = "default", "int8", "width 256"
NARROW, TAUGHT = f"width {WIDTH}", f"width {WIDTH}, distilled"


def main(arguments: Sequence[str] | None = None) -> None:
    """Fit the models, measure each in a process of its own, and report."""
    asked = _parser().parse_args(arguments)
    if asked.stage is not None:
        print(json.dumps(_measure(asked.stage)))
        return
    with tempfile.TemporaryDirectory(prefix="kgrec-compress-") as scratch:
        folders = _models(Path(asked.models or scratch), asked)
        measured = {name: _in_process(folder) for name, folder in folders.items()}
    _report(measured, asked)


def _parser() -> argparse.ArgumentParser:
    from benchmarks.harness.datasets import NAMES

    parser = argparse.ArgumentParser(prog="python -m benchmarks.compress", description=__doc__)
    parser.add_argument("--data", choices=NAMES, default="ml-100k-split")
    parser.add_argument("--epochs", type=int, help="at most: fewer for a quick look")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--models", help="folder that keeps the models; those there are not fitted")
    parser.add_argument("--save", action="store_true", help="keep the result")
    parser.add_argument("--stage", type=Path, help=argparse.SUPPRESS)
    return parser


def _models(place: Path, asked: argparse.Namespace) -> dict[str, Path]:
    """The folder of each model, fitted where it is not there yet."""
    from kgrec import Recommender

    folders = {name: place / name.replace(", ", "-").replace(" ", "-") for name in _SETTINGS}
    for name, settings in _SETTINGS.items():
        if not folders[name].exists():
            print(f"fitting: {name}", file=sys.stderr, flush=True)
            _fit(settings, folders, asked).save(folders[name])
    folders[INT8] = place / "int8"
    Recommender.load(folders[FULL]).save(folders[INT8], precision="int8")
    return {name: folders[name] for name in (FULL, INT8, HALF, NARROW, TAUGHT)}


_SETTINGS: Final[dict[str, dict[str, dict[str, Any]]]] = {
    FULL: {},
    HALF: {"model": {"embedding_size": 256}},
    NARROW: {"model": {"embedding_size": WIDTH}},
    TAUGHT: {"model": {"embedding_size": WIDTH}, "training": {"losses": {"": "kl"}}},
}


def _fit(
    settings: dict[str, dict[str, Any]], folders: dict[str, Path], asked: argparse.Namespace
) -> Any:
    from benchmarks.harness.datasets import load_dataset
    from benchmarks.harness.rows import read_rows
    from kgrec import Recommender, RecommenderConfig

    rows, _ = read_rows(lambda: load_dataset(asked.data).catalog, None)
    given = {part: dict(values) for part, values in settings.items()}
    training = given.setdefault("training", {})
    training["epochs"] = asked.epochs
    if "losses" in training:
        training["teacher"] = str(folders[FULL])
    config = RecommenderConfig.model_validate(given)
    return Recommender(config).fit(rows.snapshot, seed=asked.seed, device="cpu")


def _in_process(folder: Path) -> Figures:
    command = [sys.executable, "-m", "benchmarks.compress", "--stage", str(folder)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    figures: Figures = json.loads(done.stdout.splitlines()[-1])
    return figures


def _measure(folder: Path) -> Figures:
    import numpy as np

    from kgrec import Recommender

    imported = _memory()
    started = time.process_time()
    model = Recommender.load(folder, device="cpu")
    loaded = time.process_time() - started
    users = [str(one) for one in model.snapshot.users.ids[:ALONE]]
    model.state.engine.warm_up()
    model.rank(users[0], k=K)
    taken = _memory() - imported
    times = []
    for user in users:
        started = time.process_time()
        model.rank(user, k=K)
        times.append(time.process_time() - started)
    report = model.evaluate(keep_users=True)
    return {
        "folder_mb": round(sum(path.stat().st_size for path in folder.iterdir()) / 1e6, 3),
        "memory_mb": round(taken / 1e6, 1),
        "load_seconds": round(loaded, 2),
        "ms": round(1e3 * float(np.median(times)), 4),
        "ndcg@10": round(report["ndcg@10"], 5),
        "recall@20": round(report["recall@20"], 5),
        "users": np.asarray(report.per_user["ndcg@10"]).tolist(),
    }


def _memory() -> int:
    """Bytes of memory that this process has now."""
    import os

    pages = int(Path("/proc/self/statm").read_text(encoding="utf-8").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def _report(measured: dict[str, Figures], asked: argparse.Namespace) -> None:
    import numpy as np

    from benchmarks.harness.report import finish, interval
    from kgrec.evaluation import paired_bootstrap

    whole = np.array(measured[FULL]["users"])
    for figures in measured.values():
        others = np.array(figures.pop("users"))
        figures["loss_of_ndcg@10"] = interval(paired_bootstrap(others, whole))
    finish(
        f"compress-{asked.data}",
        {
            "data": asked.data,
            "protocol": "history now; memory is what loading and the first list add to the "
            f"imported packages; processor milliseconds of one list (median of {ALONE}); the loss "
            "is NDCG@10 of the default less that of the row, users paired, 95 % interval",
            "kgrec": measured,
            "peers": {},
            "seeds": [asked.seed],
        },
        [{"model": name, **_plain(figures)} for name, figures in measured.items()],
        asked.save,
    )


def _plain(figures: Figures) -> Figures:
    """A row of the table: the interval as a text."""
    loss = figures["loss_of_ndcg@10"]
    text = f"{loss['mean']:+.4f} ({loss['low']:+.4f} to {loss['high']:+.4f})"
    return {**figures, "loss_of_ndcg@10": text}


if __name__ == "__main__":
    main()
