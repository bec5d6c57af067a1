"""BertEncoder: texts to unit vectors with a BERT model, mean pooled (Reimers and Gurevych 2019)."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch

from graph_schema.errors import RequestError, TextModelError
from kgrec.text import models
from kgrec.text.cleaning import clean_text
from kgrec.text.precision import Precision, half_is_worth_it, has_native_bf16

Progress = Callable[[str, int, int], None]
MAX_CHUNKS = 8  # of one long text; what follows is left out
BATCH_TOKENS = 4096  # padded tokens in one batch: enough to keep the cores busy, small in cache
WINDOW = 4096  # texts tokenised at once: bounds memory for millions of reviews
_CHARS_PER_TOKEN = 10  # no language's tokens are longer on average: bounds the tokenizer's work
_SAMPLE = [
    f"Text {number}: a film about a river, a town and its people. " * 8 for number in range(8)
]


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

    ``device`` is the accelerator if there is one, else the processor. ``precision`` "auto" means
    fp32, unless the device multiplies bfloat16 natively: then a small batch is timed both ways and
    bf16 is taken if it is faster and turns no vector past cosine .9999. ``max_length`` counts
    tokens: a longer text is cut into chunks whose vectors are averaged by length (at most
    MAX_CHUNKS). ``cache_dir`` is where a fetched model is kept.
    Raises TextModelError where the model is missing, incomplete, damaged or of a foreign kind.
    """
    if precision not in ("auto", "fp32", "bf16"):
        raise RequestError(f"precision is {precision!r}; use auto, fp32 or bf16.")
    folder = models.model_folder(model, cache_dir)
    network, tokenizer = _load(folder)
    name = models.DEFAULT_NAME if model == models.DEFAULT else str(model)
    return BertEncoder(
        network,
        tokenizer,
        name=name,
        weights=models.fingerprint(folder),
        device=device,
        precision=precision,
        max_length=max_length,
    )


def _load(folder: Path) -> tuple[Any, Any]:
    from transformers import AutoModel, AutoTokenizer
    from transformers.utils import logging

    logging.disable_progress_bar()
    try:
        network, info = AutoModel.from_pretrained(
            folder,
            local_files_only=True,
            use_safetensors=True,
            dtype=torch.float32,
            output_loading_info=True,
        )
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    except Exception as error:
        raise TextModelError(
            f"{folder} can't be loaded as a text model ({type(error).__name__}: {error}). "
            "The files are damaged or of an unknown kind; fetch them again or name another model."
        ) from error
    # A missing weight would be filled with random numbers; the pooler's are never used here.
    missing = [key for key in info["missing_keys"] if "pooler" not in key]
    if missing or info["mismatched_keys"]:
        raise TextModelError(
            f"{folder}: {len(missing)} weights are missing (the first: {missing[:1]}) or have a "
            "wrong shape; weights and config.json belong to different models."
        )
    return network.eval().requires_grad_(False), tokenizer


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
    ) -> None:
        positions = int(getattr(network.config, "max_position_embeddings", max_length))
        if not 8 <= max_length <= positions:
            raise RequestError(f"max_length is {max_length}; {name} takes 8 to {positions} tokens.")
        self.name = name
        self.max_length = max_length
        self.device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        self.dim = int(network.config.hidden_size)
        self._tokenizer = tokenizer
        self._weights = weights
        self._network = network.to(self.device)
        if precision == "bf16" or (precision == "auto" and has_native_bf16(self.device)):
            half = copy.deepcopy(self._network).to(torch.bfloat16)
            if precision == "bf16" or self._prefers(half):
                self._network = half

    @property
    def precision(self) -> str:
        return "bf16" if self._network.dtype == torch.bfloat16 else "fp32"

    @property
    def fingerprint(self) -> str:
        """Hex sha256: changes with the weights, the precision, or how texts are cut."""
        parts = (self._weights, self.precision, str(self.max_length), f"mean/{MAX_CHUNKS}/1")
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

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
        for batch in _batches(chunks):
            means = self._forward([chunks[chunk] for chunk in batch])
            lengths = np.array([[len(chunks[chunk])] for chunk in batch], dtype=np.float64)
            np.add.at(sums, owner[batch], means * lengths)
            encoded += len(batch)
            done(len(sums) * encoded // (len(chunks) + 1))

    @torch.inference_mode()
    def _forward(self, chunks: list[list[int]], network: Any = None) -> np.ndarray:
        """float64 ``[B, dim]``: unit mean of the last layer over each chunk's tokens."""
        width = max(map(len, chunks))
        ids = np.full((len(chunks), width), self._tokenizer.pad_token_id or 0, dtype=np.int64)
        mask = np.zeros((len(chunks), width), dtype=np.int64)
        for row, chunk in enumerate(chunks):
            ids[row, : len(chunk)] = chunk
            mask[row, : len(chunk)] = 1
        attention = torch.from_numpy(mask).to(self.device)
        states = (network or self._network)(
            input_ids=torch.from_numpy(ids).to(self.device), attention_mask=attention
        ).last_hidden_state.float()
        weights = attention.unsqueeze(-1).float()
        means = (states * weights).sum(1) / weights.sum(1)
        return torch.nn.functional.normalize(means, dim=1).double().cpu().numpy()

    def _prefers(self, half: Any) -> bool:
        chunks, _ = self._chunks(_SAMPLE)
        return half_is_worth_it(lambda: self._forward(chunks), lambda: self._forward(chunks, half))


def _counter(progress: Progress | None, start: int, total: int) -> Callable[[int], None]:
    def tell(done: int) -> None:
        if progress is not None:
            progress("texts encoded", start + done, total)

    return tell


def _batches(chunks: list[list[int]]) -> Iterator[np.ndarray]:
    """Rows of similar length together, longest first, at most BATCH_TOKENS padded tokens each."""
    order = np.argsort([-len(chunk) for chunk in chunks], kind="stable")
    start = 0
    while start < len(order):
        width = len(chunks[order[start]])
        size = max(1, BATCH_TOKENS // width)
        yield order[start : start + size]
        start += size
