"""Tokens: texts as padded batches of token ids, and their pooled vectors with gradients."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from kgrec.text.encoding.forward import padded
from kgrec.text.encoding.pooling import MEAN, Pooling
from kgrec.text_finetuning.objectives.masking import TokenVocabulary

_WINDOW = 16  # batches whose texts are sorted by length together, to save padding


@dataclass(frozen=True, eq=False)
class Tokens:
    """A tokenizer with the most tokens of a text, the device of the batches, and the pooling."""

    tokenizer: Any
    max_length: int
    device: torch.device
    pooling: Pooling = MEAN

    def first(self, texts: Sequence[str]) -> list[list[int]]:
        """The first ``max_length`` token ids of each text."""
        return list(self._read(texts, overflow=False)["input_ids"])

    def chunks(self, texts: Sequence[str]) -> tuple[list[list[int]], np.ndarray]:
        """The token ids of all chunks of all texts, and the text row (int64) of each chunk."""
        found = self._read(texts, overflow=True)
        owner = np.asarray(found["overflow_to_sample_mapping"], dtype=np.int64)
        return list(found["input_ids"]), owner

    def _read(self, texts: Sequence[str], *, overflow: bool) -> Any:
        return self.tokenizer(
            list(texts),
            truncation=True,
            max_length=self.max_length,
            return_overflowing_tokens=overflow,
            return_attention_mask=False,
            return_token_type_ids=False,
        )

    def padded(self, rows: Sequence[Sequence[int]]) -> tuple[np.ndarray, np.ndarray]:
        """``ids`` and ``attention`` (1: a token), int64 ``[B, longest]``."""
        return padded(rows, self.tokenizer.pad_token_id or 0)

    def on_device(self, array: np.ndarray) -> Tensor:
        """The array as a tensor on the device of the batches."""
        return torch.from_numpy(array).to(self.device)

    @property
    def vocabulary(self) -> TokenVocabulary | None:
        """The vocabulary for masking; None where the tokenizer has no mask token."""
        mask = self.tokenizer.mask_token_id
        if mask is None:
            return None
        special = tuple(self.tokenizer.all_special_ids)
        return TokenVocabulary(len(self.tokenizer), int(mask), special)

    def states(self, network: Any, ids: np.ndarray, attention: np.ndarray) -> Tensor:
        """The last layer's states, ``[B, L, dim]``."""
        found: Tensor = network(
            input_ids=self.on_device(ids), attention_mask=self.on_device(attention)
        ).last_hidden_state
        return found

    def vectors(self, network: Any, texts: Sequence[str]) -> Tensor:
        """float32 ``[n, dim]``: unit rows, pooled as BertEncoder does."""
        ids, attention = self.padded(self.first(texts))
        return self.pooling(self.states(network, ids, attention), self.on_device(attention))


def batches_by_length(
    chunks: Sequence[Sequence[int]], size: int, rng: np.random.Generator
) -> Iterator[np.ndarray]:
    """int64: all rows of ``chunks`` in random batches of ``size`` with similar lengths."""
    order = rng.permutation(len(chunks))
    for start in range(0, len(order), size * _WINDOW):
        window = sorted(order[start : start + size * _WINDOW], key=lambda row: len(chunks[row]))
        for first in rng.permutation(range(0, len(window), size)):
            yield np.array(window[first : first + size], dtype=np.int64)
