"""Validation rows as single queries in their circumstances, with the model's scores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from kgrec.arrays import offsets, pairs_to_csr, ranges, row_numbers
from kgrec.graph.snapshot import Floats, GraphSnapshot, Interactions, Ints, Strings
from kgrec.nn import Histories
from kgrec.scoring.engine import Engine
from kgrec.training.data.examples import histories_of

_MOST_ROWS: Final = 10_000
_MOST_SCORES: Final = 40_000_000  # in memory
_MOST_USERS: Final = 20_000  # whose training rows are read
_SPARE: Final = 4
_BATCH: Final = 512
_REPEATING: Final = 0.05  # share of events that repeat, from which repeats count
_FEWEST: Final = 20  # of them
_DRAWN: Final = 0.1  # share of the training rows that are drawn where no validation row repeats


@dataclass(frozen=True, eq=False)
class ContextRows:
    """Queries (q): the events to predict, and the scores of all items before them.

    Attributes
    ----------
    user, item : int64 ``[q]``
        Rows of the user and of the item to find.
    context : mapping of str to object ``[q]``
        The columns of circumstances.
    weight : float64 ``[q]``
        How much each query counts.
    histories : Histories
        The history of each query.
    scores : float32 ``[q, n]``
        The engine's scores.
    hidden : bool ``[interactions]`` or None
        Training events that are among the queries, so that nothing may count them.
    """

    user: Ints
    item: Ints
    context: Mapping[str, Strings]
    weight: Floats
    histories: Histories
    scores: np.ndarray
    hidden: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.user)


def repeats_in_training(snapshot: GraphSnapshot) -> bool:
    """Whether enough events are of an item that the user has in another event; read from a sample
    of the users, evenly spaced."""
    rows = _rows_of(snapshot, _sampled_users(snapshot))
    pairs = _pairs(snapshot, snapshot.interactions.select(rows))
    _, place, counts = np.unique(pairs, return_inverse=True, return_counts=True)
    return _enough(counts[place] > 1)


def new_rows(engine: Engine, valid: Interactions, seed: int) -> ContextRows:
    """The validation rows of items that are new to their users."""
    valid = _few(engine, valid, seed)
    chosen = np.flatnonzero(~_has(engine.snapshot, valid))
    return _with_scores(engine, [valid.select(_some(engine, chosen, seed))], [1.0], None)


def rows_with_repeats(engine: Engine, valid: Interactions, seed: int) -> ContextRows:
    """Validation rows of items that are new, and of items that users have already.

    Where users have none of the latter, as validation by whole pairs of user and item leaves none,
    some training rows are drawn in place of them and leave the history; new items count as much as
    they do among the drawn rows.
    """
    snapshot, valid = engine.snapshot, _few(engine, valid, seed)
    repeated = _has(snapshot, valid)
    if _enough(repeated):
        some = _some(engine, np.arange(len(valid)), seed)
        return _with_scores(engine, [valid.select(some)], [1.0], None)
    rows = _rows_of(snapshot, _sampled_users(snapshot))
    events, hidden = snapshot.interactions, np.zeros(len(snapshot.interactions), dtype=bool)
    out = np.random.default_rng([seed, 11]).random(len(rows)) < _DRAWN
    out &= _targets(engine, events.select(rows))
    hidden[rows[out]] = True
    pairs, drawn = _pairs(snapshot, events.select(rows)), rows[out]
    left = np.isin(pairs[out], pairs[~out])
    share = 1.0 if not len(valid) else float(left.mean()) if len(left) else 1.0
    parts = [events.select(_some(engine, drawn[left], seed, 2))]
    if share < 1:
        parts.append(valid.select(_some(engine, np.flatnonzero(~repeated), seed, 2)))
    return _with_scores(engine, parts, [share, 1 - share][: len(parts)], hidden)


def seen_cells(snapshot: GraphSnapshot, user: Ints) -> tuple[Ints, Ints]:
    """Cells (query, item) of the items in the histories of the users ``[q]``."""
    events = snapshot.interactions
    indptr, item = pairs_to_csr(events.user, events.item, len(snapshot.users))
    counts = indptr[user + 1] - indptr[user]
    return row_numbers(offsets(counts)), item[ranges(indptr[user], counts)]


def _enough(again: np.ndarray) -> bool:
    return int(again.sum()) >= max(_FEWEST, _REPEATING * len(again))


def _pairs(snapshot: GraphSnapshot, events: Interactions) -> Ints:
    width = max(len(snapshot.items), 1)
    return np.asarray(np.asarray(events.user) * width + np.asarray(events.item))


def _has(snapshot: GraphSnapshot, rows: Interactions) -> np.ndarray:
    """bool ``[n]``: whether each row's user has an event with its item."""
    own = snapshot.interactions.select(_rows_of(snapshot, np.unique(np.asarray(rows.user))))
    return np.isin(_pairs(snapshot, rows), _pairs(snapshot, own))


