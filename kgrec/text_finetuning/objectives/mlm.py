"""Masked-language-model objective (Devlin et al. 2019): predict hidden words with an extra head."""

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
from kgrec.text_finetuning.augmentation import Predict
from kgrec.text_finetuning.corpus import TextCorpus, held_out_items
from kgrec.text_finetuning.objectives.contrastive import VALID_BATCHES
from kgrec.text_finetuning.objectives.masking import TokenVocabulary, hide
from kgrec.text_finetuning.tokens import Tokens, batches_by_length


class PredictionHead(nn.Module):
    """From states ``[n, dim]`` to logits over the vocabulary ``[n, V]``, like BERT's own head.

    Its output matrix is the encoder's input embeddings, passed in so that it stays one tensor.
    """

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
    """A batch of texts with hidden words: ``shown`` and ``true`` ids and ``attention`` int64,
    ``hidden`` bool; all ``[B, L]``."""

    shown: np.ndarray
    true: np.ndarray
    attention: np.ndarray
    hidden: np.ndarray


class MaskedWordObjective:
    """Masked words of a corpus; the texts of held-out items are its validation set.

    Masks depend on the seed and the epoch alone, so runs with equal seeds see equal masks.
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
            raise TrainingError("there is no text to train on; load items' texts or reviews.")
        valid = [chunks[row] for row in np.flatnonzero(out[owner] & worded)]
        rng = np.random.default_rng([seed, 22])
        self._valid = list(islice(self._grouped(valid, rng), VALID_BATCHES))
        embeddings = network.get_input_embeddings().weight
        self.n_batches = math.ceil(len(self._train) / settings.batch_size)
        self.head: nn.Module = PredictionHead(embeddings.shape[1], embeddings.shape[0])

    def batches(self, epoch: int) -> Iterator[MaskedBatch]:
        """The training texts of an epoch, with new masks."""
        yield from self._grouped(self._train, np.random.default_rng([self._seed, 23, epoch]))

    def valid(self) -> list[MaskedBatch]:
        """The validation batches, equal in every epoch."""
        return self._valid

    def metrics(self, valid: float) -> dict[str, float]:
        """The perplexity of a validation loss."""
        return {"perplexity": math.exp(min(valid, 80.0))}

    def loss(self, network: Any, batch: MaskedBatch) -> tuple[Tensor, int]:
        """The mean cross-entropy of the hidden words in nats, and their number."""
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


def mask_predictor(network: Any, objective: MaskedWordObjective, tokens: Tokens) -> Predict:
    """A function that predicts a word for each mask of a text.

    The word is the likeliest token of the first five that is made of letters only; "" where none
    is. Masks behind the end of the tokens that are read get no word.
    """

    @torch.no_grad()
    def predict(texts: list[str]) -> list[list[str]]:
        was_training = network.training
        network.eval()
        ids, attention = tokens.padded(tokens.first(texts))
        states = tokens.states(network, ids, attention)
        masks = ids == tokens.tokenizer.mask_token_id
        hidden = tokens.on_device(masks)
        logits = objective.head(states[hidden], network.get_input_embeddings().weight)
        words = [_word(tokens.tokenizer, row) for row in logits.topk(5).indices.tolist()]
        network.train(was_training)
        ends = masks.sum(axis=1).cumsum().tolist()
        return [words[end - n : end] for end, n in zip(ends, masks.sum(axis=1), strict=True)]

    return predict


def _word(tokenizer: Any, candidates: list[int]) -> str:
    for token in candidates:
        text = tokenizer.decode([token]).strip()
        if text.isalpha() and token not in tokenizer.all_special_ids:
            return str(text)
    return ""
