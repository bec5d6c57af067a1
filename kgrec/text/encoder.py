"""BertEncoder: texts to unit vectors with a BERT model, pooled (Reimers and Gurevych 2019)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch

from graph_schema.errors import RequestError
from kgrec.progress import Progress
from kgrec.text import models
from kgrec.text.cleaning import clean_text
from kgrec.text.forward import Forward
from kgrec.text.loading import model_pooling, read_model
from kgrec.text.pooling import MEAN, Pooling
from kgrec.text.precision import PRECISIONS, Precision

MAX_CHUNKS = 8  # of one long text; what follows is left out
BATCH_TOKENS = 4096  # padded tokens in one batch: enough to keep the cores busy, small in cache
WINDOW = 4096  # texts tokenised at once: bounds memory for millions of reviews
_CHARS_PER_TOKEN = 10  # no language's tokens are longer on average: bounds the tokenizer's work
SAMPLE = (
    "red",
    "Toy Story (1995). genres: Animation, Comedy.",
    "Two prisoners become friends over many years and find hope in small acts of kindness. " * 4,
    "The strings broke after a week; the shop sent new ones at once, 5 stars for that!!",
    "USB-C cable, 2 m, black, 100 W, pack of 3",
    "A detective hunts a killer who leaves riddles, until the last one names his own daughter. "
    * 2,
    "Ein junger Arzt kehrt in sein Dorf zurück und erbt einen Streit um Land und Wasser.",
    "Una comedia sobre tres hermanas que abren un restaurante junto al mar.",
)


class TextEncoder(Protocol):
    """What turns texts into vectors: BertEncoder, or CachedEncoder around one."""

    @property
    def dim(self) -> int: ...

    @property
    def name(self) -> str: ...

    @property
    def fingerprint(self) -> str: ...

    def encode(self, texts: Sequence[str], progress: Progress | None = None) -> np.ndarray:
        """float32 ``[n, dim]``: unit rows, a zero row for a text without content."""
        ...


def load_encoder(
    model: str | Path = models.DEFAULT,
    *,
    device: str | torch.device | None = None,
    precision: Precision = "auto",
    cache_dir: str | Path | None = None,
    max_length: int = 256,
) -> BertEncoder:
    """Load a BERT-like encoder from "default", a folder or a hub name.

    ``device`` is the accelerator if there is one, else the processor. ``precision`` is "fp32" or
    "bf16" (both PyTorch), "openvino" (fp32) or "int8" (both OpenVINO, which is an extra and runs on
    the processor), or "auto": bf16 where the device multiplies it natively, a timed batch is faster
    and no vector of it turns past cosine .9999; else fp32, by OpenVINO if it is installed and
    proves faster when many texts come first. ``max_length`` counts tokens: a longer text is cut
    into chunks whose vectors are averaged by length (at most MAX_CHUNKS). ``cache_dir`` is where a
    fetched model is kept. A sentence-transformers folder's pooling (mean or first token) and dense
    layers are honoured; rows are unit in any case.
    Raises TextModelError where the model is missing, incomplete, damaged or of a foreign kind,
    where OpenVINO is asked for and absent, and where int8 turns a sample past cosine .999.
    """
    if precision not in PRECISIONS:
        raise RequestError(f"precision is {precision!r}; use one of {', '.join(PRECISIONS)}.")
    network, tokenizer, weights = read_model(model, cache_dir)
    name = models.DEFAULT_NAME if model == models.DEFAULT else str(model)
    return BertEncoder(
        network,
        tokenizer,
        name=name,
        weights=weights,
        device=device,
        precision=precision,
        max_length=max_length,
        pooling=model_pooling(model, cache_dir),
    )


class BertEncoder:
    """A loaded model with its tokenizer. Same texts, same vectors, whatever the batch (to 1e-5)."""

    def __init__(
        self,
        network: Any,
        tokenizer: Any,
        *,
        name: str,
        weights: str,
        device: str | torch.device | None = None,
        precision: Precision = "auto",
        max_length: int = 256,
        pooling: Pooling = MEAN,
    ) -> None:
        most = positions(network, tokenizer, max_length)
        if not 8 <= max_length <= most:
            raise RequestError(f"max_length is {max_length}; {name} takes 8 to {most} tokens.")
        self.name = name
        self.max_length = max_length
        self.dim = pooling.dim(int(network.config.hidden_size))
        self._tokenizer = tokenizer
        self._weights = weights
        self._forward = Forward(
            network,
            pooling,
            device=torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu")),
            padding=tokenizer.pad_token_id or 0,
            precision=precision,
            sample=self._chunks(list(SAMPLE))[0],
        )

    @property
    def device(self) -> torch.device:
        return self._forward.device

    @property
    def precision(self) -> str:
        """ "fp32", "bf16" or "int8"."""
        return self._forward.precision

    @property
    def runtime(self) -> str:
        """ "torch" or "openvino": what runs the network now."""
        return self._forward.runtime

    @property
    def fingerprint(self) -> str:
        """Hex sha256: changes with the weights, the precision, the pooling, or how texts are cut;
        not with the runtime, since OpenVINO's fp32 is PyTorch's to 1e-5."""
        cut = f"{self._forward.pooling.name}/{MAX_CHUNKS}/1"
        way = {"int8": "int8/3"}.get(self.precision, self.precision)  # counts ways of rounding
        parts = (self._weights, way, str(self.max_length), cut)
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    def parts(self) -> tuple[Any, Any, Pooling]:
        """The network (PyTorch, fp32), the tokenizer and the pooling, for gradients."""
        return self._forward.network, self._tokenizer, self._forward.pooling

    def encode(self, texts: Sequence[str], progress: Progress | None = None) -> np.ndarray:
        """float32 ``[n, dim]``: unit rows in the texts' order, zero where ``clean_text`` leaves
        nothing. ``progress`` is told (what, texts done, texts in all)."""
        vectors = np.zeros((len(texts), self.dim), dtype=np.float32)
        for start in range(0, len(texts), WINDOW):
            window = texts[start : start + WINDOW]
            tell = _counter(progress, start, len(texts))
            vectors[start : start + len(window)] = self._encode_window(window, tell)
        return vectors

    def _encode_window(self, texts: Sequence[str], done: Callable[[int], None]) -> np.ndarray:
        limit = MAX_CHUNKS * self.max_length * _CHARS_PER_TOKEN
        cleaned = [clean_text(text, limit) for text in texts]
        rows = np.flatnonzero([bool(text) for text in cleaned])
        sums = np.zeros((len(cleaned), self.dim), dtype=np.float64)
        if len(rows):
            chunks, owner = self._chunks([cleaned[row] for row in rows])
            self._forward.decide(chunks)
            self._add_chunks(sums, chunks, rows[owner], done)
        done(len(cleaned))
        norms = np.linalg.norm(sums, axis=1, keepdims=True)
        np.divide(sums, norms, out=sums, where=norms > 0)
        return sums

    def _chunks(self, texts: list[str]) -> tuple[list[list[int]], np.ndarray]:
        """Token ids of every chunk, and the text (int64) that each belongs to."""
        found = self._tokenizer(
            texts,
            truncation=True,
            max_length=self.max_length,
            return_overflowing_tokens=True,
            return_attention_mask=False,
            return_token_type_ids=False,
        )
        owner = np.asarray(found["overflow_to_sample_mapping"], dtype=np.int64)
        first = np.searchsorted(owner, owner)
        keep = np.flatnonzero(np.arange(len(owner)) - first < MAX_CHUNKS)
        return [found["input_ids"][chunk] for chunk in keep], owner[keep]

    def _add_chunks(
        self,
        sums: np.ndarray,
        chunks: list[list[int]],
        owner: np.ndarray,
        done: Callable[[int], None],
    ) -> None:
        """Add each chunk's unit mean, weighted by its length, to its text's row of ``sums``."""
        encoded = 0
        for batch in _batches(chunks, padded=self._forward.pads):
            means = self._forward([chunks[chunk] for chunk in batch])
            lengths = np.array([[len(chunks[chunk])] for chunk in batch], dtype=np.float64)
            np.add.at(sums, owner[batch], means * lengths)
            encoded += len(batch)
            done(len(sums) * encoded // (len(chunks) + 1))


def positions(network: Any, tokenizer: Any, otherwise: int) -> int:
    """How many tokens the model takes: RoBERTa's tokenizer knows of places that are never used."""
    positions = int(getattr(network.config, "max_position_embeddings", otherwise))
    return int(min(positions, getattr(tokenizer, "model_max_length", positions)))


def _counter(progress: Progress | None, start: int, total: int) -> Callable[[int], None]:
    def tell(done: int) -> None:
        if progress is not None:
            progress("texts encoded", start + done, total)

    return tell


def _batches(chunks: list[list[int]], padded: bool) -> Iterator[np.ndarray]:
    """Rows of similar length together, longest first, at most BATCH_TOKENS padded tokens each; rows
    of one length where they may not be ``padded``."""
    lengths = np.array([len(chunk) for chunk in chunks])
    order = np.argsort(-lengths, kind="stable")
    start = 0
    while start < len(order):
        width = lengths[order[start]]
        batch = order[start : start + max(1, BATCH_TOKENS // width)]
        if not padded:
            batch = batch[lengths[batch] == width]
        yield batch
        start += len(batch)
