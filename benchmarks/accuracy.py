"""``python -m benchmarks.accuracy DATASET``: kgrec's defaults, its peers and its parts, side by
side on the same rows."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.harness.datasets import NAMES, PROTOCOLS, load_dataset
from benchmarks.harness.report import finish, interval
from benchmarks.harness.rows import History, Rows, read_rows
from benchmarks.harness.running import Outcome, differences, run_peer
from benchmarks.peers import PEERS, TIMED, TRIES
from kgrec.graph.snapshot import NO_TIME

OURS = "kgrec"
MAIN_METRIC = "ndcg@10"
LEADS = (MAIN_METRIC, "ndcg@20", "recall@20")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run what the command line asks for; see ``--help``."""
    asked = _parser().parse_args(arguments)
    wanted = _wanted(asked)
    rows, read_seconds = read_rows(lambda: load_dataset(asked.dataset).catalog, asked.snapshot)
    ours, parts, cost = _ours(rows, asked, read_seconds) if OURS in wanted else ([], [], {})
    outcomes = ours + _peers([name for name in wanted if name != OURS], rows, asked)
    first, *others = _histories(rows, asked)
    result = {
        "data": asked.dataset,
        "protocol": PROTOCOLS[asked.dataset],
        "history": first,
        "effort": asked.effort,
        **_figures(outcomes, first),
        **cost,
        **{f"history={other}": _figures(outcomes, other, brief=True) for other in others},
        "ablations": _compared(ours, parts, first),
        "seeds": list(range(asked.seeds)),
        "threads": os.environ.get("OMP_NUM_THREADS", "all"),
    }
    finish(_file(asked), result, _table(outcomes, parts, (first, *others)), asked.save)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.accuracy", description="Accuracy on held-out rows."
    )
    parser.add_argument("dataset", choices=NAMES)
    parser.add_argument("--seeds", type=int, default=1, help="fit with seeds 0 to N-1 (default 1)")
    parser.add_argument("--peers", action="store_true", help="kgrec and every peer")
    parser.add_argument("--only", help=f"these alone, by comma: {', '.join((OURS, *PEERS))}")
    parser.add_argument("--ablate", action="store_true", help="also kgrec without each part")
    parser.add_argument(
        "--history",
        choices=("now", "train"),
        help="now: validation rows count as history when testing; train: they don't (default both)",
    )
    parser.add_argument("--epochs", type=int, help="kgrec's, at most: fewer for a quick look")
    parser.add_argument(
        "--effort", choices=("quick", "normal", "thorough"), default="normal", help="kgrec's"
    )
    parser.add_argument("--tries", type=int, default=8, help="settings a peer may try (default 8)")
    parser.add_argument(
        "--try", type=int, dest="nth_try", metavar="N", help="only the N-th of a peer's settings"
    )
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
        known = ", ".join((OURS, *PEERS))
        raise SystemExit(f"no model is called {', '.join(unknown)}; use {known}")
    return names


def _ours(
    rows: Rows, asked: argparse.Namespace, read_seconds: float
) -> tuple[list[Outcome], list[Outcome], dict[str, Any]]:
    """kgrec, kgrec without each part, and what the first seed of the whole cost."""
    from benchmarks.harness.ours import run_kgrec
    from benchmarks.harness.variants import VARIANTS
    from kgrec.cli.evaluate import peak_memory_gb

    def run(variant: Any = None) -> Outcome:
        outcome = run_kgrec(
            rows,
            seeds=range(asked.seeds),
            device=asked.device,
            read_seconds=read_seconds,
            texts=asked.texts,
            epochs=asked.epochs,
            effort=asked.effort,
            variant=variant,
        )
        _tell(outcome, rows)
        return outcome

    whole = run()
    cost = {
        "fit_seconds": round(whole.fit_seconds[0], 2),
        "peak_memory_gb": round(peak_memory_gb(), 3),
    }
    variants = [variant for variant in VARIANTS if variant.applies(rows)] if asked.ablate else []
    return [whole], [run(variant) for variant in variants], cost


def _peers(names: Sequence[str], rows: Rows, asked: argparse.Namespace) -> list[Outcome]:
    found = []
    for name in names:
        if name in TIMED and (rows.train.timestamp == NO_TIME).all():
            print(f"{name}: left out, for the data has no times", file=sys.stderr)
            continue
        options = TRIES[name][: asked.tries]
        if asked.nth_try is not None:
            options = TRIES[name][asked.nth_try - 1 :][:1] or options[-1:]
        device = asked.device or "cpu"
        outcome = run_peer(name, rows, seeds=range(asked.seeds), device=device, options=options)
        _tell(outcome, rows)
        found.append(outcome)
    return found


def _histories(rows: Rows, asked: argparse.Namespace) -> tuple[History, ...]:
    known = rows.histories()
    return (asked.history,) if asked.history in known else known


def _figures(outcomes: Sequence[Outcome], history: History, brief: bool = False) -> dict[str, Any]:
    """``{"kgrec": …, "peers": …}``; where kgrec ran, with its lead over each peer."""
    ours = [outcome for outcome in outcomes if outcome.model == OURS]
    others = [outcome for outcome in outcomes if outcome.model != OURS]
    figures = {outcome.model: _told(outcome, history, brief) for outcome in others}
    if not ours:
        return {"peers": figures}
    for outcome in others:
        leads = differences(outcome, ours[0], history)
        for metric in LEADS:
            figures[outcome.model][f"kgrec_ahead_{metric}"] = interval(leads[metric])
    return {OURS: _told(ours[0], history, brief), "peers": figures}


def _told(outcome: Outcome, history: History, brief: bool) -> dict[str, Any]:
    return outcome.figures(history) if brief else outcome.summary(history)


def _compared(
    whole: Sequence[Outcome], parts: Sequence[Outcome], history: History
) -> dict[str, Any]:
    """Each part's absence: the figures without it, and how far they are from the whole's."""
    found = {}
    for part in parts:
        changes = differences(whole[0], part, history)
        shown = {metric: interval(change) for metric, change in changes.items()}
        found[part.model] = {**part.summary(history), "change": shown}
    return found


def _table(
    outcomes: Sequence[Outcome], parts: Sequence[Outcome], histories: Sequence[History]
) -> list[dict[str, Any]]:
    """A row a model and history; parts taken away tell their change with its 95 % interval."""
    rows = [outcome.row(history) for history in histories for outcome in outcomes]
    for part in parts:
        change = differences(outcomes[0], part, histories[0])[MAIN_METRIC]
        rows.append({**part.row(histories[0]), f"change of {MAIN_METRIC}": str(change)})
    return rows


def _tell(outcome: Outcome, rows: Rows) -> None:
    """A line on stderr as soon as a model is done: whole runs take a while."""
    means = {history: outcome.mean(history)[MAIN_METRIC] for history in rows.histories()}
    shown = ", ".join(f"history {history}: {mean:.4f}" for history, mean in means.items())
    seconds = outcome.fit_seconds[0]
    print(f"{outcome.model}: {MAIN_METRIC} {shown}; fit {seconds:.1f} s", file=sys.stderr)


def _file(asked: argparse.Namespace) -> str:
    """One result a data set; ablations and models that were run alone keep theirs beside it."""
    history = "" if asked.history is None else f".{asked.history}"
    alone = "" if asked.only is None else "." + asked.only.replace(",", "+")
    parts = ".ablations" if asked.ablate and not asked.peers else ""
    effort = "" if asked.effort == "normal" else f".{asked.effort}"
    return f"accuracy-{asked.dataset}{history}{alone}{parts}{effort}"


if __name__ == "__main__":
    main()
