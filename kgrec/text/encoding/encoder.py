"""BertEncoder: texts to unit vectors by a BERT model and pooling (Reimers and Gurevych 2019).

Own code instead of sentence-transformers: 1.1 to 1.3 times its speed in fp32 and 1.5 to 1.9 times
in int8 on the same texts (docs/text.md, "Speed"), and long texts are read to the end in chunks.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch

from graph_schema.errors import RequestError
from kgrec.progress import Progress
from kgrec.text.cleaning import clean_text
from kgrec.text.encoding import models
from kgrec.text.encoding.forward import ForwardPass
from kgrec.text.encoding.loading import LanguageModel, fingerprint_of, read_model
from kgrec.text.encoding.pooling import Pooling
from kgrec.text.encoding.precision import PRECISIONS, Precision

MAX_CHUNKS = 8  # of one text; the rest of a longer text is ignored
BATCH_TOKENS = 4096  # padded tokens in one batch: enough to keep the cores busy, small in cache
WINDOW = 4096  # texts tokenised at once, which bounds memory for millions of reviews
_CHARS_PER_TOKEN = 10  # more than any language's average; bounds the tokenizer's work
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
    """Protocol of everything that encodes texts: BertEncoder, or CachedEncoder around one."""

    @property
    def dim(self) -> int: ...

    @property
    def name(self) -> str: ...

    @property
    def fingerprint(self) -> str: ...

    def encode(self, texts: Sequence[str], progress: Progress | None = None) -> np.ndarray:
        """float32 ``[n, dim]``: unit rows; a zero row for a text without content."""
        ...


def load_encoder(
    model: str | Path = models.DEFAULT,
    *,
    device: str | torch.device | None = None,
    precision: Precision = "auto",
    cache_dir: str | Path | None = None,
    max_length: int = 256,
) -> BertEncoder:
    """Load an encoder such as BERT, RoBERTa or MPNet, or a fine-tuned one.

    Parameters
    ----------
    model
        "default" (all-MiniLM-L6-v2), a folder, or a name on the Hugging Face hub. The pooling (mean
        or first token) and dense layers of a sentence-transformers folder are used.
    device
        "cpu", "cuda", ...; by default an accelerator where there is one.
    precision
        "fp32" or "bf16" (PyTorch), "openvino" (fp32) or "int8" (OpenVINO, an extra, on the
        processor), or "auto": bf16 where the device supports it natively and every vector of a
        sample keeps a cosine of at least .9999 to fp32; otherwise fp32, with
        OpenVINO where it is installed and proves faster on the first large batch.
    cache_dir
        Folder for a downloaded model; by default kgrec's cache.
    max_length
        Tokens of one chunk. A longer text is cut into at most MAX_CHUNKS chunks, whose vectors are
        averaged by length.

    Returns
    -------
    BertEncoder
        Its rows are unit vectors.

    Raises
    ------
    TextModelError
        The model is missing, incomplete, damaged or no text encoder; OpenVINO is asked for and not
        installed; int8 changes a vector of the sample past a cosine of .999.
    MissingExtraError
        The model is an adapter and peft is not installed.
    RequestError
        An unknown precision, or a ``max_length`` that the model does not support.
    """
    if precision not in PRECISIONS:
        raise RequestError(f"precision is {precision!r}; use one of {', '.join(PRECISIONS)}.")
    name = models.DEFAULT_NAME if model == models.DEFAULT else str(model)
    return BertEncoder(
        read_model(model, cache_dir),
        name=name,
        device=device,
        precision=precision,
        max_length=max_length,
    )


class BertEncoder:
    """A loaded model with its tokenizer. A text's vector does not depend on its batch (to 1e-5)."""

    def __init__(
        self,
        model: LanguageModel,
        *,
        name: str,
        device: str | torch.device | None = None,
        precision: Precision = "auto",
        max_length: int = 256,
    ) -> None:
        """``name`` is shown in messages; the rest as in ``load_encoder``. Raises RequestError."""
        network, tokenizer = model.network, model.tokenizer
        most = max_positions(network, tokenizer, max_length)
        if not 8 <= max_length <= most:
            raise RequestError(f"max_length is {max_length}; {name} takes 8 to {most} tokens.")
        self.name = name
        self.max_length = max_length
        self.dim = model.pooling.dim(int(network.config.hidden_size))
        self._tokenizer = tokenizer
        self._weights = model.fingerprint
        self._forward = ForwardPass(
            network,
            model.pooling,
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
        """ "torch" or "openvino": the runtime of the network at present."""
        return self._forward.runtime

    @property
    def fingerprint(self) -> str:
        """Hex sha256 of the weights, the precision, the pooling and the cutting into chunks.

        The runtime is not part of it: OpenVINO's fp32 equals PyTorch's to 1e-5."""
        cut = f"{self._forward.pooling.name}/{MAX_CHUNKS}/1"
        versions = {"bf16": "bf16/2", "int8": "int8/3"}  # of the way that vectors are rounded
        precision = versions.get(self.precision, self.precision)
        parts = (self._weights, precision, str(self.max_length), cut)
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    def is_of(self, model: str | Path) -> bool:
        """Whether ``model``, as in ``load_encoder``, has the weights and the tokenizer of this
        encoder now. Raises TextModelError."""
        return fingerprint_of(model) == self._weights

    def parts(self) -> tuple[Any, Any, Pooling]:
        """The network (PyTorch, fp32), the tokenizer and the pooling, to compute gradients with."""
        return self._forward.network, self._tokenizer, self._forward.pooling

    def encode(self, texts: Sequence[str], progress: Progress | None = None) -> np.ndarray:
        """Encode texts.

        Parameters
        ----------
        texts
            Any texts; each is cleaned by ``clean_text`` first.
        progress
            Called with ("texts encoded", texts done, all texts).

        Returns
        -------
        numpy.ndarray
            float32 ``[n, dim]``: unit rows in the order of ``texts``; a zero row for a text of
            which ``clean_text`` leaves nothing.
        """
        vectors = np.zeros((len(texts), self.dim), dtype=np.float32)
        for start in range(0, len(texts), WINDOW):
            window = texts[start : start + WINDOW]
            done = _counter(progress, start, len(texts))
            vectors[start : start + len(window)] = self._encode_window(window, done)
        return vectors

    def _encode_window(self, texts: Sequence[str], done: Callable[[int], None]) -> np.ndarray:
        limit = MAX_CHUNKS * self.max_length * _CHARS_PER_TOKEN
        cleaned = [clean_text(text, limit) for text in texts]
        rows = np.flatnonzero([bool(text) for text in cleaned])
        sums = np.zeros((len(cleaned), self.dim), dtype=np.float64)
        if len(rows):
            chunks, owner = self._chunks([cleaned[row] for row in rows])
            self._forward.choose_runtime(chunks)
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
        """Add each chunk's unit vector, weighted by its length, to its text's row of ``sums``."""
        encoded = 0
        for batch in _batches(chunks, padded=self._forward.may_pad):
            means = self._forward([chunks[chunk] for chunk in batch])
            lengths = np.array([[len(chunks[chunk])] for chunk in batch], dtype=np.float64)
            np.add.at(sums, owner[batch], means * lengths)
            encoded += len(batch)
            done(len(sums) * encoded // (len(chunks) + 1))


def max_positions(network: Any, tokenizer: Any, otherwise: int) -> int:
    """The most tokens that the model reads (RoBERTa has positions that its tokenizer never
    uses)."""
    positions = int(getattr(network.config, "max_position_embeddings", otherwise))
    return int(min(positions, getattr(tokenizer, "model_max_length", positions)))


def _counter(progress: Progress | None, start: int, total: int) -> Callable[[int], None]:
    def count(done: int) -> None:
        if progress is not None:
            progress("texts encoded", start + done, total)

    return count


def _batches(chunks: list[list[int]], padded: bool) -> Iterator[np.ndarray]:
    """Batches of chunks of similar length, longest first, of at most BATCH_TOKENS padded tokens;
    of exactly equal length unless ``padded``."""
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
