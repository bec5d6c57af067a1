"""What is known of reviews beside their words: whose item, how recent, how it was rated."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kgrec.arrays import offsets
from kgrec.graph.snapshot import NO_TIME, Floats, Ints, Texts

SIGNS = 4  # numbers that describe a text; see ``text_signs``
RATING_SIGNS = 2  # the last of them
_MIDDLE, _SPAN = 3.0, 2.0  # of a rating on the usual five stars
_YEAR = 365.25 * 86_400


@dataclass(frozen=True, eq=False)
class ReviewRows:
    """Reviews by item: those of item i are ``row[indptr[i]:indptr[i + 1]]`` (int64), oldest first,
    rows of the snapshot's reviews. ``user`` int64 row of who wrote it, -1 if nobody knows;
    ``signs`` float32 ``[len(row), SIGNS]``. ``rated`` float32 ``[texts, RATING_SIGNS]`` are the
    last of the signs, by row of the snapshot's reviews and what follows them.
    """

    indptr: Ints
    row: Ints
    user: Ints
    signs: Floats
    rated: Floats

    @staticmethod
    def build(reviews: Texts, n_items: int, n_texts: int = 0) -> ReviewRows:
        """``n_texts`` counts the reviews and the texts that follow them, which have no rating."""
        known = np.flatnonzero(reviews.item >= 0)
        order = np.lexsort((known, reviews.timestamp[known], reviews.item[known]))
        row = known[order]
        counts = np.bincount(reviews.item[row], minlength=n_items)
        indptr = offsets(counts)
        rated = np.zeros((max(n_texts, len(reviews)), RATING_SIGNS), dtype=np.float32)
        rated[: len(reviews)] = _rating_signs(reviews.rating)
        later = np.repeat(indptr[1:], counts) - 1 - np.arange(len(row))
        return ReviewRows(indptr, row, reviews.user[row], text_signs(reviews, row, later), rated)


def text_signs(texts: Texts, row: Ints, later: Ints) -> Floats:
    """float32 ``[len(row), SIGNS]`` of the texts ``row``: the log of how many ``later`` ones there
    are, the log of the years since the newest text of all (zero without a time), the rating from -1
    to 1 for one to five, and how far it is from the middle (both zero without a rating)."""
    signs = np.zeros((len(row), SIGNS), dtype=np.float32)
    time = texts.timestamp[row]
    timed = time != NO_TIME
    newest = texts.timestamp.max(initial=NO_TIME)
    since = np.where(timed, newest - np.where(timed, time, newest), 0)
    signs[:, 0] = np.log1p(later) / 3
    signs[:, 1] = np.log1p(since / _YEAR)
    signs[:, -RATING_SIGNS:] = _rating_signs(texts.rating[row])
    return signs


def _rating_signs(rating: Floats) -> Floats:
    centred = np.nan_to_num(np.clip((rating.astype(np.float64) - _MIDDLE) / _SPAN, -2, 2))
    return np.stack([centred, np.abs(centred)], axis=1).astype(np.float32)
