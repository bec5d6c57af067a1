"""Random masking of tokens for the masked-language-model objective (Devlin et al. 2019)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_SHOWN_AS_MASK, _SHOWN_AS_ANY = 0.8, 0.1  # the other hidden tokens are shown unchanged


@dataclass(frozen=True)
class TokenVocabulary:
    """A tokenizer's number of tokens, the id of its mask, and the ids that are never hidden."""

    size: int
    mask: int
    special: tuple[int, ...]

    def all_special(self, ids: list[int]) -> bool:
        """Whether no token of a text can be hidden."""
        return set(ids) <= set(self.special)


def hide(
    ids: np.ndarray, share: float, vocabulary: TokenVocabulary, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Hide a ``share`` of the tokens in ``ids`` int64 ``[B, L]``: ``shown`` int64, ``hidden`` bool.

    At least one token of each text is hidden, where it has any that may be. Of the hidden tokens
    80 % are shown as the mask, 10 % as a random token, 10 % unchanged.
    """
    can_hide = ~np.isin(ids, vocabulary.special)
    draws = np.where(can_hide, rng.random(ids.shape), np.inf)
    hidden = draws < share
    least = draws.argmin(axis=1)
    rows = np.flatnonzero(can_hide.any(axis=1))
    hidden[rows, least[rows]] = True
    kind = rng.random(ids.shape)
    anything = rng.integers(0, vocabulary.size, ids.shape)
    shown = np.where(hidden & (kind < _SHOWN_AS_MASK), vocabulary.mask, ids)
    replaced = hidden & (kind >= _SHOWN_AS_MASK) & (kind < _SHOWN_AS_MASK + _SHOWN_AS_ANY)
    return np.where(replaced, anything, shown), hidden
