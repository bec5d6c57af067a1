"""Reviews in recommendations: kgrec with and without text, beside its peers, on the same rows."""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from benchmarks.harness.ours import run_kgrec
from benchmarks.harness.report import finish
from benchmarks.harness.rows import Rows, read_rows
from benchmarks.harness.running import Outcome, differences, run_peer
from benchmarks.harness.variants import Variant
from benchmarks.peers import TRIES
from benchmarks.texts.review_rows import MUSIC, PROTOCOL, review_catalog
from benchmarks.texts.tuned_runs import ADAPTERS, CUT, contrastive, evaluated, music, tuned
from kgrec.evaluation import Difference
from kgrec.text import EmbeddingCache

PEERS: Final = ("als", "ease", "popularity")
METRIC: Final = "ndcg@10"
NOW: Final = "now"
WITHOUT: Final = Variant("without text", lambda rows: True, {"model": {"use_text": False}})


def main(arguments: Sequence[str] | None = None) -> None:
    asked = _parser().parse_args(arguments)
    if asked.tuned is None:
        _beside_peers(asked)
    else:
        _with_tuning(asked)


def _beside_peers(asked: argparse.Namespace) -> None:
    rows, seconds = read_rows(lambda: review_catalog(MUSIC), asked.snapshot)
    seeds = range(asked.seeds)
    ours, without = (_ours(rows, seeds, seconds, asked, variant) for variant in (None, WITHOUT))
    peers = [_peer(name, rows, seeds) for name in PEERS]
    result = {
        "data": MUSIC,
        "protocol": PROTOCOL,
        "kgrec": figures(ours, without),
        "peers": {peer.model: against(ours, peer) for peer in peers},
        "seeds": list(seeds),
        "threads": os.environ.get("OMP_NUM_THREADS", "all"),
    }
    finish("text-reviews", result, [each.row(NOW) for each in (ours, without, *peers)], asked.save)


def _with_tuning(asked: argparse.Namespace) -> None:
    """The model with reviews read by a language model that was tuned on their training rows."""
    snapshot, seeds = music(), range(asked.seeds)
    ours, without = Outcome(f"kgrec, {asked.tuned}", "kgrec"), Outcome("without text", "kgrec")
    with tempfile.TemporaryDirectory(prefix="kgrec-") as scratch:
        for seed in seeds:
            out, cache = Path(scratch) / f"{seed}", str(Path(scratch) / "cache")
            tuned(snapshot, out, contrastive(asked.tuned), seed, asked.device)
            evaluated(ours, snapshot, str(out), seed, asked.device, cache)
            evaluated(without, snapshot, None, seed, asked.device, cache)
    result = {
        "data": MUSIC,
        "protocol": CUT,
        "kgrec": figures(ours, without),
        "settings": contrastive(asked.tuned).model_dump(mode="json"),
        "seeds": list(seeds),
        "threads": os.environ.get("OMP_NUM_THREADS", "all"),
    }
    finish(
        f"text-reviews.{asked.tuned}", result, [one.row(NOW) for one in (ours, without)], asked.save
    )


def figures(ours: Outcome, without: Outcome) -> dict[str, Any]:
    """The model with text, the same without, and what text gains, in all and as a share."""
    gain = differences(without, ours, NOW)[METRIC]
    base = without.mean(NOW)[METRIC]
    return {
        **ours.summary(NOW),
        f"{METRIC}_without_text": round(base, 5),
        f"{METRIC}_without_text_by_seed": without.figures(NOW)["ndcg@10_by_seed"],
        "gain": round(gain.mean / base, 4),
        "difference": round(gain.mean, 5),
        "interval": _interval(gain),
    }


def against(ours: Outcome, peer: Outcome) -> dict[str, Any]:
    """A peer's figures and how much better kgrec is, with the paired interval."""
    ahead = differences(peer, ours, NOW)[METRIC]
    return {
        **peer.summary(NOW),
        "kgrec_ahead": round(ahead.mean, 5),
        "kgrec_ahead_interval": _interval(ahead),
    }


def _interval(difference: Difference) -> list[float]:
    return [round(difference.low, 5), round(difference.high, 5)]


def _ours(
    rows: Rows,
    seeds: Sequence[int],
    seconds: float,
    asked: argparse.Namespace,
    variant: Variant | None,
) -> Outcome:
    return run_kgrec(
        rows,
        seeds=seeds,
        device=asked.device,
        read_seconds=seconds,
        texts=EmbeddingCache().folder,
        epochs=asked.epochs,
        variant=variant,
    )


def _peer(name: str, rows: Rows, seeds: Sequence[int]) -> Outcome:
    return run_peer(name, rows, seeds=seeds, device="cpu", options=TRIES[name])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.text reviews", description=f"Reviews of {MUSIC}."
    )
    parser.add_argument("--seeds", type=int, default=1, help="fit with seeds 0 to N-1 (default 1)")
    parser.add_argument("--epochs", type=int, help="kgrec's, at most: fewer for a quick look")
    parser.add_argument(
        "--tuned", choices=ADAPTERS, help="tune the language model so before each fit, no peers"
    )
    parser.add_argument("--device", help="cpu or cuda (kgrec takes an accelerator by itself)")
    parser.add_argument(
        "--snapshot", type=Path, help="keep the data here as arrays; read it from here if it is"
    )
    parser.add_argument("--save", action="store_true", help="keep the result in benchmarks/results")
    return parser
