"""Recommendation objective: the loss of a downstream model, backpropagated into the encoder."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from kgrec.config.text_finetuning import TextTuning
from kgrec.errors import TrainingError
from kgrec.progress import Progress
from kgrec.text.encoding.encoder import MAX_CHUNKS
from kgrec.text_finetuning.tokens import Tokens, batches_by_length

_ENCODED_AT_ONCE = 64  # chunks of similar length, without gradients


class DownstreamModel(Protocol):
    """Protocol of a model with text vectors as input, such as a recommender.

    ``texts`` are distinct and not empty; ``vectors`` are float32 ``[n, dim]``, unit rows, in the
    order of ``texts``.
    """

    @property
    def texts(self) -> Sequence[str]: ...

    def fit(self, vectors: np.ndarray) -> None:
        """Fit the model to these vectors; called once, before the other methods."""
        ...

    def loss(self, vectors: Tensor, rng: np.random.Generator) -> Tensor:
        """The mean training loss of randomly drawn examples, differentiable in ``vectors``."""
        ...

    def validate(self, vectors: Tensor) -> float:
        """NDCG@10 on the validation rows."""
        ...


@dataclass(frozen=True, eq=False)
class ChunkBatch:
    """int64 ``rows`` of the chunks with gradients; ``seed`` draws the examples of the loss."""

    rows: np.ndarray
    seed: tuple[int, ...]


class RecommendationObjective:
    """The loss of ``downstream``, which is fitted to the encoder's first vectors and then fixed.

    Only the chunks of one batch have gradients; all others keep the vectors of their last encoding,
    so memory does not grow with the number of texts. While the encoder does not change, the
    gradients of the batches add up to the gradient of all texts, as in gradient caching (Gao et al.
    2021): ``accumulation`` over all batches makes every step exact; with fewer, the other texts'
    vectors are up to one epoch old. Vectors are those of ``BertEncoder`` with chunks of
    ``max_length`` tokens. The encoder's dropout is off; the downstream model keeps its own.
    """

    name = "recommend"
    head = None

    def __init__(
        self,
        downstream: DownstreamModel,
        tokens: Tokens,
        settings: TextTuning,
        seed: int,
        progress: Progress | None = None,
    ) -> None:
        self._downstream, self._tokens, self._seed = downstream, tokens, seed
        self._size, self._progress = settings.batch_size, progress
        chunks, owner = tokens.chunks(downstream.texts)
        kept = np.flatnonzero(np.arange(len(owner)) - np.searchsorted(owner, owner) < MAX_CHUNKS)
        self._chunks = [chunks[row] for row in kept]
        self._owner = tokens.on_device(owner[kept])
        lengths = np.array([[len(chunk)] for chunk in self._chunks], dtype=np.float32)
        self._lengths = tokens.on_device(lengths)
        self.n_batches = math.ceil(len(self._chunks) / self._size)
        self._vectors: Tensor | None = None  # float32 ``[chunks, dim]``, by their last encoding
        self._current = False  # whether the encoder has not changed since all were encoded

    def begin(self, network: Any) -> None:
        """Fit the downstream model to the vectors of ``network`` before training."""
        self._downstream.fit(self._text_vectors(self._encode_all(network)).cpu().numpy())

    def batches(self, epoch: int) -> Iterator[ChunkBatch]:
        """All chunks in random batches."""
        rng = np.random.default_rng([self._seed, 31, epoch])
        for place, rows in enumerate(batches_by_length(self._chunks, self._size, rng)):
            yield ChunkBatch(rows, (self._seed, 32, epoch, place))

    def valid(self) -> list[None]:
        """One batch: all texts together."""
        return [None]

    def metrics(self, valid: float) -> dict[str, float]:
        return {"ndcg@10": 1.0 - valid}

    def loss(self, network: Any, batch: ChunkBatch | None) -> tuple[Tensor, int]:
        """The loss of the downstream model, and the number of chunks with gradients.

        Gradients are scaled by all chunks / chunks of the batch. Without a batch: 1 - NDCG@10 of
        newly encoded texts.
        """
        if batch is None:
            vectors = self._text_vectors(self._encode_all(network))
            with torch.autocast(self._tokens.device.type, enabled=False):
                return torch.tensor(
                    1.0 - self._downstream.validate(vectors), dtype=torch.float64
                ), 1
        assert self._vectors is not None
        with _without_dropout(network):
            fresh = self._encode(network, batch.rows)
        share = len(self._chunks) / len(batch.rows)
        if fresh.requires_grad:
            fresh.register_hook(lambda gradient: gradient * share)  # type: ignore[no-untyped-call]
        vectors = self._vectors.index_copy(0, self._tokens.on_device(batch.rows), fresh)
        self._vectors, self._current = vectors.detach(), False
        with torch.autocast(self._tokens.device.type, enabled=False):
            loss = self._downstream.loss(
                self._text_vectors(vectors), np.random.default_rng(batch.seed)
            )
        return loss, len(batch.rows)

    def _encode(self, network: Any, rows: np.ndarray) -> Tensor:
        """float32 ``[B, dim]``: the unit vectors of chunks."""
        ids, attention = self._tokens.padded([self._chunks[row] for row in rows])
        states = self._tokens.states(network, ids, attention)
        return self._tokens.pooling(states, self._tokens.on_device(attention)).float()

    @torch.no_grad()
    def _encode_all(self, network: Any) -> Tensor:
        """float32 ``[chunks, dim]``: all chunks by the encoder as it is now."""
        if self._current and self._vectors is not None:
            return self._vectors
        order = np.argsort([-len(chunk) for chunk in self._chunks], kind="stable")
        found = []
        with _without_dropout(network):
            for start in range(0, len(order), _ENCODED_AT_ONCE):
                found.append(self._encode(network, order[start : start + _ENCODED_AT_ONCE]))
                if self._progress is not None:
                    self._progress("encoding all texts", start + len(found[-1]), len(order))
        self._vectors = torch.cat(found)[self._tokens.on_device(np.argsort(order))]
        self._current = True
        return self._vectors

    def _text_vectors(self, chunks: Tensor) -> Tensor:
        """float32 ``[n, dim]``: unit rows, the means of each text's chunks weighted by length."""
        sums = chunks.new_zeros(len(self._downstream.texts), chunks.shape[1])
        return functional.normalize(sums.index_add(0, self._owner, chunks * self._lengths), dim=1)


def check_downstream(downstream: DownstreamModel | None) -> DownstreamModel:
    """Raises TrainingError without one, and for one without texts."""
    if downstream is None:
        raise TrainingError(
            "the objective 'recommend' needs a downstream model; call kgrec.tune_text on a graph, "
            "which fits a recommender."
        )
    if not len(downstream.texts):
        raise TrainingError(
            "the recommender reads no text, so there is nothing to train on; load items' texts or "
            "reviews."
        )
    return downstream


@contextmanager
def _without_dropout(network: Any) -> Iterator[None]:
    was_training = network.training
    network.eval()
    try:
        yield
    finally:
        network.train(was_training)