def _sampled_users(snapshot: GraphSnapshot) -> Ints:
    """Rows of some users, evenly spaced: all where there are few."""
    n_users = len(snapshot.users)
    return np.unique(np.linspace(0, n_users - 1, min(n_users, _MOST_USERS)).astype(np.int64))


def _rows_of(snapshot: GraphSnapshot, users: Ints) -> Ints:
    """int64: the rows of the users' events, user by user."""
    indptr = snapshot.interactions.indptr(len(snapshot.users))
    return ranges(indptr[users], indptr[users + 1] - indptr[users])


def _few(engine: Engine, valid: Interactions, seed: int) -> Interactions:
    """The rows that lists are to find, or some of them drawn with ``seed``, of which enough are
    left whatever is asked for."""
    wanted = np.flatnonzero(_targets(engine, valid))
    return valid.select(_drawn(wanted, _SPARE * _fitting(engine), seed))


def _targets(engine: Engine, events: Interactions) -> np.ndarray:
    """bool ``[n]``: the events that lists are to find."""
    feedback = engine.model.shape.feedback
    return np.ones(len(events), bool) if feedback is None else feedback.targets_of(events)


def _some(engine: Engine, rows: Ints, seed: int, parts: int = 1) -> Ints:
    """As many of the rows as fit into memory beside the other parts, drawn with ``seed``."""
    return _drawn(rows, max(1, _fitting(engine) // parts), seed)


def _fitting(engine: Engine) -> int:
    """How many rows of scores fit into memory."""
    return max(1, min(_MOST_ROWS, _MOST_SCORES // max(len(engine.snapshot.items), 1)))


def _drawn(rows: Ints, most: int, seed: int) -> Ints:
    if len(rows) <= most:
        return rows
    return np.sort(np.random.default_rng(seed).choice(rows, most, replace=False))


def _with_scores(
    engine: Engine, parts: list[Interactions], shares: list[float], hidden: np.ndarray | None
) -> ContextRows:
    """Queries of which each part counts for its share in all."""
    weight = [
        np.full(len(part), share / max(len(part), 1))
        for part, share in zip(parts, shares, strict=True)
    ]
    user = np.concatenate([np.asarray(part.user) for part in parts])
    users, place = np.unique(user, return_inverse=True)
    stored = engine.stored(users)
    histories = stored if hidden is None else _without(stored, hidden)
    batches = [
        engine.score(histories.part(start, start + _BATCH)).cpu().numpy()
        for start in range(0, len(users), _BATCH)
    ]
    n_items = len(engine.snapshot.items)
    scores = np.concatenate(batches) if batches else np.empty((0, n_items), dtype=np.float32)
    names = engine.snapshot.interactions.context
    return ContextRows(
        user=user,
        item=np.concatenate([np.asarray(part.item) for part in parts]),
        context={
            name: np.concatenate([np.asarray(part.context[name]) for part in parts])
            for name in names
        },
        weight=np.concatenate(weight),
        histories=histories_of(histories, place),
        scores=scores[place],
        hidden=hidden,
    )


def _without(histories: Histories, hidden: np.ndarray) -> Histories:
    """The histories without the events of hidden rows; the ages of the others stay."""
    assert histories.row is not None
    keep = ~hidden[histories.row]
    return histories.select(keep, offsets(keep)[histories.indptr])
