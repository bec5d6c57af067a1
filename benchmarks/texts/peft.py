"""Adapters against full fine-tuning of the language model, on Musical Instruments.

Each tunes the same model on the same pairs of training rows (a review and another one of its item,
the reviews of a history and one of the next item) with as many steps of as many pairs; the tuned
vectors go into kgrec's model, whose NDCG@10 on the test rows is compared. The untuned model is the
control. With ``--objective recommend`` it is the recommender's own loss that tunes, over reviews
drawn at random, and its validation rows that choose between the tuned and the untuned model.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from benchmarks.harness import report
from benchmarks.harness.running import Outcome, differences
from benchmarks.texts.tuned_runs import ADAPTERS, CUT, contrastive, evaluated, music, tuned
from kgrec import TextTuning
from kgrec.text_finetuning import TuningReport

FULL: Final = "full"
UNTUNED: Final = "untuned"


def main(arguments: Sequence[str] | None = None) -> None:
    asked = _parser().parse_args(arguments)
    names = [FULL, *asked.methods.split(",")]
    snapshot, seeds = music(), range(asked.seeds)
    outcomes = {name: Outcome(name, "kgrec") for name in [UNTUNED, *names]}
    reports: dict[str, TuningReport] = {}
    with tempfile.TemporaryDirectory(prefix="kgrec-") as scratch:
        cache = str(asked.texts or Path(scratch) / "cache")
        for seed in seeds:
            evaluated(outcomes[UNTUNED], snapshot, "default", seed, asked.device, cache)
            for name in names:
                out = Path(scratch) / f"{name}-{seed}"
                settings = _settings(name, asked)
                reports[name] = tuned(snapshot, out, settings, seed, asked.device)
                evaluated(outcomes[name], snapshot, str(out), seed, asked.device, cache)
    figures = {name: _figures(name, outcomes, reports) for name in outcomes}
    first = names[1]
    kgrec = {
        "method": first,
        "ndcg@10": figures[first]["ndcg@10"],
        "ndcg@10_full": figures[FULL]["ndcg@10"],
        "ndcg@10_untuned": figures[UNTUNED]["ndcg@10"],
        "share_of_full": figures[first]["ndcg@10"] / figures[FULL]["ndcg@10"],
        "trained_share": figures[first]["trained_share"],
        "memory_ratio": figures[first]["memory_ratio"],
    }
    result = {
        "protocol": CUT,
        "kgrec": kgrec,
        "models": figures,
        "settings": _settings(first, asked).model_dump(mode="json"),
        "seeds": list(seeds),
    }
    rows = [{"model": name, **_brief(found)} for name, found in figures.items()]
    name = "text-peft" if asked.objective == "contrastive" else f"text-peft-{asked.objective}"
    report.finish(name, result, rows, asked.save)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.text peft", description=__doc__)
    parser.add_argument("--methods", default="lora", help=f"by comma, of {', '.join(ADAPTERS)}")
    parser.add_argument("--seeds", type=int, default=1, help="tune and fit with seeds 0 to N-1")
    parser.add_argument(
        "--objective", default="contrastive", choices=("contrastive", "recommend"), help="its loss"
    )
    parser.add_argument("--epochs", type=int, default=1, help="each of so many steps (default 1)")
    parser.add_argument("--steps", type=int, default=60, help="steps of an epoch (default 60)")
    parser.add_argument("--batch", type=int, default=32, help="pairs of a step (default 32)")
    parser.add_argument("--device", help="cpu or cuda (an accelerator is taken by itself)")
    parser.add_argument("--texts", type=Path, help="text cache to use (default: an empty one)")
    parser.add_argument("--save", action="store_true", help="keep the result in benchmarks/results")
    return parser


def _settings(method: str, asked: argparse.Namespace) -> TextTuning:
    given = contrastive(method).model_dump()
    changed = {
        "objectives": (asked.objective,),
        "epochs": asked.epochs,
        "patience": asked.epochs,
        "steps": asked.steps,
        "batch_size": asked.batch,
    }
    return TextTuning.model_validate(given | changed)


def _figures(
    name: str, outcomes: dict[str, Outcome], reports: dict[str, TuningReport]
) -> dict[str, Any]:
    outcome = outcomes[name]
    found: dict[str, Any] = outcome.figures("now")
    if name == UNTUNED:
        return found
    cost, full = reports[name], reports[FULL]
    held = cost.gradient_bytes + cost.optimizer_bytes
    found |= {
        "trained_share": cost.trained_share,
        "gradient_bytes": cost.gradient_bytes,
        "optimizer_bytes": cost.optimizer_bytes,
        "memory_ratio": held / (full.gradient_bytes + full.optimizer_bytes),
        "peak_bytes": cost.peak_bytes,
        "tuning_seconds": round(cost.seconds, 1),
        "valid_loss_before": cost.history[0]["valid_loss_before"],
        "valid_loss": float(np.min([record["valid_loss"] for record in cost.history])),
    }
    for other in (UNTUNED, FULL):
        if other != name:
            gain = differences(outcomes[other], outcome, "now")["ndcg@10"]
            found[f"gain_over_{other}"] = [gain.mean, gain.low, gain.high]
    return found


def _brief(found: dict[str, Any]) -> dict[str, Any]:
    names = ("ndcg@10", "recall@10", "trained_share", "memory_ratio", "valid_loss")
    answer = {name: found.get(name) for name in names}
    return {**answer, "tuning_seconds": found.get("tuning_seconds")}
