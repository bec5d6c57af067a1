"""kgrec's model on Musical Instruments with one language model or another reading the reviews."""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np

from benchmarks.harness.running import Outcome
from benchmarks.texts.review_rows import MUSIC, PROTOCOL, review_catalog
from kgrec import (
    ModelConfig,
    Recommender,
    RecommenderConfig,
    TextConfig,
    TextTuning,
    tune_text,
)
from kgrec.graph import GraphSnapshot
from kgrec.graph.source import read_source
from kgrec.text import clean_text
from kgrec.text_finetuning import TuningReport

ADAPTERS: Final = ("lora", "adalora", "ia3", "prefix")
WORDS: Final = 64
MAX_LENGTH: Final = 128
CUT: Final = f"of each review the first {WORDS} words, in tuning and in the model; {PROTOCOL}"


def music() -> GraphSnapshot:
    """Musical Instruments with its splits, each review cut to WORDS words."""
    snapshot = read_source(review_catalog(MUSIC), None)
    texts = [" ".join(clean_text(text).split()[:WORDS]) for text in snapshot.reviews.text]
    cut = np.array(texts, dtype=object)
    return replace(snapshot, reviews=replace(snapshot.reviews, text=cut))


def contrastive(method: str) -> TextTuning:
    """One short epoch on pairs of training rows: a review and another of its item, the reviews of
    a history and one of the next item."""
    return TextTuning.model_validate(
        {
            "method": method,
            "objectives": ("contrastive",),
            "pairs": ("review", "history"),
            "epochs": 1,
            "patience": 1,
            "steps": 60,
            "batch_size": 32,
            "max_length": 48,
        }
    )


def tuned(
    snapshot: GraphSnapshot, out: Path, settings: TextTuning, seed: int, device: str | None
) -> TuningReport:
    """The default model tuned into ``out``, and what it cost."""
    report = tune_text(snapshot, out, settings, seed=seed, device=device)
    last = report.history[-1]
    valid = f"{last['valid_loss_before']:.3f} to {last['valid_loss']:.3f}"
    result = f"{out.name}: {report.steps} steps, held-out loss {valid}, {report.seconds:.0f} s"
    print(result, file=sys.stderr, flush=True)
    return report


def evaluated(
    outcome: Outcome,
    snapshot: GraphSnapshot,
    model: str | None,
    seed: int,
    device: str | None,
    cache: str,
) -> None:
    """Fit the recommender with its texts read by ``model`` (None: without text), and add its test
    figures."""
    config = RecommenderConfig(
        text=TextConfig(model=model or "default", max_length=MAX_LENGTH, cache_dir=cache),
        model=ModelConfig(use_text=model is not None),
    )
    started = time.perf_counter()
    recommender = Recommender(config).fit(snapshot, seed=seed, device=device)
    outcome.fit_seconds.append(time.perf_counter() - started)
    found = recommender.evaluate(keep_users=True)
    outcome.seeds.append(seed)
    outcome.add("now", found)
    result = f"{outcome.model}, seed {seed}: NDCG@10 {found['ndcg@10']:.4f}"
    print(result, file=sys.stderr, flush=True)
