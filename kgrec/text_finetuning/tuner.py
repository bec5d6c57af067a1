"""tune_network: trains a language model on a corpus, one objective after another."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch

from kgrec.config.text_finetuning import TextTuning
from kgrec.errors import RequestError, TextModelError
from kgrec.progress import Progress
from kgrec.text.encoding.encoder import max_positions
from kgrec.text.encoding.loading import LanguageModel
from kgrec.text_finetuning.augmentation import delete_words, mask_spans, substitute_words
from kgrec.text_finetuning.corpus import TextCorpus
from kgrec.text_finetuning.objectives.contrastive import Augment, ContrastiveObjective
from kgrec.text_finetuning.objectives.mlm import MaskedWordObjective, mask_predictor
from kgrec.text_finetuning.objectives.recommendation import (
    DownstreamModel,
    RecommendationObjective,
    check_downstream,
)
from kgrec.text_finetuning.report import CostMeter, TuningReport
from kgrec.text_finetuning.tokens import Tokens
from kgrec.text_finetuning.trainable_parameters import select_trainable
from kgrec.text_finetuning.training_loop import Objective, TrainingLoop, steps_per_epoch


@dataclass(frozen=True, eq=False)
class TunedModel:
    """A fine-tuned ``network`` (its adapter not merged), its tokenizer, and the report."""

    network: Any
    tokenizer: Any
    settings: TextTuning
    report: TuningReport


def tune_network(
    model: LanguageModel,
    corpus: TextCorpus,
    settings: TextTuning,
    *,
    downstream: DownstreamModel | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> TunedModel:
    """Train the network of ``model`` (float32, changed in place, on its device) on ``corpus``.

    ``downstream`` computes the loss of the objective "recommend". Equal texts, settings and seed
    give equal weights on one CPU. Raises TrainingError for too few texts and a loss that is not a
    number, TextModelError for a method or objective that this model does not support,
    MissingExtraError where the method needs peft and it is not installed.
    """
    most = max_positions(model.network, model.tokenizer, settings.max_length)
    if settings.max_length > most:
        raise RequestError(f"max_length is {settings.max_length}; this model takes {most} tokens.")
    device = next(model.network.parameters()).device
    tokens = Tokens(model.tokenizer, settings.max_length, device, model.pooling)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return _Tuning(model.network, tokens, corpus, settings, downstream, seed, progress).run()


@dataclass(eq=False)
class _Tuning:
    """One run of fine-tuning; ``network`` is the encoder without an adapter."""

    network: Any
    tokens: Tokens
    corpus: TextCorpus
    settings: TextTuning
    downstream: DownstreamModel | None
    seed: int
    progress: Progress | None
    _masked_words: MaskedWordObjective | None = None

    def run(self) -> TunedModel:
        settings, meter = self.settings, CostMeter(self.tokens.device)
        objectives = [self._objective(name) for name in dict.fromkeys(settings.objectives)]
        planned = sum(steps_per_epoch(one, settings) * settings.epochs for one in objectives)
        network = select_trainable(self.network, settings, planned)
        history: list[dict[str, Any]] = []
        steps = 0
        for objective in objectives:
            if isinstance(objective, ContrastiveObjective):
                objective.augment = self._augment(network)
            if isinstance(objective, RecommendationObjective):
                objective.begin(network)
            loop = TrainingLoop(network, objective, settings, meter, self.progress, steps)
            history += loop.run()
            steps = loop.steps
        report = TuningReport(
            method=settings.method,
            objectives=settings.objectives,
            parameters=_count_parameters(network),
            trained=meter.trained,
            head=meter.head,
            gradient_bytes=meter.gradient_bytes,
            optimizer_bytes=meter.optimizer_bytes,
            peak_bytes=meter.peak_bytes(),
            seconds=meter.seconds,
            steps=steps,
            history=history,
        )
        return TunedModel(network, self.tokens.tokenizer, settings, report)

    def _objective(self, name: str) -> Objective:
        if name == "contrastive":
            return ContrastiveObjective(self.corpus, self.tokens, self.settings, self.seed)
        if name == "recommend":
            return RecommendationObjective(
                check_downstream(self.downstream),
                self.tokens,
                self.settings,
                self.seed,
                self.progress,
            )
        self._masked_words = MaskedWordObjective(
            self.corpus, self.tokens, self.settings, self.seed, self.network
        )
        return self._masked_words

    def _augment(self, network: Any) -> Augment | None:
        """The augmentation in the settings: each text gets one of the changes, or none."""
        mask, share = self.tokens.tokenizer.mask_token, self.settings.augment_share
        known: dict[str, Augment] = {"delete": lambda texts, rng: delete_words(texts, share, rng)}
        if mask is not None:
            known["mask"] = lambda texts, rng: mask_spans(texts, share, rng, mask)
        if self._masked_words is not None and mask is not None:
            predict = mask_predictor(network, self._masked_words, self.tokens)
            known["substitute"] = lambda texts, rng: substitute_words(
                texts, share, rng, mask, predict
            )
        missing = set(self.settings.augment) - set(known)
        if missing:
            raise TextModelError(
                f"augment needs a mask token for {', '.join(sorted(missing))}, and this model's "
                "tokenizer has none; use augment 'delete'."
            )
        changes = [known[name] for name in self.settings.augment]
        return partial(_change_randomly, changes) if changes else None


def _count_parameters(network: Any) -> int:
    """All parameters but a pooler's, which has no part in the vectors and is never trained."""
    return sum(p.numel() for name, p in network.named_parameters() if "pooler." not in name)


def _change_randomly(
    changes: Sequence[Callable[[list[str], np.random.Generator], list[str]]],
    texts: list[str],
    rng: np.random.Generator,
) -> list[str]:
    """Each text changed by one of ``changes``, drawn at random, or unchanged."""
    drawn = rng.integers(0, len(changes) + 1, len(texts))
    changed = list(texts)
    for number, change in enumerate(changes):
        rows = np.flatnonzero(drawn == number)
        if not len(rows):
            continue
        for row, text in zip(rows, change([texts[row] for row in rows], rng), strict=True):
            changed[row] = text
    return changed
