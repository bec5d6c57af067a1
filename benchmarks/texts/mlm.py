"""Masked-language-model training on Musical Instruments' reviews: the encoder with it, or its head
alone.

Both train for as many steps on the same masks; the held-out perplexity is over the reviews of items
that neither trained on. Then the recommender reads with the untuned and with the tuned encoder.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from benchmarks.harness import report
from benchmarks.harness.running import Outcome, differences
from benchmarks.texts.tuned_runs import CUT, evaluated, music, tuned
from kgrec import TextTuning

ALONE: Final = "head alone"
WITH: Final = "with encoder"


def main(arguments: Sequence[str] | None = None) -> None:
    asked = _parser().parse_args(arguments)
    snapshot, rows = music(), []
    outcomes = {name: Outcome(name, "kgrec") for name in ("untuned", WITH)}
    with tempfile.TemporaryDirectory(prefix="kgrec-") as scratch:
        cache = str(asked.texts or Path(scratch) / "cache")
        for seed in range(asked.seeds):
            folders = {name: Path(scratch) / f"{name}-{seed}" for name in (ALONE, WITH)}
            for name, folder in folders.items():
                cost = tuned(snapshot, folder, _settings(name, asked), seed, asked.device)
                rows.append(
                    {
                        "seed": seed,
                        "trained": name,
                        "perplexity": cost.history[-1]["perplexity"],
                        "steps": cost.steps,
                        "trained_share": cost.trained_share,
                        "seconds": cost.seconds,
                    }
                )
            evaluated(outcomes["untuned"], snapshot, "default", seed, asked.device, cache)
            evaluated(outcomes[WITH], snapshot, str(folders[WITH]), seed, asked.device, cache)
    result = {
        "protocol": CUT,
        "kgrec": _summary(rows, outcomes),
        "runs": rows,
        "models": {name: outcome.figures("now") for name, outcome in outcomes.items()},
        "settings": _settings(WITH, asked).model_dump(mode="json"),
        "seeds": list(range(asked.seeds)),
    }
    report.finish("text-mlm", result, rows, asked.save)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.text mlm", description=__doc__)
    parser.add_argument("--method", default="lora", help="how the encoder is trained")
    parser.add_argument("--seeds", type=int, default=1, help="train with seeds 0 to N-1")
    parser.add_argument("--steps", type=int, default=120, help="of each training (default 120)")
    parser.add_argument("--device", help="cpu or cuda (an accelerator is taken by itself)")
    parser.add_argument("--texts", type=Path, help="text cache to use (default: an empty one)")
    parser.add_argument("--save", action="store_true", help="keep the result in benchmarks/results")
    return parser


def _settings(name: str, asked: argparse.Namespace) -> TextTuning:
    return TextTuning.model_validate(
        {
            "method": asked.method,
            "freeze": "all" if name == ALONE else "none",
            "objectives": ("mlm",),
            "epochs": 1,
            "steps": asked.steps,
            "learning_rate": 2e-3,
            "max_length": 64,
        }
    )


def _summary(rows: list[dict[str, Any]], outcomes: dict[str, Outcome]) -> dict[str, Any]:
    means = {
        name: sum(row["perplexity"] for row in rows if row["trained"] == name)
        / sum(row["trained"] == name for row in rows)
        for name in (ALONE, WITH)
    }
    gain = differences(outcomes["untuned"], outcomes[WITH], "now")["ndcg@10"]
    return {
        "perplexity": means[WITH],
        "perplexity_head_alone": means[ALONE],
        "ndcg@10": outcomes[WITH].mean("now")["ndcg@10"],
        "ndcg@10_untuned": outcomes["untuned"].mean("now")["ndcg@10"],
        "gain": [gain.mean, gain.low, gain.high],
    }
