"""Contrastive objective: InfoNCE on pairs of texts, negatives from the batch (van den Oord
2018)."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from kgrec.config.text_finetuning import TextTuning
from kgrec.errors import TrainingError
from kgrec.text_finetuning.corpus import TextCorpus, held_out_items
from kgrec.text_finetuning.objectives.pairs import PairBatch, PairSource, draw_pairs, pair_sources
from kgrec.text_finetuning.tokens import Tokens

VALID_BATCHES = 8  # most batches of a validation
Augment = Callable[[list[str], np.random.Generator], list[str]]


def info_nce(anchors: Tensor, others: Tensor, items: Tensor, temperature: float) -> Tensor:
    """InfoNCE in both directions, averaged: from anchor to other text and back.

    ``anchors``, ``others`` float ``[B, dim]``: unit rows; ``items`` int64 ``[B]``: pairs of the
    same item are not negatives of each other.
    """
    logits = anchors @ others.T / temperature
    own = torch.eye(len(items), dtype=torch.bool, device=items.device)
    same = (items[:, None] == items[None, :]) & ~own
    logits = logits.masked_fill(same, -torch.inf)
    target = torch.arange(len(items), device=items.device)
    forward = functional.cross_entropy(logits, target)
    return (forward + functional.cross_entropy(logits.T, target)) / 2


class ContrastiveObjective:
    """Pairs of a corpus; the pairs of held-out items are its validation set."""

    name = "contrastive"

    def __init__(
        self,
        corpus: TextCorpus,
        tokens: Tokens,
        settings: TextTuning,
        seed: int,
    ) -> None:
        self._corpus, self._tokens, self._settings = corpus, tokens, settings
        self._seed = seed
        self.augment: Augment | None = None
        found = pair_sources(corpus, settings)
        items = np.array([entry.item for entry in found], dtype=np.int64)
        rng = np.random.default_rng([seed, 11])
        out = np.isin(items, held_out_items(items, settings.valid_share, rng))
        self.train = [entry for entry, held in zip(found, out, strict=True) if not held]
        held = [entry for entry, gone in zip(found, out, strict=True) if gone]
        if len({entry.item for entry in self.train}) < 2:
            raise TrainingError(
                f"there are too few pairs of kind {', '.join(settings.pairs)} to train on "
                f"({len(found)}); load reviews, queries or items' texts, or choose other pairs."
            )
        rng = np.random.default_rng([seed, 12])
        self._valid = list(islice(self._grouped(held, rng), VALID_BATCHES))
        self.head: nn.Module | None = None
        self.n_batches = math.ceil(len(self.train) / settings.batch_size)

    def batches(self, epoch: int) -> Iterator[PairBatch]:
        """The training pairs of an epoch, newly drawn and augmented as set."""
        rng = np.random.default_rng([self._seed, 13, epoch])
        for batch in self._grouped(self.train, rng):
            if self.augment is not None:
                yield PairBatch(self.augment(batch.anchors, rng), batch.others, batch.items)
            else:
                yield batch

    def valid(self) -> list[PairBatch]:
        """The validation batches, equal in every epoch."""
        return self._valid

    def metrics(self, _valid: float) -> dict[str, float]:
        """None beside the loss itself."""
        return {}

    def loss(self, network: Any, batch: PairBatch) -> tuple[Tensor, int]:
        """The mean loss of the batch, and its number of pairs."""
        both = self._tokens.vectors(network, [*batch.anchors, *batch.others])
        items = self._tokens.on_device(batch.items)
        anchors, others = both[: len(batch)], both[len(batch) :]
        return info_nce(anchors, others, items, self._settings.temperature), len(batch)

    def _grouped(self, chosen: list[PairSource], rng: np.random.Generator) -> Iterator[PairBatch]:
        """Batches in random order, without those of a single item (they have no negatives)."""
        order = rng.permutation(len(chosen))
        size = self._settings.batch_size
        for start in range(0, len(order), size):
            part = [chosen[row] for row in order[start : start + size]]
            if len({entry.item for entry in part}) > 1:
                yield draw_pairs(self._corpus, part, rng)
