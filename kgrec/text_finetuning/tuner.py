"""Tuning a language model: its adapter, its objectives one after another, and what it cost."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch

from kgrec.config.text_finetuning import TextTuning
from kgrec.errors import RequestError, TextModelError
from kgrec.text.encoder import positions
from kgrec.text.pooling import MEAN, Pooling
from kgrec.text_finetuning.augmentation import delete_words, mask_spans, substitute_words
from kgrec.text_finetuning.corpus import TextCorpus
from kgrec.text_finetuning.objectives.contrastive import Augment, ContrastiveObjective
from kgrec.text_finetuning.objectives.mask_prediction import predictor
from kgrec.text_finetuning.objectives.mlm import MaskedWordObjective
from kgrec.text_finetuning.objectives.recommendation import (
    DownstreamModel,
    RecommendationObjective,
    check_downstream,
)
from kgrec.text_finetuning.report import CostMeter, TuningReport
from kgrec.text_finetuning.tokens import Tokens
from kgrec.text_finetuning.trainable_parameters import select_trainable
from kgrec.text_finetuning.training_loop import Objective, Progress, TrainingLoop, steps_per_epoch


@dataclass(frozen=True, eq=False)
class TunedModel:
    """A tuned ``network`` (its adapter apart, not merged), its tokenizer, and the report."""

    network: Any
    tokenizer: Any
    settings: TextTuning
    report: TuningReport


def tune_network(
    network: Any,
    tokenizer: Any,
    corpus: TextCorpus,
    settings: TextTuning,
    *,
    pooling: Pooling = MEAN,
    reader: DownstreamModel | None = None,
    seed: int = 0,
    device: torch.device | None = None,
    progress: Progress | None = None,
) -> TunedModel:
    """Train ``network`` (float32; it is changed) on ``corpus`` as ``settings`` say.
    ``pooling`` makes vectors of its states; ``reader`` has the loss of the objective "recommend".

    Equal texts, settings and seed give equal weights on one CPU. Raises TrainingError for texts
    that are too few and for a loss that is no number, TextModelError for a method or objective that
    this model has no place for.
    """
    where = device or torch.device("cuda" if torch.cuda.is_available() else "cpu")
    most = positions(network, tokenizer, settings.max_length)
    if settings.max_length > most:
        raise RequestError(f"max_length is {settings.max_length}; this model takes {most} tokens.")
    tokens = Tokens(tokenizer, settings.max_length, where, pooling)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        tuning = _Tuning(network.to(where), tokens, corpus, settings, reader, seed, progress)
        return tuning.run()


class _Tuning:
    def __init__(
        self,
        network: Any,
        tokens: Tokens,
        corpus: TextCorpus,
        settings: TextTuning,
        reader: DownstreamModel | None,
        seed: int,
        progress: Progress | None,
    ) -> None:
        self._reader = reader
        self._tokens, self._corpus, self._settings = tokens, corpus, settings
        self._seed, self._progress = seed, progress
        self._meter = CostMeter(tokens.device)
        self._words: MaskedWordObjective | None = None
        self._bare = network

    def run(self) -> TunedModel:
        settings = self._settings
        objectives = [self._objective(name) for name in dict.fromkeys(settings.objectives)]
        planned = sum(steps_per_epoch(one, settings) * settings.epochs for one in objectives)
        network = select_trainable(self._bare, settings, planned)
        history: list[dict[str, Any]] = []
        steps = 0
        for one in objectives:
            if isinstance(one, ContrastiveObjective):
                one.augment = self._augment(network)
            if isinstance(one, RecommendationObjective):
                one.begin(network)
            loop = TrainingLoop(
                network, one, settings, self._tokens.device, self._meter, self._progress, steps
            )
            history += loop.run()
            steps = loop.steps
        report = TuningReport(
            method=settings.method,
            objectives=settings.objectives,
            parameters=sum(p.numel() for name, p in network.named_parameters() if _counts(name)),
            trained=self._meter.trained,
            head=self._meter.head,
            gradient_bytes=self._meter.gradient_bytes,
            optimizer_bytes=self._meter.optimizer_bytes,
            peak_bytes=self._meter.peak_bytes(),
            seconds=self._meter.seconds,
            steps=steps,
            history=history,
        )
        return TunedModel(network, self._tokens.tokenizer, settings, report)

    def _objective(self, name: str) -> Objective:
        if name == "contrastive":
            return ContrastiveObjective(self._corpus, self._tokens, self._settings, self._seed)
        if name == "recommend":
            reader = check_downstream(self._reader)
            return RecommendationObjective(
                reader, self._tokens, self._settings, self._seed, self._progress
            )
        self._words = MaskedWordObjective(
            self._corpus, self._tokens, self._settings, self._seed, self._bare
        )
        return self._words

    def _augment(self, network: Any) -> Augment | None:
        """The changes that are asked for: each text gets one of them, at random."""
        mask, share = self._tokens.tokenizer.mask_token, self._settings.augment_share
        known: dict[str, Augment] = {"delete": lambda texts, rng: delete_words(texts, share, rng)}
        if mask is not None:
            known["mask"] = lambda texts, rng: mask_spans(texts, share, rng, mask)
        if self._words is not None and mask is not None:
            predict = predictor(network, self._words, self._tokens)
            known["substitute"] = lambda texts, rng: substitute_words(
                texts, share, rng, mask, predict
            )
        missing = set(self._settings.augment) - set(known)
        if missing:
            raise TextModelError(f"this model has no mask token, which {missing} needs.")
        changes = [known[name] for name in self._settings.augment]
        return partial(_one_of, changes) if changes else None


def _counts(name: str) -> bool:
    """A pooler has no part in the vectors, is never trained and not counted."""
    return "pooler." not in name


def _one_of(
    changes: Sequence[Callable[[list[str], np.random.Generator], list[str]]],
    texts: list[str],
    rng: np.random.Generator,
) -> list[str]:
    """Each text as one of ``changes`` makes it, or as it is."""
    fate = rng.integers(0, len(changes) + 1, len(texts))
    told = list(texts)
    for number, change in enumerate(changes):
        rows = np.flatnonzero(fate == number)
        if not len(rows):
            continue
        for row, text in zip(rows, change([texts[row] for row in rows], rng), strict=True):
            told[row] = text
    return told
