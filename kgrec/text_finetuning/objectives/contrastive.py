"""InfoNCE over pairs of texts, negatives from the batch (van den Oord et al. 2018)."""

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

VALID_BATCHES = 8  # of a validation, at most
Augment = Callable[[list[str], np.random.Generator], list[str]]


def info_nce(anchors: Tensor, others: Tensor, items: Tensor, temperature: float) -> Tensor:
    """The mean loss of telling each pair's other half, and the other way round.

    ``anchors``, ``others`` float ``[B, dim]``, unit rows; ``items`` int64 ``[B]``: pairs of one
    item are no negatives of each other.
    """
    logits = anchors @ others.T / temperature
    own = torch.eye(len(items), dtype=torch.bool, device=items.device)
    same = (items[:, None] == items[None, :]) & ~own
    logits = logits.masked_fill(same, -torch.inf)
    target = torch.arange(len(items), device=items.device)
    forth = functional.cross_entropy(logits, target)
    return (forth + functional.cross_entropy(logits.T, target)) / 2


class ContrastiveObjective:
    """The objective over a corpus: pairs of items held out tell when to stop."""

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
                f"there are too few pairs of kind {', '.join(settings.pairs)} to tune on "
                f"({len(found)}); load reviews, queries or items' texts, or ask for other pairs."
            )
        rng = np.random.default_rng([seed, 12])
        self._valid = list(islice(self._grouped(held, rng), VALID_BATCHES))
        self.head: nn.Module | None = None
        self.n_batches = math.ceil(len(self.train) / settings.batch_size)

    def batches(self, epoch: int) -> Iterator[PairBatch]:
        """This epoch's pairs, freshly drawn and, where asked for, augmented."""
        rng = np.random.default_rng([self._seed, 13, epoch])
        for batch in self._grouped(self.train, rng):
            if self.augment is not None:
                yield PairBatch(self.augment(batch.anchors, rng), batch.others, batch.items)
            else:
                yield batch

    def valid(self) -> list[PairBatch]:
        return self._valid

    def measures(self, valid: float) -> dict[str, float]:
        return {}

    def loss(self, network: Any, batch: PairBatch) -> tuple[Tensor, int]:
        """The mean over the batch, and how many pairs it is over."""
        both = self._tokens.vectors(network, [*batch.anchors, *batch.others])
        items = self._tokens.on_device(batch.items)
        anchors, others = both[: len(batch)], both[len(batch) :]
        return info_nce(anchors, others, items, self._settings.temperature), len(batch)

    def _grouped(self, chosen: list[PairSource], rng: np.random.Generator) -> Iterator[PairBatch]:
        """Batches in random order; a last one too small for negatives is left out."""
        order = rng.permutation(len(chosen))
        size = self._settings.batch_size
        for start in range(0, len(order), size):
            part = [chosen[row] for row in order[start : start + size]]
            if len({entry.item for entry in part}) > 1:
                yield draw_pairs(self._corpus, part, rng)
