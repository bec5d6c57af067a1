"""``python -m benchmarks.effort [DATASET ...]``: accuracy against seconds, for each effort of
``Recommender.fit`` and for peers, on all data sets; with ``--save`` also as a picture.

Seconds are from an opened graph to a model that answers, with what choosing settings takes: a
peer's tries on validation rows count, as kgrec's own do. Texts are encoded beforehand into
``--texts`` by whoever wants to leave that out.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from benchmarks.harness import report
from benchmarks.harness.datasets import NAMES, PROTOCOLS, load_dataset
from benchmarks.harness.rows import Rows, read_rows
from benchmarks.harness.running import METRICS, Outcome, differences, run_peer
from benchmarks.peers import TRIES

EFFORTS: Final = ("quick", "normal", "thorough")
PEERS: Final = ("popularity", "item-knn", "ease", "local-ridge", "als")
_DENSE_ITEMS: Final = 20_000  # item-knn and ease make a table of all pairs


def main(arguments: Sequence[str] | None = None) -> None:
    """Run every model on every data set and report."""
    asked = _parser().parse_args(arguments)
    found = {name: _measure(name, asked) for name in asked.datasets}
    result = {
        "data": ", ".join(found),
        "protocol": "seconds: from an opened graph to a model that answers, choosing included",
        "datasets": found,
        "seeds": [asked.seed],
        "threads": os.environ.get("OMP_NUM_THREADS", "all"),
    }
    rows = [
        {"data": name, "model": model, **figures}
        for name, part in found.items()
        for model, figures in part["models"].items()
    ]
    report.finish("effort", result, [_row(row) for row in rows], asked.save)
    if asked.save:
        from benchmarks.harness.effort_picture import draw_efforts

        draw_efforts(found, report.result_path("effort").with_suffix(".png"))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.effort", description=__doc__)
    parser.add_argument(
        "datasets", nargs="*", default=list(NAMES), metavar="DATASET", help=", ".join(NAMES)
    )
    parser.add_argument(
        "--efforts", nargs="+", choices=EFFORTS, default=["quick", "normal"], help="kgrec's"
    )
    parser.add_argument("--peers", nargs="*", choices=PEERS, default=list(PEERS))
    parser.add_argument("--tries", type=int, default=8, help="settings a peer may try (default 8)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--texts", type=Path, help="text cache to use (default: an empty one)")
    parser.add_argument(
        "--snapshots", type=Path, help="keep each data set here as arrays; read it from here if so"
    )
    parser.add_argument("--save", action="store_true", help="keep the result and its picture")
    return parser


def _measure(name: str, asked: argparse.Namespace) -> dict[str, Any]:
    """One data set: each model's metrics, seconds, and kgrec's leads over peers."""
    kept = None if asked.snapshots is None else asked.snapshots / name
    rows, _ = read_rows(lambda: load_dataset(name).catalog, kept)
    ours = {effort: _ours(rows, effort, asked) for effort in asked.efforts}
    peers = {peer: _peer(rows, peer, asked) for peer in _feasible(rows, asked.peers)}
    models = {f"kgrec, {effort}": outcome for effort, outcome in ours.items()} | peers
    history = rows.histories()[0]
    leads = {
        f"kgrec, {effort}": {
            peer: report.interval(differences(theirs, outcome, history)["ndcg@10"])
            for peer, theirs in peers.items()
        }
        for effort, outcome in ours.items()
    }
    return {
        "protocol": PROTOCOLS[name],
        "history": history,
        "models": {model: _figures(one, history) for model, one in models.items()},
        "ahead_ndcg@10": leads,
    }


def _feasible(rows: Rows, peers: Sequence[str]) -> list[str]:
    """The peers whose tables fit into memory."""
    many = len(rows.snapshot.items) > _DENSE_ITEMS
    return [peer for peer in peers if not (many and peer in ("item-knn", "ease"))]


def _ours(rows: Rows, effort: str, asked: argparse.Namespace) -> Outcome:
    from benchmarks.harness.ours import run_kgrec

    outcome = run_kgrec(
        rows, seeds=[asked.seed], device="cpu", read_seconds=0.0, texts=asked.texts, effort=effort
    )
    _tell(f"kgrec, {effort}", outcome, rows)
    return outcome


def _peer(rows: Rows, name: str, asked: argparse.Namespace) -> Outcome:
    options = TRIES[name][: asked.tries]
    outcome = run_peer(name, rows, seeds=[asked.seed], device="cpu", options=options)
    _tell(name, outcome, rows)
    return outcome


def _figures(outcome: Outcome, history: Any) -> dict[str, float]:
    choosing = float(outcome.notes.get("choosing_seconds", 0.0))
    means = outcome.mean(history)
    return {
        "seconds": round(outcome.fit_seconds[0] + choosing, 1),
        **{metric: round(means[metric], 5) for metric in METRICS},
    }


def _row(row: dict[str, Any]) -> dict[str, Any]:
    shown = ("data", "model", "seconds", "ndcg@10", "recall@20", "ndcg@20")
    return {name: row[name] for name in shown}


def _tell(model: str, outcome: Outcome, rows: Rows) -> None:
    figures = _figures(outcome, rows.histories()[0])
    print(f"{model}: {figures}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    report.run(main)
