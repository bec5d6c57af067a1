"""RatingEvidence: means of ratings and of reviews' sentiment, told without the asked pair itself.

Counted, not learned, so a new rating or review speaks at once. A review counts only where it was
written before the asked time: later ones are not known to a live system.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kgrec.graph.snapshot import NO_TIME, Floats, Interactions, Ints, Texts

WORTH = 4.0  # reviews: so many of average sentiment are assumed beside those that are there


@dataclass(frozen=True, eq=False)
class Earlier:
    """Sums of numbers by group, over what came before a time.

    ``groups`` int64 sorted, ``times`` int64 sorted, ``keys`` int64 ``[n]`` sorted, ``sums`` float64
    ``[n + 1]``, of the rows before each.
    """

    groups: Ints
    times: Ints
    keys: Ints
    sums: Floats

    @staticmethod
    def build(group: Ints, time: Ints, value: Floats) -> Earlier:
        """From rows in any order; what has no time comes after all times."""
        groups, code = np.unique(group, return_inverse=True)
        times = np.unique(time[time != NO_TIME])
        rank = np.where(time == NO_TIME, len(times), np.searchsorted(times, time))
        keys = code.astype(np.int64) * (len(times) + 1) + rank
        order = np.argsort(keys, kind="stable")
        sums = np.concatenate([[0.0], np.cumsum(value[order], dtype=np.float64)])
        return Earlier(groups, times, keys[order], sums)

    def before(self, group: Ints, time: Ints) -> tuple[Floats, Ints]:
        """float64 sum and int64 count ``[R]`` of the rows of ``group`` with an earlier time than
        ``time``; of all its rows where that is NO_TIME."""
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
    """What is stored: ratings less ``mean`` by item and by pair, and reviews' sentiment less
    ``mean`` by item, user and pair. A pair is user row · ``n_items`` + item row."""

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
        """``rated`` have ratings; ``sentiment`` float64 ``[reviews]`` ratings that reviews sound
        like, NaN where they say nothing (see ``kgrec.text.sentiment``)."""
        apart = rated.rating.astype(np.float64) - mean
        no_time = np.full(len(rated), NO_TIME)  # an item's rating counts whenever it was given
        known = (reviews.user >= 0) & (reviews.item >= 0) & np.isfinite(sentiment)
        user, item, time = reviews.user[known], reviews.item[known], reviews.timestamp[known]
        sound = sentiment[known] - mean
        return RatingEvidence(
            n_items=n_items,
            mean=mean,
            of_item=Earlier.build(rated.item, no_time, apart),
            of_pair=Earlier.build(rated.user * n_items + rated.item, no_time, apart),
            words_of_item=Earlier.build(item, time, sound),
            words_of_user=Earlier.build(user, time, sound),
            words_of_pair=Earlier.build(user * n_items + item, time, sound),
        )

    def item_means(self, item: Ints, user: Ints, worth: float) -> Floats:
        """float64 ``[R]``: the item's mean rating less ``mean``, shrunk as if ``worth`` average
        ratings came on top, without those of ``user`` (int64 rows; -1: nobody's are left out)."""
        time = np.full(len(item), NO_TIME)
        return _shrunk(
            self.of_item.before(item, time),
            self.of_pair.before(self._pair(user, item), time),
            worth,
        )

    def words(self, item: Ints, user: Ints, time: Ints) -> tuple[Floats, Floats]:
        """float64 ``[R]`` each: what the item's and the user's reviews from before ``time`` sound
        like, less ``mean`` and shrunk, without the user's reviews of the item."""
        own = self.words_of_pair.before(self._pair(user, item), time)
        return (
            _shrunk(self.words_of_item.before(item, time), own, WORTH),
            _shrunk(self.words_of_user.before(user, time), own, WORTH),
        )

    def _pair(self, user: Ints, item: Ints) -> Ints:
        return np.where(user >= 0, user * self.n_items + item, -1)


def _shrunk(all_rows: tuple[Floats, Ints], own: tuple[Floats, Ints], worth: float) -> Floats:
    count = all_rows[1] - own[1]
    # Where nothing is left the difference of the sums is rounding.
    return np.where(count > 0, (all_rows[0] - own[0]) / (count + worth), 0.0)
