"""EventWeights: what each event says, as a number with a sign, by its kind and its rating."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import scipy.sparse as sp

from graph_schema.conversion.number_ranges import bounds
from kgrec.arrays import binary_matrix, row_numbers
from kgrec.config.feedback import AUTO, OTHERS, FeedbackConfig
from kgrec.errors import RequestError
from kgrec.graph.columns import codes_and_names
from kgrec.graph.snapshot import Floats, GraphSnapshot, Interactions, Ints, Strings


@dataclass(frozen=True)
class EventWeights:
    """Weights of events, resolved: no choice is open.

    Attributes
    ----------
    kinds : tuple of (str, float)
        Weights by kind of event, "*" for other kinds; empty: each has the weight 1.
    ratings : tuple of (str, float)
        Weights by range of ratings (see ``bounds``); the first that holds counts, else 1.
    like : float or None
        Rated events below are no targets.
    targets : tuple of str or None
        The kinds of events that are targets; None: all.
    repeats : int
        Events of one user with one item that count.
    """

    kinds: tuple[tuple[str, float], ...] = ()
    ratings: tuple[tuple[str, float], ...] = ()
    like: float | None = None
    targets: tuple[str, ...] | None = None
    repeats: int = 5

    @staticmethod
    def of(config: FeedbackConfig) -> EventWeights | None:
        """The weights of settings in which nothing is left to choose; None where each event
        has the weight 1 and is a target."""
        ratings = {} if config.ratings == AUTO else config.ratings
        like = None if config.like == AUTO else config.like
        weights = {*config.events.values(), *ratings.values()}
        if weights <= {1.0} and like is None and config.targets is None and not config.events:
            return None
        return EventWeights(
            tuple(config.events.items()),
            tuple(ratings.items()),
            like,
            config.targets,
            config.repeats,
        )

    @staticmethod
    def of_json(values: Mapping[str, Any] | None) -> EventWeights | None:
        """What ``dataclasses.asdict`` and JSON made of weights."""
        if values is None:
            return None
        targets = values["targets"]
        return EventWeights(
            kinds=tuple((kind, float(weight)) for kind, weight in values["kinds"]),
            ratings=tuple((text, float(weight)) for text, weight in values["ratings"]),
            like=values["like"],
            targets=None if targets is None else tuple(targets),
            repeats=int(values["repeats"]),
        )

    @property
    def signed(self) -> bool:
        """Whether an event may be negative."""
        return any(weight < 0 for _, weight in (*self.kinds, *self.ratings))

    def weights(self, event: Strings, rating: Floats, *, strict: bool = True) -> Floats:
        """float32 ``[n]``: the weight of each event, below 0 for a negative one.

        ``event`` object ``[n]``, "" without a kind; ``rating`` float32 ``[n]``, NaN without. Raises
        RequestError for a kind without a weight, which is 0 unless ``strict``.
        """
        codes, names = codes_and_names(event)
        own = np.array([self._of_kind(name) for name in names], dtype=np.float32)
        found = own[codes] if len(names) else np.ones(len(codes), dtype=np.float32)
        if not strict:
            found = np.nan_to_num(found)
        elif np.isnan(own).any() and np.isnan(found).any():
            raise _without_weight(names[codes[int(np.argmax(np.isnan(found)))]])
        if not self.ratings or np.isnan(rating).all():
            return np.asarray(found)
        return _product(found, self._of_ratings(rating))

    def is_target(self, event: Strings, rating: Floats) -> np.ndarray:
        """bool ``[n]``: which events lists are to find; arguments and errors as of ``weights``."""
        found: np.ndarray = self.weights(event, rating) > 0
        if self.like is not None:
            found &= np.isnan(rating) | (rating >= np.float32(self.like))
        if self.targets is not None:
            codes, names = codes_and_names(event)
            wanted = np.array([name in self.targets for name in names], dtype=bool)
            found &= wanted[codes] if len(names) else False
        return found

    def of_interactions(self, events: Interactions) -> Floats:
        """``weights`` of interactions."""
        return self.weights(events.event, events.rating)

    def targets_of(self, events: Interactions) -> np.ndarray:
        """``is_target`` of interactions."""
        return self.is_target(events.event, events.rating)

    def _of_kind(self, kind: str) -> float:
        """The weight of a kind; NaN where it has none."""
        known = dict(self.kinds)
        return known.get(kind, known.get(OTHERS, np.nan)) if known else 1.0

    def _of_ratings(self, rating: Floats) -> Floats:
        """float32 ``[n]``: the weight of each rating; the first range that holds it counts."""
        found = np.ones(len(rating), dtype=np.float32)
        for text, weight in reversed(self.ratings):
            found[bounds(text).holds(rating)] = weight
        return found


def _without_weight(kind: str) -> RequestError:
    named = f"events of the kind {kind!r}" if kind else "events without a kind"
    return RequestError(
        f"{named} have no weight; give {kind!r} one in feedback.events, or '*' for all other kinds."
    )


def _product(one: Floats, other: Floats) -> Floats:
    """Products of weights, negative where one of the two is."""
    sign = np.where((one < 0) | (other < 0), np.float32(-1), np.float32(1))
    return np.asarray(np.abs(one * other) * sign, dtype=np.float32)


def cap_repeats(indptr: Ints, item: Ints, weight: Floats, most: int) -> Floats:
    """``weight`` (float32 ``[nnz]``) with 0 for all but the ``most`` newest events of an item in a
    row, of likes and of negative events apart.

    ``indptr`` int64 ``[B + 1]``, ``item`` int64 ``[nnz]``, oldest first within a row.
    """
    if len(item) <= most:
        return weight
    width = int(item.max()) + 1
    key = (row_numbers(indptr) * width + item) * 2 + (weight < 0)
    equal = np.sort(key)
    if not (equal[most:] == equal[:-most]).any():  # hardly any history has so many of one item
        return weight
    order = np.argsort(key, kind="stable")
    ordered = key[order]
    ends = np.searchsorted(ordered, ordered, side="right")
    newer = ends - 1 - np.arange(len(order))
    capped = weight.copy()
    capped[order[newer >= most]] = 0.0
    return capped


def without_negative(weights: EventWeights | None, snapshot: GraphSnapshot) -> GraphSnapshot:
    """The snapshot without interactions of a weight of 0 or below; all without weights."""
    if weights is None:
        return snapshot
    kept = weights.of_interactions(snapshot.interactions) > 0
    return replace(snapshot, interactions=snapshot.interactions.select(kept))


def liked_matrix(
    weights: EventWeights | None, events: Interactions, item: Ints, shape: tuple[int, int]
) -> sp.csr_matrix:
    """CSR float32 of ``shape`` (users, items): what each user's events say for an item.

    ``item`` int64 holds the column of every interaction. Without weights one where there is an
    event. With them the sum of the weights above 0, at most 1 or the largest weight, so that many
    weak events count like one whole one.
    """
    if weights is None:
        return binary_matrix(events.user, item, shape, np.float32)
    return _capped_sums(np.maximum(weights.of_interactions(events), 0), events.user, item, shape)


def target_matrix(
    weights: EventWeights | None, events: Interactions, item: Ints, shape: tuple[int, int]
) -> sp.csr_matrix | None:
    """``liked_matrix`` of the targets alone; None where each like is a target."""
    if weights is None or (weights.like is None and weights.targets is None):
        return None
    said = np.where(weights.targets_of(events), weights.of_interactions(events), np.float32(0))
    return _capped_sums(said, events.user, item, shape)


def disliked_matrix(
    weights: EventWeights | None, events: Interactions, item: Ints, shape: tuple[int, int]
) -> sp.csr_matrix | None:
    """``liked_matrix`` of the negative events, whose weights count without their sign; None without
    any."""
    if weights is None or not weights.signed:
        return None
    found = weights.of_interactions(events)
    if not (found < 0).any():
        return None
    return _capped_sums(np.maximum(-found, 0), events.user, item, shape)


def _capped_sums(values: Floats, user: Ints, item: Ints, shape: tuple[int, int]) -> sp.csr_matrix:
    used = np.flatnonzero(values > 0)
    cells = (values[used], (np.asarray(user)[used], item[used]))
    total = sp.csr_matrix(cells, shape=shape, dtype=np.float32)
    most = max(1.0, float(values.max(initial=0.0)))
    total.data = np.minimum(total.data, np.float32(most))
    return total
