"""kgrec's model on Musical Instruments with one language model or another reading the reviews."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np

from benchmarks.review_rows import MUSIC, PROTOCOL, review_catalog
from benchmarks.running import Outcome
from kgrec import Recommender, RecommenderConfig, TextConfig, TextTuning, tune_text
from kgrec.graph import GraphSnapshot
from kgrec.graph.source import read_source
from kgrec.text import clean_text
from kgrec.text.tuning import TuningReport

WORDS: Final = 64
MAX_LENGTH: Final = 128
CUT: Final = f"of each review the first {WORDS} words, in tuning and in the model; {PROTOCOL}"


def music() -> GraphSnapshot:
    """Musical Instruments with its splits, each review cut to WORDS words."""
    snapshot = read_source(review_catalog(MUSIC), None)
    texts = [" ".join(clean_text(text).split()[:WORDS]) for text in snapshot.reviews.text]
    cut = np.array(texts, dtype=object)
    return replace(snapshot, reviews=replace(snapshot.reviews, text=cut))


def tuned(
    snapshot: GraphSnapshot, out: Path, settings: TextTuning, seed: int, device: str | None
) -> TuningReport:
    """The default model tuned into ``out``, and what it cost."""
    report = tune_text(snapshot, out, settings, seed=seed, device=device)
    last = report.history[-1]
    valid = f"{last['valid_loss_before']:.3f} to {last['valid_loss']:.3f}"
    told = f"{out.name}: {report.steps} steps, held-out loss {valid}, {report.seconds:.0f} s"
    print(told, file=sys.stderr, flush=True)
    return report


def judged(
    outcome: Outcome, snapshot: GraphSnapshot, model: str, seed: int, device: str | None, cache: str
) -> None:
    """Fit the recommender with its texts read by ``model``, and add its test figures."""
    text = TextConfig(model=model, max_length=MAX_LENGTH, cache_dir=cache)
    recommender = Recommender(RecommenderConfig(text=text)).fit(snapshot, seed=seed, device=device)
    found = recommender.evaluate(keep_users=True)
    outcome.seeds.append(seed)
    outcome.add("now", found)
    told = f"{outcome.model}, seed {seed}: NDCG@10 {found['ndcg@10']:.4f}"
    print(told, file=sys.stderr, flush=True)
