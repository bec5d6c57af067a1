"""``python -m benchmarks.accuracy DATASET``: kgrec's defaults, its peers and its parts, side by
side on the same rows."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.datasets import NAMES, PROTOCOLS, load_dataset
from benchmarks.peers import PEERS, TIMED
from benchmarks.report import finish
from benchmarks.rows import Rows, read_rows
from benchmarks.running import Outcome, run_peer
from kgrec.graph.snapshot import NO_TIME

OURS = "kgrec"


def main(arguments: Sequence[str] | None = None) -> None:
    """Run what the command line asks for; see ``--help``."""
    asked = _parser().parse_args(arguments)
    rows, read_seconds = read_rows(lambda: load_dataset(asked.dataset).catalog, asked.snapshot)
    seeds = list(range(asked.seeds))
    outcomes: list[Outcome] = []
    variants: list[dict[str, Any]] = []
    ablations: dict[str, Any] = {}
    result: dict[str, Any] = {}
    wanted = _wanted(asked)
    if OURS in wanted:
        from benchmarks.ours import run_kgrec
        from kgrec.cli.evaluating import peak_memory_gb

        device = asked.device
        whole = run_kgrec(
            rows, seeds=seeds, device=device, read_seconds=read_seconds, texts=asked.texts
        )
        outcomes.append(whole)
        result["fit_seconds"] = round(whole.fit_seconds[0], 2)
        result["peak_memory_gb"] = round(peak_memory_gb(), 3)
        _tell(whole, rows)
        if asked.ablate:
            ablations, variants = _ablate(whole, rows, asked, read_seconds)
    for name in wanted:
        if name == OURS:
            continue
        if name in TIMED and not _has_times(rows):
            print(f"{name}: left out, the data has no times", file=sys.stderr)
            continue
        peer = run_peer(name, rows, seeds=seeds, device=asked.device or "cpu", tries=asked.tries)
        outcomes.append(peer)
        _tell(peer, rows)
    first, *others = _histories(rows, asked)
    result = {
        "data": asked.dataset,
        "protocol": PROTOCOLS[asked.dataset],
        "history": first,
        **_figures(outcomes, first),
        **result,
        **{f"history={other}": _figures(outcomes, other, brief=True) for other in others},
        "seeds": seeds,
        "threads": os.environ.get("OMP_NUM_THREADS", "all"),
    }
    if ablations:
        result["ablations"] = ablations
    table = [outcome.row(history) for history in (first, *others) for outcome in outcomes]
    finish(_file(asked), result, [*table, *variants], asked.save)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.accuracy", description="Accuracy on held-out rows."
    )
    parser.add_argument("dataset", choices=NAMES)
    parser.add_argument("--seeds", type=int, default=1, help="fit with seeds 0 to N-1 (default 1)")
    parser.add_argument("--peers", action="store_true", help="kgrec and every peer")
    parser.add_argument("--only", help=f"these models alone, by comma: {', '.join((OURS, *PEERS))}")
    parser.add_argument("--ablate", action="store_true", help="also kgrec without each part")
    parser.add_argument(
        "--history",
        choices=("now", "train"),
        help="now: validation rows count as history when testing; train: they don't (default both)",
    )
    parser.add_argument("--tries", type=int, default=8, help="settings a peer may try (default 8)")
    parser.add_argument("--device", help="cpu or cuda (kgrec takes an accelerator by itself)")
    parser.add_argument("--texts", type=Path, help="text cache to use (default: an empty one)")
    parser.add_argument(
        "--snapshot", type=Path, help="keep the data here as arrays; read it from here if it is"
    )
    parser.add_argument("--save", action="store_true", help="keep the result in benchmarks/results")
    return parser


def _wanted(asked: argparse.Namespace) -> list[str]:
    if asked.only is None:
        return [OURS, *PEERS] if asked.peers else [OURS]
    names = [name.strip() for name in asked.only.split(",")]
    unknown = sorted(set(names) - {OURS, *PEERS})
    if unknown:
        raise SystemExit(f"no model is called {', '.join(unknown)}; use {', '.join(PEERS)}")
    return names


def _ablate(
    whole: Outcome, rows: Rows, asked: argparse.Namespace, read_seconds: float
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    from benchmarks.ours import VARIANTS, difference, run_kgrec

    history = _histories(rows, asked)[0]
    found: dict[str, Any] = {}
    lines = []
    for variant in VARIANTS:
        if not variant.applies(rows.snapshot):
            continue
        part = run_kgrec(
            rows,
            seeds=whole.seeds,
            device=asked.device,
            read_seconds=read_seconds,
            texts=asked.texts,
            variant=variant,
        )
        _tell(part, rows)
        change = difference(part, whole, history)
        found[variant.name] = {
            **part.summary(history),
            "change": {
                metric: {"mean": round(d.mean, 5), "low": round(d.low, 5), "high": round(d.high, 5)}
                for metric, d in change.items()
            },
        }
        lines.append({**part.row(history), "change of ndcg@10": str(change["ndcg@10"])})
    return found, lines


def _histories(rows: Rows, asked: argparse.Namespace) -> tuple[Any, ...]:
    known = rows.histories()
    return (asked.history,) if asked.history in known else known


def _figures(outcomes: Sequence[Outcome], history: Any, brief: bool = False) -> dict[str, Any]:
    figures = {
        outcome.model: outcome.figures(history) if brief else outcome.summary(history)
        for outcome in outcomes
    }
    ours = {OURS: figures.pop(OURS)} if OURS in figures else {}
    return {**ours, "peers": figures}


def _has_times(rows: Rows) -> bool:
    return bool((rows.train.timestamp != NO_TIME).any())


def _tell(outcome: Outcome, rows: Rows) -> None:
    """A line on stderr as soon as a model is done: whole runs take a while."""
    told = ", ".join(
        f"{history}: ndcg@10 {outcome.mean(history)['ndcg@10']:.4f}" for history in rows.histories()
    )
    print(f"{outcome.model}: {told}; fit {outcome.fit_seconds[0]:.1f} s", file=sys.stderr)


def _file(asked: argparse.Namespace) -> str:
    """One result a data set; models that were run alone keep theirs beside it."""
    history = "" if asked.history is None else f"-{asked.history}"
    alone = "" if asked.only is None else "." + asked.only.replace(",", "+")
    return f"accuracy-{asked.dataset}{history}{alone}"


if __name__ == "__main__":
    main()
