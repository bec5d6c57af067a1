"""AttributeTaste: ratings from attributes, with a ridge regression for each user.

    rating(u, i) = m + b_i + a_u' G c_i + c_i' s_u

a and c are the attribute tokens of user and item, each with a one before them; b_i is the item's
shrunk mean without the user's rating. G, of all ratings, is kept with the model; s_u, the user's
own taste, is solved from the user's other ratings when it is asked for, so that there is no vector
per user and a new rating counts at once. Both are ridge regressions of what is left; in that of G a
rating may have a weight (``kgrec.ratings.attributes.propensities``).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
import scipy.sparse as sp

from kgrec.features.inputs import ItemInputs
from kgrec.features.names import ATTRIBUTES
from kgrec.graph.snapshot import NO_TIME, Floats, Ints
from kgrec.ratings.pools import RatedEvents, RatingPairs
from kgrec.sparse import SparseMatrix

MOST: Final = 128  # item tokens that are read, the most frequent ones
_CROSS: Final = 10.0  # penalty of G
_CONSTANT: Final = 3.0  # penalty of a user's own constant
OWN: Final = (1.0, 2.0, 8.0, 32.0)  # penalties of a taste for tokens, tried on validation rows
_ROWS: Final = 16_384
_MEAN: Final = 1e-3  # penalty of the first number of G, which corrects the mean
_STEPS, _ACCURACY = 100, 1e-6  # of conjugate gradients


@dataclass(frozen=True, eq=False)
class AttributeTaste:
    """What is kept with the model.

    ``cross`` G float64 ``[1 + user tokens, 1 + item tokens]``; ``items`` int64: the
    item tokens that are read; ``own``: penalty of a user's taste; ``shrinkage`` of items' means.
    """

    cross: Floats
    items: Ints
    own: float
    shrinkage: float

    @property
    def penalties(self) -> Floats:
        """float64 ``[1 + item tokens]``: of s_u."""
        return np.concatenate([[_CONSTANT], np.full(len(self.items), self.own)])


@dataclass(frozen=True, eq=False)
class AttributeRows:
    """The tokens of all users and items: ``users`` float64 CSR ``[m, 1 + tokens]``, ``items``
    float64 ``[n, 1 + tokens]``, each with ones in its first column."""

    users: sp.csr_matrix
    items: Floats

    @staticmethod
    def of(users: sp.csr_matrix, items: sp.csr_matrix, chosen: Ints) -> AttributeRows:
        """From the token matrices; ``chosen`` int64: the item tokens to read. A row of tokens sums
        to one, and is scaled to a length of about one."""
        return AttributeRows(_with_ones(users).tocsr(), _with_ones(items[:, chosen]).toarray())

    def crossed(self, user: Ints, item: Ints, cross: Floats) -> Floats:
        """a_u' G c_i, float64 ``[R]``; ``user`` -1: nothing is known but that it is a user."""
        found = np.empty(len(user))
        for start in range(0, len(user), _ROWS):
            part = slice(start, start + _ROWS)
            own = self.users[np.maximum(user[part], 0)] @ cross
            own = np.where(user[part, None] >= 0, own, cross[0])
            found[part] = np.einsum("rc,rc->r", own, self.items[item[part]])
        return found


def token_matrices(
    inputs: ItemInputs, user_tokens: SparseMatrix
) -> tuple[sp.csr_matrix, sp.csr_matrix] | None:
    """The tokens of users and of items, as the model reads them; None without any of items."""
    items = inputs.rows.get(ATTRIBUTES)
    if items is None or not items.shape[1]:
        return None
    return _csr(user_tokens), _csr(items)


def _csr(matrix: SparseMatrix) -> sp.csr_matrix:
    indptr, indices = matrix.pattern.csr
    return sp.csr_matrix((matrix.values.cpu().numpy(), indices, indptr), shape=matrix.shape)


def frequent_tokens(items: sp.csr_matrix) -> Ints:
    """The ``MOST`` tokens that most items have, int64, ascending."""
    counts = np.asarray((items != 0).sum(axis=0)).ravel()
    return np.sort(np.argsort(-counts, kind="stable")[:MOST]).astype(np.int64)


