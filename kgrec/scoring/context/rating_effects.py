"""ContextEffects: what the circumstances of a rating add to its prediction, by ridge regression.

    rating(u, i, c) = the model's rating + Σ_g β_g[key of (u, i, c) in group g]

The groups are users, items, pairs of both, each column of circumstances and all of them together,
and their crosses with users and with items. β is the ridge regression of what the ratings in the
graph have beyond the model's, so that an update or a removal counts at once; only its penalty,
chosen on validation rows, is kept with the model.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
import scipy.sparse as sp
from scipy.sparse.linalg import cg

from kgrec.graph.snapshot import Floats, Ints, Strings

PENALTIES: Final = (1.0, 2.0, 3.0, 5.0, 10.0, 20.0, 40.0)
FEWEST: Final = 20  # validation rows that the penalty is chosen on
_STEPS, _ACCURACY = 300, 1e-8  # of conjugate gradients


@dataclass(frozen=True)
class ContextPenalty:
    """What of the effects is kept with the model: the columns, and the penalty of the ridge."""

    columns: tuple[str, ...]
    penalty: float


@dataclass(frozen=True, eq=False)
class ContextPairs:
    """Pairs of users and items in circumstances (n).

    ``user`` int64 ``[n]``, -1 for users that are not stored; ``item`` int64 ``[n]``; ``context``:
    object ``[n]`` by column, "" for none.
    """

    user: Ints
    item: Ints
    context: Mapping[str, Strings]

    def __len__(self) -> int:
        return len(self.user)

    def keys(self, columns: tuple[str, ...]) -> list[pd.Index[str]]:
        """The key of each pair in every group; "" for none, which has no effect."""
        n = len(self)
        words = [_words(self.context[name]) for name in columns]
        whole = _joined(words) if len(words) > 1 else None
        user = np.where(self.user >= 0, self.user.astype(str), "").astype(object)
        item = self.item.astype(str).astype(object)
        ends = [user, item]
        circumstances = [*words, *([] if whole is None else [whole])]
        groups = [*ends, _crossed(user, item), *circumstances]
        groups += [_crossed(end, one) for end in ends for one in circumstances]
        assert all(len(one) == n for one in groups)
        return [pd.Index(one, dtype=object) for one in groups]


def _words(column: Strings) -> np.ndarray:
    """The values with a sign before them, so that none is a value too."""
    return np.array([f"={value}" for value in np.asarray(column)], dtype=object)


def _joined(words: list[np.ndarray]) -> np.ndarray:
    return np.array(["\0".join(parts) for parts in zip(*words, strict=True)], dtype=object)


def _crossed(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    crossed = [f"{a}\0{b}" if a and b else "" for a, b in zip(one, other, strict=True)]
    return np.array(crossed, dtype=object)


@dataclass(frozen=True, eq=False)
class ContextEffects:
    """Fitted effects: by group the keys, and float64 effects of the same order."""

    columns: tuple[str, ...]
    groups: tuple[tuple[pd.Index[str], Floats], ...]

    @staticmethod
    def fit(pairs: ContextPairs, rest: Floats, settings: ContextPenalty) -> ContextEffects:
        """Regress ``rest`` float64 ``[n]``, what the ratings have beyond the model's."""
        coded = [pd.factorize(one, sort=True) for one in pairs.keys(settings.columns)]
        n = len(pairs)
        design = sp.hstack(
            [
                sp.csr_matrix((np.ones(n), (np.arange(n), codes)), shape=(n, len(names)))
                for codes, names in coded
            ]
        ).tocsr()
        gram = design.T @ design + settings.penalty * sp.identity(design.shape[1])
        found, _ = cg(gram, design.T @ rest, rtol=_ACCURACY, maxiter=_STEPS)
        ends = np.cumsum([len(names) for _, names in coded])[:-1]
        parts = np.split(found, ends)
        groups = zip((pd.Index(names, dtype=object) for _, names in coded), parts, strict=True)
        return ContextEffects(settings.columns, tuple(groups))

    def of(self, pairs: ContextPairs) -> Floats:
        """float64 ``[n]``: the effects of pairs; each depends on its own keys alone."""
        total = np.zeros(len(pairs))
        for keys, (names, effects) in zip(pairs.keys(self.columns), self.groups, strict=True):
            place = names.get_indexer(keys)
            known = (place >= 0) & (keys != "").astype(bool)
            total += np.where(known, effects[np.maximum(place, 0)], 0.0)
        return total


def choose_penalty(
    columns: tuple[str, ...],
    train: tuple[ContextPairs, Floats],
    valid: tuple[ContextPairs, Floats],
) -> ContextPenalty | None:
    """The penalty with the least squared error on validation rows; None where none is better than
    the model alone. Both are pairs with what their ratings have beyond the model's."""
    pairs, rest = valid
    if not columns or len(pairs) < FEWEST or not len(train[0]):
        return None
    best, least = None, float((rest**2).mean())
    for penalty in PENALTIES:
        settings = ContextPenalty(columns, penalty)
        error = float(((rest - ContextEffects.fit(*train, settings).of(pairs)) ** 2).mean())
        if error < least:
            best, least = settings, error
    return best
