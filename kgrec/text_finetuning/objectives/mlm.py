"""Masked-language-model training (Devlin et al. 2019): the encoder below a prediction head."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from kgrec.config.text_finetuning import TextTuning
from kgrec.errors import TextModelError, TrainingError
from kgrec.text_finetuning.corpus import TextCorpus, held_out_items
from kgrec.text_finetuning.objectives.contrastive import VALID_BATCHES
from kgrec.text_finetuning.objectives.masking import TokenVocabulary, hide
from kgrec.text_finetuning.tokens import Tokens, batches_by_length


class PredictionHead(nn.Module):
    """From states ``[n, dim]`` to logits over the vocabulary ``[n, V]``, as BERT's own head: the
    output matrix is that of the input embeddings, passed in so that it stays one tensor."""

    def __init__(self, dim: int, n_tokens: int) -> None:
        super().__init__()
        self.dense = nn.Linear(dim, dim)
        self.norm = nn.LayerNorm(dim)
        self.bias = nn.Parameter(torch.zeros(n_tokens))

    def forward(self, states: Tensor, embeddings: Tensor) -> Tensor:
        hidden = self.norm(functional.gelu(self.dense(states)))
        return functional.linear(hidden, embeddings, self.bias)


@dataclass(frozen=True, eq=False)
class MaskedBatch:
    """Texts with hidden words: ``shown`` and ``true`` ids, ``attention`` int64, ``hidden`` bool;
    all ``[B, L]``."""

    shown: np.ndarray
    true: np.ndarray
    attention: np.ndarray
    hidden: np.ndarray


class MaskedWordObjective:
    """The objective over a corpus: texts of items held out tell when to stop.

    Masks depend on the seed and the epoch alone, so that runs of one seed are compared on the same.
    """

    name = "mlm"

    def __init__(
        self, corpus: TextCorpus, tokens: Tokens, settings: TextTuning, seed: int, network: Any
    ) -> None:
        vocabulary = tokens.vocabulary
        if vocabulary is None:
            raise TextModelError(
                "this model's tokenizer has no mask token, which the objective 'mlm' needs; "
                "use 'contrastive', or a model such as BERT."
            )
        self._tokens, self._settings, self._seed = tokens, settings, seed
        self._vocabulary: TokenVocabulary = vocabulary
        texts, items = corpus.texts
        held = held_out_items(items, settings.valid_share, np.random.default_rng([seed, 21]))
        out = np.isin(items, held)
        chunks, owner = tokens.chunks(texts) if texts else ([], np.empty(0, dtype=np.int64))
        worded = np.array([not vocabulary.all_special(chunk) for chunk in chunks], dtype=bool)
        self._train = [chunks[row] for row in np.flatnonzero(~out[owner] & worded)]
        if not self._train:
            raise TrainingError("there is no text to tune on; load items' texts or reviews.")
        valid = [chunks[row] for row in np.flatnonzero(out[owner] & worded)]
        rng = np.random.default_rng([seed, 22])
        self._valid = list(islice(self._grouped(valid, rng), VALID_BATCHES))
        embeddings = network.get_input_embeddings().weight
        self.n_batches = math.ceil(len(self._train) / settings.batch_size)
        self.head: nn.Module = PredictionHead(embeddings.shape[1], embeddings.shape[0])

    def batches(self, epoch: int) -> Iterator[MaskedBatch]:
        """This epoch's texts, with fresh masks."""
        yield from self._grouped(self._train, np.random.default_rng([self._seed, 23, epoch]))

    def valid(self) -> list[MaskedBatch]:
        return self._valid

    def measures(self, valid: float) -> dict[str, float]:
        return {"perplexity": math.exp(min(valid, 80.0))}

    def loss(self, network: Any, batch: MaskedBatch) -> tuple[Tensor, int]:
        """Mean cross-entropy in nats of the hidden words, and how many they are."""
        hidden = self._tokens.on_device(batch.hidden)
        states = self._tokens.states(network, batch.shown, batch.attention)[hidden]
        logits = self.head(states, network.get_input_embeddings().weight)
        true = self._tokens.on_device(batch.true)[hidden]
        return functional.cross_entropy(logits.float(), true), int(batch.hidden.sum())

    def _grouped(self, chunks: list[list[int]], rng: np.random.Generator) -> Iterator[MaskedBatch]:
        for rows in batches_by_length(chunks, self._settings.batch_size, rng):
            yield self._masked([chunks[row] for row in rows], rng)

    def _masked(self, rows: list[list[int]], rng: np.random.Generator) -> MaskedBatch:
        ids, attention = self._tokens.padded(rows)
        shown, hidden = hide(ids, self._settings.masked, self._vocabulary, rng)
        return MaskedBatch(shown, ids, attention, hidden)
