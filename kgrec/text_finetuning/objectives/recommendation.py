"""The loss of whoever reads the texts' vectors, passed back into the encoder batch by batch."""

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
from kgrec.text.encoder import MAX_CHUNKS
from kgrec.text_finetuning.tokens import Tokens, batches_by_length

_READ = 64  # chunks of alike length read at once, without gradients


class DownstreamModel(Protocol):
    """What reads vectors of its ``texts`` (distinct, none empty), such as the recommender.
    ``vectors`` are float32 ``[n, dim]``, unit rows, in their order."""

    @property
    def texts(self) -> Sequence[str]: ...

    def fit(self, vectors: np.ndarray) -> None:
        """Learn to read, once, before anything else is asked."""
        ...

    def loss(self, vectors: Tensor, rng: np.random.Generator) -> Tensor:
        """The mean training loss of some examples, with gradients towards ``vectors``."""
        ...

    def validate(self, vectors: Tensor) -> float:
        """NDCG@10 of what is held out to choose by."""
        ...


@dataclass(frozen=True, eq=False)
class ChunkBatch:
    """int64 ``rows`` of the chunks that carry gradients; the examples are drawn by ``seed``."""

    rows: np.ndarray
    seed: tuple[int, ...]


class RecommendationObjective:
    """The objective: ``reader`` is fitted to the encoder as it is, and stays while the encoder
    learns.

    Only the chunks of one batch carry gradients, all others have the vectors that were last read,
    so memory does not grow with the texts. As long as the encoder stands still the batches'
    gradients add up to that of all texts at once, as in gradient caching (Gao et al. 2021):
    ``accumulation`` over all batches makes every step exact, fewer make it a sample whose other
    texts are an epoch old at most. Vectors are those of ``BertEncoder`` with chunks of
    ``max_length`` tokens; the encoder's own dropout is off, the reader has its own.
    """

    name = "recommend"
    head = None

    def __init__(
        self,
        reader: DownstreamModel,
        tokens: Tokens,
        settings: TextTuning,
        seed: int,
        progress: Progress | None = None,
    ) -> None:
        self._reader, self._tokens, self._seed = reader, tokens, seed
        self._size, self._progress = settings.batch_size, progress
        chunks, owner = tokens.chunks(reader.texts)
        kept = np.flatnonzero(np.arange(len(owner)) - np.searchsorted(owner, owner) < MAX_CHUNKS)
        self._chunks = [chunks[row] for row in kept]
        self._owner = tokens.on_device(owner[kept])
        lengths = np.array([[len(chunk)] for chunk in self._chunks], dtype=np.float32)
        self._lengths = tokens.on_device(lengths)
        self.n_batches = math.ceil(len(self._chunks) / self._size)
        self._known: Tensor | None = None  # float32 ``[chunks, dim]``, as last read
        self._fresh = False  # whether the encoder has not moved since

    def begin(self, network: Any) -> None:
        """Fit the reader to the vectors of ``network`` as it is."""
        self._reader.fit(self._texts(self._read(network)).cpu().numpy())

    def batches(self, epoch: int) -> Iterator[ChunkBatch]:
        """All chunks, in random order."""
        rng = np.random.default_rng([self._seed, 31, epoch])
        for place, rows in enumerate(batches_by_length(self._chunks, self._size, rng)):
            yield ChunkBatch(rows, (self._seed, 32, epoch, place))

    def valid(self) -> list[None]:
        """All texts, to be judged together."""
        return [None]

    def measures(self, valid: float) -> dict[str, float]:
        return {"ndcg@10": 1.0 - valid}

    def loss(self, network: Any, batch: ChunkBatch | None) -> tuple[Tensor, int]:
        """The reader's loss, and how many chunks' gradients it carries: each by as much more as
        there are more chunks in all. For no batch 1 - NDCG@10 of the texts read anew."""
        if batch is None:
            vectors = self._texts(self._read(network))
            with torch.autocast(self._tokens.device.type, enabled=False):
                return torch.tensor(1.0 - self._reader.validate(vectors), dtype=torch.float64), 1
        assert self._known is not None
        with _without_dropout(network):
            fresh = self._vectors(network, batch.rows)
        share = len(self._chunks) / len(batch.rows)
        if fresh.requires_grad:
            fresh.register_hook(lambda slope: slope * share)  # type: ignore[no-untyped-call]
        known = self._known.index_copy(0, self._tokens.on_device(batch.rows), fresh)
        self._known, self._fresh = known.detach(), False
        with torch.autocast(self._tokens.device.type, enabled=False):
            loss = self._reader.loss(self._texts(known), np.random.default_rng(batch.seed))
        return loss, len(batch.rows)

    def _vectors(self, network: Any, rows: np.ndarray) -> Tensor:
        """float32 ``[B, dim]``: the unit vectors of chunks."""
        ids, attention = self._tokens.padded([self._chunks[row] for row in rows])
        states = self._tokens.states(network, ids, attention)
        return self._tokens.pooling(states, self._tokens.on_device(attention)).float()

    @torch.no_grad()
    def _read(self, network: Any) -> Tensor:
        """All chunks' vectors as the encoder is now."""
        if self._fresh and self._known is not None:
            return self._known
        order = np.argsort([-len(chunk) for chunk in self._chunks], kind="stable")
        found = []
        with _without_dropout(network):
            for start in range(0, len(order), _READ):
                found.append(self._vectors(network, order[start : start + _READ]))
                if self._progress is not None:
                    self._progress("reading all texts", start + len(found[-1]), len(order))
        self._known = torch.cat(found)[self._tokens.on_device(np.argsort(order))]
        self._fresh = True
        return self._known

    def _texts(self, chunks: Tensor) -> Tensor:
        """float32 ``[n, dim]``: unit rows, each the mean of its chunks by their lengths."""
        sums = chunks.new_zeros(len(self._reader.texts), chunks.shape[1])
        return functional.normalize(sums.index_add(0, self._owner, chunks * self._lengths), dim=1)


def check_downstream(reader: DownstreamModel | None) -> DownstreamModel:
    """Raises TrainingError without one, and for one without texts."""
    if reader is None:
        raise TrainingError(
            "the objective 'recommend' needs somebody who reads the vectors; call kgrec.tune_text "
            "on a graph, which fits a recommender."
        )
    if not len(reader.texts):
        raise TrainingError(
            "there is no text that the recommender reads, so nothing to tune on; load items' "
            "texts or reviews."
        )
    return reader


@contextmanager
def _without_dropout(network: Any) -> Iterator[None]:
    was_training = network.training
    network.eval()
    try:
        yield
    finally:
        network.train(was_training)
