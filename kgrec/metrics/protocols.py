"""Protocols: how interactions are split into train, valid and test.

Every function returns the split's name per interaction (object ``[n]``). The result depends on the
content of the interactions and on the seed, never on the order of their rows.

An interaction without a timestamp counts as older than those with one. Protocols by time therefore
hold it out last of all. A user's interactions of equal times are in a random order, those without a
time too: by id, the same item of a purchase would always be the one that is held out, and never
among the rows to fit on.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import pandas as pd

from graph_schema.errors import RequestError
from graph_schema.names import SPLITS
from kgrec.graph.snapshot import NO_TIME, Interactions

Fractions: TypeAlias = tuple[float, float, float]  # of train, valid, test
DEFAULT_FRACTIONS: Fractions = (0.8, 0.1, 0.1)
TRAIN, VALID, TEST = SPLITS


def given_split(interactions: Interactions) -> np.ndarray:
    """Keep the split that the data came with.

    Parameters
    ----------
    interactions
        The interactions to split.

    Returns
    -------
    numpy.ndarray
        Object ``[n]``: "train", "valid" or "test".

    Raises
    ------
    RequestError
        A row has no split.
    """
    labels = interactions.split.astype(object)
    wrong = np.flatnonzero(~np.isin(labels.astype(str), SPLITS))
    if len(wrong):
        raise RequestError(
            f"{len(wrong):,} of {len(labels):,} interactions have no split in {', '.join(SPLITS)} "
            f"(the first has {labels[wrong[0]]!r}); fill the split column or choose a protocol."
        )
    return labels


def random_split(
    interactions: Interactions, fractions: Fractions = DEFAULT_FRACTIONS, seed: int = 0
) -> np.ndarray:
    """Split each user's items at random. All events of one (user, item) pair stay together, so that
    no tested pair occurs in training.

    Parameters
    ----------
    interactions
        The interactions to split.
    fractions
        Shares of train, valid and test, which sum to 1.
    seed
        Seed of the random order.

    Returns
    -------
    numpy.ndarray
        Object ``[n]``: "train", "valid" or "test".

    Raises
    ------
    RequestError
        The fractions don't sum to 1, or train is 0.
    """
    _check(fractions)
    width = int(interactions.item.max(initial=0)) + 1
    pairs, pair_of = np.unique(interactions.user * width + interactions.item, return_inverse=True)
    user, item = pairs // width, pairs % width
    order = np.lexsort((item, _hashed(user, item, seed), user))
    return _by_place(user, order, fractions)[np.ravel(pair_of)]


def global_time_split(
    interactions: Interactions, fractions: Fractions = DEFAULT_FRACTIONS
) -> np.ndarray:
    """Split at two points in time for all users: the latest events are tested. Equal times stay
    together, and events without a time are train.

    Parameters
    ----------
    interactions
        The interactions to split.
    fractions
        Shares of train, valid and test, which sum to 1.

    Returns
    -------
    numpy.ndarray
        Object ``[n]``: "train", "valid" or "test".

    Raises
    ------
    RequestError
        The fractions don't sum to 1, train is 0, or no interaction has a timestamp.
    """
    _check(fractions)
    _check_times(interactions)
    times = np.sort(interactions.timestamp[interactions.timestamp != NO_TIME])
    ends = [int(len(times) * share + 0.5) for share in np.cumsum(fractions)[:2]]
    cuts = [times[end] if end < len(times) else times[-1] + 1 for end in ends] if len(times) else []
    labels = np.full(len(interactions), TRAIN, dtype=object)
    for cut, name in zip(cuts, (VALID, TEST), strict=False):
        labels[interactions.timestamp >= cut] = name
    return labels


def user_time_split(
    interactions: Interactions, fractions: Fractions = DEFAULT_FRACTIONS, seed: int = 0
) -> np.ndarray:
    """Split each user's events by time: the latest are tested, those before validate. Events of
    equal times are in a random order.

    Users without any time are split as by ``random_split``. Other users' events without a time are
    held out only where those with one are too few.

    Parameters
    ----------
    interactions
        The interactions to split.
    fractions
        Shares of train, valid and test, which sum to 1.
    seed
        Seed of the random order of events of equal times, and of those without a time.

    Returns
    -------
    numpy.ndarray
        Object ``[n]``: "train", "valid" or "test".

    Raises
    ------
    RequestError
        The fractions don't sum to 1, train is 0, or no interaction has a timestamp.
    """
    _check(fractions)
    _check_times(interactions)
    labels = _by_place(interactions.user, _time_order(interactions, seed), fractions)
    timed = np.bincount(interactions.user, interactions.timestamp != NO_TIME)
    timeless = timed[interactions.user] == 0
    if timeless.any():
        labels[timeless] = random_split(interactions.select(timeless), fractions, seed)
    return labels


def leave_last_out(interactions: Interactions, seed: int = 0) -> np.ndarray:
    """Test each user's last event and validate the one before, with events of equal times in a
    random order; all events of a user with fewer than three are train.

    Parameters
    ----------
    interactions
        The interactions to split.
    seed
        Seed of the random order of events of equal times, and of those without a time.

    Returns
    -------
    numpy.ndarray
        Object ``[n]``: "train", "valid" or "test".

    Raises
    ------
    RequestError
        No interaction has a timestamp.
    """
    _check_times(interactions)
    order = _time_order(interactions, seed)
    place, count = _places(interactions.user, order)
    labels = np.full(len(interactions), TRAIN, dtype=object)
    labels[(count >= 3) & (place == count - 1)] = TEST
    labels[(count >= 3) & (place == count - 2)] = VALID
    return labels


def _check(fractions: Fractions) -> None:
    if len(fractions) != 3 or min(fractions) < 0 or abs(sum(fractions) - 1.0) > 1e-9:
        raise RequestError(
            f"fractions are {fractions}; give train, valid and test shares that sum to 1."
        )
    if fractions[0] == 0:
        raise RequestError("the train share is 0; leave something to fit on.")


def _check_times(interactions: Interactions) -> None:
    if len(interactions) and (interactions.timestamp == NO_TIME).all():
        raise RequestError(
            "no interaction has a timestamp; use the random protocol, or load timestamps."
        )


def _time_order(interactions: Interactions, seed: int) -> np.ndarray:
    """Rows by user and time; those of a user without a time come first. ``seed`` decides the order
    of equal times."""
    user, item, time = interactions.user, interactions.item, interactions.timestamp
    mixed = _hashed(user, item, seed)
    events = pd.factorize(interactions.event, sort=True)[0]
    return np.lexsort((events, item, mixed, time, user))


def _places(user: np.ndarray, order: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Each row's place in ``order`` among its user's rows, from 0, and the number of these."""
    counts = np.bincount(user, minlength=1)
    starts = np.cumsum(counts) - counts
    place = np.empty(len(user), dtype=np.int64)
    place[order] = np.arange(len(user)) - starts[user[order]]
    return place, counts[user]


def _by_place(user: np.ndarray, order: np.ndarray, fractions: Fractions) -> np.ndarray:
    """The first rows of each user are train, the last test; shares are rounded to the nearest row
    and at least one row stays in train."""
    place, count = _places(user, order)
    tested = np.floor(count * fractions[2] + 0.5)
    validated = np.floor(count * fractions[1] + 0.5)
    tested = np.minimum(tested, np.maximum(count - 1, 0))
    validated = np.minimum(validated, np.maximum(count - tested - 1, 0))
    labels = np.full(len(user), TRAIN, dtype=object)
    labels[place >= count - tested - validated] = VALID
    labels[place >= count - tested] = TEST
    return labels


def _hashed(user: np.ndarray, item: np.ndarray, seed: int) -> np.ndarray:
    """uint64 ``[n]``: a well mixed number per pair (the finaliser of SplitMix64, Steele 2014)."""
    mixed = _mix(np.full(len(user), seed % 2**64, dtype=np.uint64))
    for part in (user, item):
        mixed = _mix(mixed ^ part.astype(np.uint64))
    return mixed


def _mix(value: np.ndarray) -> np.ndarray:
    value = value + np.uint64(0x9E3779B97F4A7C15)
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(value ^ (value >> np.uint64(31)))
