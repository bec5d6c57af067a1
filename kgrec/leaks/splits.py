"""Rows of the training part that are held out as well, splits that overlap in time, and held-out
rows of users and items that training does not have."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from kgrec.arrays import distinct
from kgrec.graph.columns import NO_TIME, among
from kgrec.graph.snapshot import GraphSnapshot, Interactions, Ints, Texts
from kgrec.leaks.finding import Finding

_FEWEST_ROWS = 3  # held-out rows that are found, at least
_SHARE = 0.01  # of the held-out rows that is found, at least
_REPEATS = 10.0  # how many times as often held-out pairs repeat as training pairs do
_EARLY = 0.1  # share of held-out rows before their user's last training event
_ABSENT = 0.05
_TIED = 0.05  # share of the test rows that have the time of a training row of their user
_FEWEST_TIED = 30  # of these rows, at least
_ALWAYS = 0.95  # share of these rows that is at one end of its time; by chance half or less
_LONG_TEXT = 40  # characters: shorter texts are equal by chance


def splits_found(graph: GraphSnapshot) -> Iterator[Finding]:
    """What is wrong with the rows of the split "test"; nothing without such rows."""
    events = graph.interactions
    held = among(events.split, ("test",))
    if not held.any() or held.all():
        return
    train, test = events.select(~held), events.select(held)
    yield from _repeated(graph, train, test)
    yield from _texts(graph, held)
    yield from _overlap(graph, train, test)
    yield from _ordered_by_item(graph, train, test)
    yield from _absent(graph, train, test)


def _repeated(graph: GraphSnapshot, train: Interactions, test: Interactions) -> Iterator[Finding]:
    known, wanted = _pairs(graph, train), _pairs(graph, test)
    again = np.isin(wanted, known)
    share, own = float(again.mean()), 1 - len(distinct(known)) / len(known)
    same = _same_rows(known, train, wanted, test)
    few = max(_FEWEST_ROWS, _SHARE * len(wanted))
    if same.sum() >= few:
        yield Finding(
            "rows in two splits",
            "leak",
            "interactions, split",
            f"{int(same.sum()):,} of {len(wanted):,} test rows ({same.mean():.1%}) are training "
            "rows as well: user, item, event and time are the same.",
            "Drop duplicates before splitting.",
            {"share": float(same.mean())},
            _row(graph, test, int(np.argmax(same))),
        )
    elif again.sum() >= few and share > _REPEATS * own:
        yield Finding(
            "pairs in two splits",
            "leak",
            "interactions, split",
            f"{share:.1%} of the test rows have a user and an item that training has together, "
            f"while {own:.2%} of the training rows repeat a pair.",
            "Split by pairs of user and item, or merge repeated rows before splitting.",
            {"share": share, "repeats_in_training": own},
            _row(graph, test, int(np.argmax(again))),
        )


def _same_rows(known: Ints, train: Interactions, wanted: Ints, test: Interactions) -> np.ndarray:
    """bool ``[m]``: whether a test row is a training row, with the same time and event."""
    times = np.asarray(test.timestamp)
    if not (times != NO_TIME).any():
        return np.zeros(len(wanted), dtype=bool)
    seen = pd.MultiIndex.from_arrays([known, np.asarray(train.timestamp), train.event])
    asked = pd.MultiIndex.from_arrays([wanted, times, test.event])
    return np.asarray(asked.isin(seen) & (times != NO_TIME))


def _texts(graph: GraphSnapshot, held: np.ndarray) -> Iterator[Finding]:
    left = graph.without(held).reviews
    if not len(left) or len(left) == len(graph.reviews):
        return
    out = graph.reviews.select(~np.isin(graph.reviews.id.astype(str), left.id.astype(str)))
    texts, known = _long(out), set(_long(left))
    again = [text for text in texts if text in known]
    if len(again) >= max(_FEWEST_ROWS, _SHARE * len(texts)):
        share = len(again) / len(texts)
        yield Finding(
            "texts in two splits",
            "warning",
            "reviews, text",
            f"{share:.1%} of the {len(texts):,} long reviews of test rows stand word by word under "
            "a training row.",
            "Drop one of each pair of equal reviews, or split them together.",
            {"share": share},
            repr(again[0][:60]),
        )


def _long(texts: Texts) -> list[str]:
    return [text for text in texts.text.tolist() if len(text) >= _LONG_TEXT]


def _overlap(graph: GraphSnapshot, train: Interactions, test: Interactions) -> Iterator[Finding]:
    if not graph.interactions.tells_order(len(graph.users)):
        return
    last = np.full(len(graph.users), NO_TIME)
    np.maximum.at(last, np.asarray(train.user), np.asarray(train.timestamp))
    times, before = np.asarray(test.timestamp), last[np.asarray(test.user)]
    known = (times != NO_TIME) & (before != NO_TIME)
    early = known & (times < before)
    share = early.sum() / max(known.sum(), 1)
    if share >= _EARLY:
        yield Finding(
            "splits overlap in time",
            "note",
            "interactions, split",
            f"{share:.1%} of the test rows are older than a training row of their user: the split "
            "is not by time, although there are times, and training sees what came later.",
            "Split by time (kgrec evaluate --split-protocol time) to measure what comes next.",
            {"share": float(share)},
            _row(graph, test, int(np.argmax(early))),
        )


def _ordered_by_item(
    graph: GraphSnapshot, train: Interactions, test: Interactions
) -> Iterator[Finding]:
    """Of rows of one user and time, which no time orders, those of the first (last) items by id, or
    in the order of the items, are the test rows."""
    if not graph.interactions.tells_order(len(graph.users)):
        return
    ids = np.empty(len(graph.items), dtype=np.int64)
    ids[np.argsort(graph.items.ids.astype(str), kind="stable")] = np.arange(len(ids))
    for order, place in (("id", ids), ("place in the table of items", np.arange(len(ids)))):
        row, first, last = _tied(train, test, place)
        if len(row) < max(_FEWEST_TIED, _TIED * len(test)):
            return
        item = place[np.asarray(test.item)[row]]
        at_end = {"first": item < first, "last": item > last}
        name = max(at_end, key=lambda end: float(at_end[end].mean()))
        found, share = at_end[name], len(row) / len(test)
        if found.mean() >= _ALWAYS:
            yield Finding(
                "equal times ordered by item",
                "warning",
                "interactions, split",
                f"{share:.1%} of the test rows have the time of a training row of their user, and "
                f"{found.mean():.0%} of these are the {name} of that time by the item's {order}: "
                "of what is chosen together, the same items are always held out.",
                "Split rows of equal times at random, as the protocols of kgrec evaluate do.",
                {"share": share, "at_the_end": float(found.mean())},
                _row(graph, test, int(row[np.argmax(found)])),
            )
            return


def _tied(train: Interactions, test: Interactions, place: Ints) -> tuple[Ints, Ints, Ints]:
    """The test rows that have the time of a training row of their user, and the lowest and the
    highest place (int64, by item) of the training rows of that user and time, int64 ``[m]`` each.
    """
    users, times = (
        np.concatenate([np.asarray(getattr(rows, name)) for rows in (train, test)])
        for name in ("user", "timestamp")
    )
    order = np.lexsort((times, users))
    new = (np.diff(users[order]) != 0) | (np.diff(times[order]) != 0)
    visit = np.empty(len(order), dtype=np.int64)
    visit[order] = np.append(0, np.cumsum(new))
    own, asked = visit[: len(train)], visit[len(train) :]
    places = place[np.asarray(train.item)]
    first, last = np.full(len(order), len(place)), np.full(len(order), -1)
    np.minimum.at(first, own, places)
    np.maximum.at(last, own, places)
    row = np.flatnonzero((last[asked] >= 0) & (np.asarray(test.timestamp) != NO_TIME))
    return row, first[asked[row]], last[asked[row]]


def _absent(graph: GraphSnapshot, train: Interactions, test: Interactions) -> Iterator[Finding]:
    for name, nodes, rows, known in (
        ("user", graph.users, test.user, train.user),
        ("item", graph.items, test.item, train.item),
    ):
        there = np.zeros(len(nodes), dtype=bool)
        there[np.asarray(known)] = True
        rows = np.asarray(rows)
        new = ~there[rows]
        if new.mean() >= _ABSENT:
            yield Finding(
                f"{name}s without training rows",
                "note",
                f"interactions, {name}_id",
                f"{new.mean():.1%} of the test rows are of {len(distinct(rows[new])):,} {name}s "
                "that training has no row of.",
                f"Measure them apart: they say how good the model is for new {name}s.",
                {"share": float(new.mean())},
                f"the {name} {nodes.ids[rows[np.argmax(new)]]!r}",
            )


def _pairs(graph: GraphSnapshot, events: Interactions) -> Ints:
    pairs = np.asarray(events.user) * max(len(graph.items), 1) + np.asarray(events.item)
    return np.asarray(pairs)


def _row(graph: GraphSnapshot, events: Interactions, row: int) -> str:
    user, item = graph.users.ids[events.user[row]], graph.items.ids[events.item[row]]
    return f"user {user!r} and item {item!r}"
