"""Word attribution: how much each word of a text adds to a score of the text's vector.

Own code instead of captum: a text is several chunks, pooled, weighted by length and normalised
together, and the shares are summed by word; the integral itself takes few lines.

Two methods. Integrated gradients (Sundararajan, Taly and Yan, ICML 2017): a token's share is

    (x − x') · ∫ ∂F(x' + a (x − x')) / ∂x da,  a from 0 to 1

where x is its input embedding, F the network, the pooling and the score, and x' the embedding of
the mask token at the same position (special tokens such as [CLS] and [SEP] stay). The shares add up
to F(x) − F(x'), except for the error of the numerical integral, which ``WordShares.left`` reports.
Occlusion: a word's share is the score minus the score of the text without the word; these shares
have no fixed sum.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from graph_schema.errors import RequestError, TextModelError
from kgrec.text.cleaning import clean_text
from kgrec.text.encoding.encoder import MAX_CHUNKS, BertEncoder

Floats = np.ndarray
Ints = np.ndarray
Score = Callable[[Tensor], Tensor]  # a unit vector float32 ``[dim]`` → one number ``[]``
MOST_WORDS = 400  # of a text for occlusion, which encodes it once per word
_WORD = re.compile(r"\S+")


@dataclass(frozen=True, eq=False)
class WordShares:
    """Attribution of a score to words.

    Attributes
    ----------
    words
        The ``n`` words in order.
    shares
        float64 ``[n]``: what each word adds to the score.
    whole
        The score of the text.
    hidden
        The score of the text with all words masked (occlusion: of an empty text).
    """

    words: tuple[str, ...]
    shares: Floats
    whole: float
    hidden: float

    @property
    def left(self) -> float:
        """whole − hidden − the sum of the shares; with integrated gradients the error of the
        integral."""
        return self.whole - self.hidden - float(self.shares.sum())


def integrated_gradients(
    encoder: BertEncoder, text: str, score: Score, steps: int = 32
) -> WordShares:
    """Attribute ``score`` to words by integrated gradients, a sum over ``steps`` midpoints in fp32.

    Words beyond the encoder's last chunk have a share of 0. Raises RequestError for a text without
    words, TextModelError for a tokenizer without offsets.
    """
    cleaned, spans = _split(text)
    read = _TokenisedText.of(encoder, cleaned)
    shares = torch.zeros(read.embeddings.shape[:2], dtype=torch.float64)
    for step in range(steps):
        at = read.between((step + 0.5) / steps).requires_grad_(True)
        (slope,) = torch.autograd.grad(score(read.vector(at)), at)
        shares += (slope * (read.embeddings - read.masked)).sum(dim=-1).double().cpu() / steps
    with torch.no_grad():
        whole, hidden = (float(score(read.vector(read.between(a)))) for a in (1.0, 0.0))
    by_word = np.bincount(read.words(spans), shares.numpy()[read.places], len(spans))
    return WordShares(tuple(cleaned[a:b] for a, b in spans), by_word, whole, hidden)


def occlusion(encoder: BertEncoder, text: str, score: Score) -> WordShares:
    """Attribute ``score`` to words by leaving out one at a time, in the encoder's own precision.

    Raises RequestError for a text without words or with more than MOST_WORDS.
    """
    cleaned, spans = _split(text)
    words = tuple(cleaned[a:b] for a, b in spans)
    if len(words) > MOST_WORDS:
        raise RequestError(
            f"the text has {len(words):,} words; method 'occlusion' takes at most {MOST_WORDS}. "
            "Use method 'gradients'."
        )
    without = [" ".join([*words[:n], *words[n + 1 :]]) for n in range(len(words))]
    vectors = torch.as_tensor(encoder.encode([cleaned, *without, ""]))
    with torch.no_grad():
        whole, *others, empty = (float(score(vector)) for vector in vectors.to(encoder.device))
    return WordShares(words, whole - np.array(others), whole, empty)


def _split(text: str) -> tuple[str, list[tuple[int, int]]]:
    cleaned = clean_text(text)
    spans = [match.span() for match in _WORD.finditer(cleaned)]
    if not spans:
        raise RequestError("the text has no words; name another one.")
    return cleaned, spans


@dataclass(frozen=True, eq=False)
class _TokenisedText:
    """A tokenised text: ``embeddings`` and ``masked`` float32 ``[B, L, d]``, ``attention``
    ``[B, L]``; ``places`` (chunk, position) of the tokens that are no special tokens, and the
    character ``start`` int64 at which each begins."""

    network: Any
    pooling: Callable[[Tensor, Tensor], Tensor]
    embeddings: Tensor
    masked: Tensor
    attention: Tensor
    places: tuple[Ints, Ints]
    start: Ints

    @staticmethod
    def of(encoder: BertEncoder, text: str) -> _TokenisedText:
        network, tokenizer, pooling = encoder.parts()
        found = _tokens(tokenizer, text, encoder.max_length)
        ids, attention = (found[name][:MAX_CHUNKS] for name in ("input_ids", "attention_mask"))
        offsets = found["offset_mapping"][:MAX_CHUNKS].numpy()
        special = found["special_tokens_mask"][:MAX_CHUNKS].numpy()
        is_text = (special == 0) & (attention.numpy() == 1) & (offsets[..., 1] > offsets[..., 0])
        mask = tokenizer.mask_token_id
        hidden = tokenizer.pad_token_id if mask is None else mask
        masked = torch.where(torch.as_tensor(is_text), hidden or 0, ids).to(encoder.device)
        table = network.get_input_embeddings()
        with torch.no_grad():
            embeddings = table(ids.to(encoder.device)).float()
            empty = table(masked).float()
        chunk, position = np.nonzero(is_text)
        places = (chunk, position)
        attention = attention.to(encoder.device)
        return _TokenisedText(
            network, pooling, embeddings, empty, attention, places, offsets[..., 0][places]
        )

    def between(self, share: float) -> Tensor:
        return torch.lerp(self.masked, self.embeddings, share)

    def vector(self, embeddings: Tensor) -> Tensor:
        """The text's unit vector float32 ``[dim]``, as ``BertEncoder.encode`` makes it."""
        states = self.network(inputs_embeds=embeddings, attention_mask=self.attention)
        units = self.pooling(states.last_hidden_state, self.attention)
        lengths = self.attention.sum(dim=1, keepdim=True).float()
        return torch.nn.functional.normalize((units * lengths).sum(dim=0), dim=0)

    def words(self, spans: list[tuple[int, int]]) -> Ints:
        """int64 ``[tokens]``: the word that each token belongs to."""
        starts = np.array([begin for begin, _ in spans])
        return np.maximum(np.searchsorted(starts, self.start, side="right") - 1, 0)


def _tokens(tokenizer: Any, text: str, max_length: int) -> Any:
    try:
        return tokenizer(
            text,
            truncation=True,
            max_length=max_length,
            padding=True,
            return_overflowing_tokens=True,
            return_offsets_mapping=True,
            return_special_tokens_mask=True,
            return_tensors="pt",
        )
    except NotImplementedError as error:
        raise TextModelError(
            "this model's tokenizer gives no positions of its tokens in the text; use method "
            "'occlusion'."
        ) from error
