"""RatingEvidence: mean ratings and mean sentiment of reviews, without the predicted pair itself.

These are counted, not learned, so a new rating or review has an effect at once. A review counts
only if it was written before the time of the prediction, since a live system would not know later
ones.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kgrec.graph.snapshot import NO_TIME, Floats, Interactions, Ints, Texts

REVIEW_SHRINKAGE = 4.0  # reviews of average sentiment that are added to each mean


@dataclass(frozen=True, eq=False)
class Earlier:
    """Sums of numbers by group, over the rows before a time.

    ``groups`` and ``times`` int64, sorted; ``keys`` int64 ``[n]``, sorted; ``sums`` float64 ``[n +
    1]``: cumulative sums.
    """

    groups: Ints
    times: Ints
    keys: Ints
    sums: Floats

    @staticmethod
    def build(group: Ints, time: Ints, value: Floats) -> Earlier:
        """Build from rows in any order; rows without a time come after all times."""
        groups, code = np.unique(group, return_inverse=True)
        times = np.unique(time[time != NO_TIME])
        rank = np.where(time == NO_TIME, len(times), np.searchsorted(times, time))
        keys = code.astype(np.int64) * (len(times) + 1) + rank
        order = np.argsort(keys, kind="stable")
        sums = np.concatenate([[0.0], np.cumsum(value[order], dtype=np.float64)])
        return Earlier(groups, times, keys[order], sums)

    def before(self, group: Ints, time: Ints) -> tuple[Floats, Ints]:
        """Sum float64 ``[R]`` and count int64 ``[R]`` of the rows of ``group`` before ``time``.

        All rows of the group where ``time`` is NO_TIME.
        """
        if not len(self.groups):
            return np.zeros(len(group)), np.zeros(len(group), dtype=np.int64)
        code = np.minimum(np.searchsorted(self.groups, group), len(self.groups) - 1)
        width = len(self.times) + 1
        rank = np.where(time == NO_TIME, width, np.searchsorted(self.times, time))
        low = np.searchsorted(self.keys, code * width)
        high = np.searchsorted(self.keys, code * width + rank)
        high = np.where(self.groups[code] == group, high, low)
        return self.sums[high] - self.sums[low], high - low


@dataclass(frozen=True, eq=False)
class RatingEvidence:
    """Counts of one snapshot.

    Ratings minus ``mean`` by item and by pair, and the sentiment of reviews minus ``mean`` by item,
    user and pair. A pair's number is user row · ``n_items`` + item row.
    """

    n_items: int
    mean: float
    of_item: Earlier
    of_pair: Earlier
    words_of_item: Earlier
    words_of_user: Earlier
    words_of_pair: Earlier

    @staticmethod
    def build(
        rated: Interactions, reviews: Texts, sentiment: Floats, mean: float, n_items: int
    ) -> RatingEvidence:
        """Count ``rated`` interactions and ``reviews``.

        ``sentiment`` float64 ``[reviews]``: predicted ratings of the reviews
        (``kgrec.text.sentiment``), NaN for none.
        """
        residual = rated.rating.astype(np.float64) - mean
        no_time = np.full(len(rated), NO_TIME)  # ratings count whatever their time
        known = (reviews.user >= 0) & (reviews.item >= 0) & np.isfinite(sentiment)
        user, item, time = reviews.user[known], reviews.item[known], reviews.timestamp[known]
        score = sentiment[known] - mean
        return RatingEvidence(
            n_items=n_items,
            mean=mean,
            of_item=Earlier.build(rated.item, no_time, residual),
            of_pair=Earlier.build(rated.user * n_items + rated.item, no_time, residual),
            words_of_item=Earlier.build(item, time, score),
            words_of_user=Earlier.build(user, time, score),
            words_of_pair=Earlier.build(user * n_items + item, time, score),
        )

    def item_means(self, item: Ints, user: Ints, shrinkage: float) -> Floats:
        """Mean rating of the item minus ``mean``, shrunk by ``shrinkage`` average ratings, float64
        ``[R]``.

        Without the ratings of ``user`` (int64 rows; -1: none are left out).
        """
        time = np.full(len(item), NO_TIME)
        return _shrunk(
            self.of_item.before(item, time),
            self.of_pair.before(self._pair(user, item), time),
            shrinkage,
        )

    def words(self, item: Ints, user: Ints, time: Ints) -> tuple[Floats, Floats]:
        """Mean sentiment of the item's and of the user's reviews before ``time``, float64 ``[R]``
        each.

        Minus ``mean`` and shrunk, without the user's reviews of the item.
        """
        own = self.words_of_pair.before(self._pair(user, item), time)
        return (
            _shrunk(self.words_of_item.before(item, time), own, REVIEW_SHRINKAGE),
            _shrunk(self.words_of_user.before(user, time), own, REVIEW_SHRINKAGE),
        )

    def _pair(self, user: Ints, item: Ints) -> Ints:
        return np.where(user >= 0, user * self.n_items + item, -1)


def _shrunk(all_rows: tuple[Floats, Ints], own: tuple[Floats, Ints], shrinkage: float) -> Floats:
    count = all_rows[1] - own[1]
    # With no rows the difference of the sums is a rounding error.
    return np.where(count > 0, (all_rows[0] - own[0]) / (count + shrinkage), 0.0)
