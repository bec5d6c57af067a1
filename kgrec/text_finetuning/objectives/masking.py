"""Hidden words for masked-language-model training (Devlin et al. 2019)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_SHOWN_AS_MASK, _SHOWN_AS_ANY = 0.8, 0.1  # the rest is shown as it is


@dataclass(frozen=True)
class TokenVocabulary:
    """What masking knows of a tokenizer: how many tokens, the mask's id, and those never hidden."""

    size: int
    mask: int
    special: tuple[int, ...]

    def all_special(self, ids: list[int]) -> bool:
        """Whether nothing of a text can be hidden."""
        return set(ids) <= set(self.special)


def hide(
    ids: np.ndarray, share: float, vocabulary: TokenVocabulary, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """``shown`` int64 and ``hidden`` bool, both like ``ids`` int64 ``[B, L]``.

    A ``share`` of the words is hidden, at least one of each text that has any: of them 80 % are
    shown as the mask, 10 % as a random token, the rest as they are.
    """
    open_to = ~np.isin(ids, vocabulary.special)
    draws = np.where(open_to, rng.random(ids.shape), np.inf)
    hidden = draws < share
    least = draws.argmin(axis=1)
    rows = np.flatnonzero(open_to.any(axis=1))
    hidden[rows, least[rows]] = True
    fate = rng.random(ids.shape)
    anything = rng.integers(0, vocabulary.size, ids.shape)
    shown = np.where(hidden & (fate < _SHOWN_AS_MASK), vocabulary.mask, ids)
    replaced = hidden & (fate >= _SHOWN_AS_MASK) & (fate < _SHOWN_AS_MASK + _SHOWN_AS_ANY)
    return np.where(replaced, anything, shown), hidden