def _with_ones(tokens: sp.csr_matrix) -> sp.csr_matrix:
    counts = np.maximum(np.diff(tokens.indptr), 1)
    scaled = sp.diags(np.sqrt(counts)) @ tokens.astype(np.float64)
    return sp.hstack([np.ones((tokens.shape[0], 1)), scaled])


def fit_cross(rows: AttributeRows, user: Ints, item: Ints, rest: Floats, weight: Floats) -> Floats:
    """G from R ratings: ``rest`` is what they have beyond m + b_i. All arrays ``[R]``.

    By conjugate gradients, whose products take time in proportion to the ratings and tokens.
    """
    from scipy.sparse.linalg import LinearOperator, cg

    users, items = rows.users, rows.items
    shape = (users.shape[1], items.shape[1])
    penalty = np.full(shape, _CROSS)
    penalty[0, 0] = _MEAN

    def spread(values: Floats) -> Floats:
        """Σ a_u values c_i' over the ratings."""
        cells = sp.csr_matrix((values, (user, item)), shape=(users.shape[0], len(items)))
        return np.asarray(users.T @ (cells @ items))

    def product(flat: Floats) -> Floats:
        cross = flat.reshape(shape)
        sums = spread(weight * rows.crossed(user, item, cross)) + penalty * cross
        return np.asarray(sums.ravel())

    size = shape[0] * shape[1]
    operator = LinearOperator((size, size), matvec=product, dtype=np.float64)
    found, _ = cg(operator, spread(weight * rest).ravel(), rtol=_ACCURACY, maxiter=_STEPS)
    return np.asarray(found.reshape(shape))


def own_tastes(
    taste: AttributeTaste,
    rows: AttributeRows,
    events: RatedEvents,
    rest: Floats,
    pairs: RatingPairs,
    past_only: bool = False,
) -> Floats:
    """c_i' s_u of each pair, float64 ``[R]``, from the other ratings of its slot.

    ``rest`` float64 ``[n]``: what each event's rating has beyond m + b_i + a_u' G c_i. With
    ``past_only`` only from ratings before the pair's time.
    """
    found = np.zeros(len(pairs))
    order = np.argsort(pairs.slot, kind="stable")
    cuts = np.searchsorted(pairs.slot[order], np.arange(len(events.indptr)))
    ridge = np.diag(taste.penalties)
    for slot, (start, end) in enumerate(pairwise(cuts.tolist())):
        if start == end:
            continue
        asked, known = order[start:end], slice(*events.indptr[slot : slot + 2])
        history = _History(
            rows.items[events.item[known]],
            rest[known],
            events.item[known],
            events.time[known],
        )
        if past_only:
            found[asked] = history.before(pairs.item[asked], pairs.time[asked], rows.items, ridge)
        else:
            found[asked] = history.answers(pairs.item[asked], rows.items, ridge)
    return found


@dataclass(frozen=True, eq=False)
class _History:
    """The ratings of one user: ``tokens`` float64 ``[h, c]``, the others ``[h]``."""

    tokens: Floats
    rest: Floats
    item: Ints
    time: Ints

    def answers(self, item: Ints, tokens: Floats, ridge: Floats) -> Floats:
        """c_i' s of each item, without its own ratings (the formula of leaving one out)."""
        inverse = np.linalg.inv(ridge + self.tokens.T @ self.tokens)
        taste = inverse @ (self.rest @ self.tokens)
        asked = tokens[item]
        found = np.einsum("rc,c->r", asked, taste)
        own = self.item[None, :] == item[:, None]
        if not own.any():
            return np.asarray(found)
        reach = own.sum(axis=1) * np.einsum("rc,cd,rd->r", asked, inverse, asked)
        mean = (own * self.rest).sum(axis=1) / np.maximum(own.sum(axis=1), 1)
        return np.asarray((found - reach * mean) / (1.0 - reach))

    def before(self, item: Ints, time: Ints, tokens: Floats, ridge: Floats) -> Floats:
        """``answers`` from the ratings before each time."""
        found = np.empty(len(item))
        for row, at in enumerate(time.tolist()):
            kept = np.ones(len(self.item), bool) if at == NO_TIME else self.time < at
            part = _History(*(value[kept] for value in vars(self).values()))
            found[row] = part.answers(item[row : row + 1], tokens, ridge)[0]
        return found
