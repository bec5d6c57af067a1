"""Features of reviews beside their words: item, author, age and rating."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kgrec.arrays import offsets
from kgrec.graph.snapshot import NO_TIME, Floats, Ints, Texts

REVIEW_FEATURES = 4  # numbers that describe a review; see ``review_numbers``
RATING_FEATURES = 2  # the last of them
_MIDDLE, _SPAN = 3.0, 2.0  # of a rating on the usual five stars
_YEAR = 365.25 * 86_400


@dataclass(frozen=True, eq=False)
class ReviewRows:
    """Reviews by item: those of item i are ``row[indptr[i]:indptr[i + 1]]``, oldest first.

    Attributes
    ----------
    indptr : int64 ``[n_items + 1]``
    row : int64 ``[r]``
        Rows of the snapshot's reviews.
    user : int64 ``[r]``
        Rows of the authors, -1 where the author is unknown.
    numbers : float32 ``[r, REVIEW_FEATURES]``
        See ``review_numbers``.
    rated : float32 ``[texts, RATING_FEATURES]``
        The last of these numbers, by row of the snapshot's reviews and the texts that follow them.
    """

    indptr: Ints
    row: Ints
    user: Ints
    numbers: Floats
    rated: Floats

    @staticmethod
    def build(reviews: Texts, n_items: int, n_texts: int = 0) -> ReviewRows:
        """Return the reviews of n items.

        Parameters
        ----------
        reviews : Texts
        n_items : int
        n_texts : int
            How many reviews and texts that follow them there are; the latter have no rating.
        """
        known = np.flatnonzero(reviews.item >= 0)
        order = np.lexsort((known, reviews.timestamp[known], reviews.item[known]))
        row = known[order]
        counts = np.bincount(reviews.item[row], minlength=n_items)
        indptr = offsets(counts)
        rated = np.zeros((max(n_texts, len(reviews)), RATING_FEATURES), dtype=np.float32)
        rated[: len(reviews)] = _rating_numbers(reviews.rating)
        later = np.repeat(indptr[1:], counts) - 1 - np.arange(len(row))
        return ReviewRows(
            indptr, row, reviews.user[row], review_numbers(reviews, row, later), rated
        )


def review_numbers(texts: Texts, row: Ints, later: Ints) -> Floats:
    """Return numbers that describe reviews.

    Parameters
    ----------
    texts : Texts
    row : int64 ``[r]``
        Rows of ``texts``.
    later : int64 ``[r]``
        How many later reviews the item has.

    Returns
    -------
    float32 ``[r, REVIEW_FEATURES]``
        The log of ``later``, the log of the years from the review to the newest one of all (zero
        without a time), the rating scaled to -1 to 1 for one to five, and its distance from the
        middle (both zero without a rating).
    """
    numbers = np.zeros((len(row), REVIEW_FEATURES), dtype=np.float32)
    time = texts.timestamp[row]
    timed = time != NO_TIME
    newest = texts.timestamp.max(initial=NO_TIME)
    since = np.where(timed, newest - np.where(timed, time, newest), 0)
    numbers[:, 0] = np.log1p(later) / 3
    numbers[:, 1] = np.log1p(since / _YEAR)
    numbers[:, -RATING_FEATURES:] = _rating_numbers(texts.rating[row])
    return numbers


def _rating_numbers(rating: Floats) -> Floats:
    centred = np.nan_to_num(np.clip((rating.astype(np.float64) - _MIDDLE) / _SPAN, -2, 2))
    return np.stack([centred, np.abs(centred)], axis=1).astype(np.float32)
