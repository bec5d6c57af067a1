"""Text augmentation: copies of texts with words deleted, spans masked or words substituted.

Equal texts, shares and generators give equal copies; a text never loses its last word.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

Predict = Callable[[list[str]], list[list[str]]]
_SPAN = 3.0  # mean length of a masked span, in words (SpanBERT: 3.8)


def delete_words(texts: Sequence[str], share: float, rng: np.random.Generator) -> list[str]:
    """Delete a random ``share`` of the words of each text (Wei and Zou 2019)."""
    return [_without(text.split(), share, rng) for text in texts]


def mask_spans(
    texts: Sequence[str], share: float, rng: np.random.Generator, mask: str
) -> list[str]:
    """Replace ``share`` of the words of each text by ``mask``, in spans (SpanBERT, 2020)."""
    return [" ".join(_hidden(text.split(), share, rng, mask)) for text in texts]


def substitute_words(
    texts: Sequence[str], share: float, rng: np.random.Generator, mask: str, predict: Predict
) -> list[str]:
    """Replace ``share`` of the words of each text by words that ``predict`` puts at masks.

    ``predict`` returns one word per mask of each text, in order; "" keeps the original word.
    """
    words = [text.split() for text in texts]
    places = [_positions(len(row), share, rng) for row in words]
    shown = [
        " ".join(mask if place in chosen else word for place, word in enumerate(row))
        for row, chosen in zip(words, map(set, places), strict=True)
    ]
    changed = []
    for row, chosen, found in zip(words, places, predict(shown), strict=True):
        new = dict(zip(sorted(chosen), found, strict=False))
        changed.append(" ".join(new.get(place) or word for place, word in enumerate(row)))
    return changed


def _positions(n: int, share: float, rng: np.random.Generator) -> list[int]:
    """Random positions among ``n``: ``share`` of them, rounded up or down at random, never all."""
    count = min(int(share * n + rng.random()), n - 1)
    return [int(place) for place in rng.permutation(n)[: max(0, count)]]


def _without(words: list[str], share: float, rng: np.random.Generator) -> str:
    gone = set(_positions(len(words), share, rng))
    return " ".join(word for place, word in enumerate(words) if place not in gone)


def _hidden(words: list[str], share: float, rng: np.random.Generator, mask: str) -> list[str]:
    budget = len(_positions(len(words), share, rng))
    shown = list(words)
    while budget > 0:
        length = min(budget, int(rng.geometric(1 / _SPAN)))
        start = int(rng.integers(0, len(words) - length + 1))
        shown[start : start + length] = [mask] * length
        budget -= length
    return shown
