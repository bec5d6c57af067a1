"""Weights of the terms for circumstances and repeats, chosen on validation rows.

Each validation row is a query of its own, in its circumstances. The weights of what items are
chosen in them are chosen on the rows of items that are new to the user, among the items that are
new; then those of repeats on all rows, among all items. A weight stays zero unless NDCG@10 gains
more than half its standard error over users: a column of no use that has a small weight costs
little.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from kgrec.config.context import ContextConfig
from kgrec.fitting.context.ranking import Part, Ranking
from kgrec.fitting.context.rows import (
    ContextRows,
    new_rows,
    repeats_in_training,
    rows_with_repeats,
    seen_cells,
)
from kgrec.fitting.evidence.context import keep_few, keep_weights
from kgrec.fitting.evidence.decision import Evidence
from kgrec.graph.snapshot import Floats, Interactions, Ints
from kgrec.progress import Progress
from kgrec.scoring.context.checks import check_columns
from kgrec.scoring.context.settings import ColumnWeights, ContextSettings
from kgrec.scoring.context.terms import ContextTerms
from kgrec.scoring.engine import Engine

# Weights to try, in units of the spread of the 100 highest scores, of a column's weight, and of the
# weight of repeats.
_WEIGHTS: Final = (0.03, 0.06, 0.12, 0.25, 0.5, 1.0, 2.0)
_REPEATS: Final = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
_SHARES: Final = (0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.7, 1.0)
_FEWEST: Final = 20  # rows that weights are chosen on


def choose_context(
    engine: Engine,
    valid: Interactions,
    config: ContextConfig,
    seed: int,
    progress: Progress | None = None,
    evidence: Evidence | None = None,
) -> ContextSettings | None:
    """The settings for an engine over the training rows, which has none; None where there are
    neither columns nor repeats.

    ``valid``: all validation rows, also of items that their users have already; ``evidence`` keeps
    what was compared. Raises RequestError for columns that are no circumstances.
    """
    evidence = evidence or Evidence()
    check_columns(engine.snapshot, config)
    repeats = config.repeats == "auto" and repeats_in_training(engine.snapshot)
    if not config.columns and not repeats:
        return None
    if progress is not None:
        progress("weights of context", 0, 1)
    names = tuple(ColumnWeights(name) for name in config.columns)
    settings = ContextSettings(names, count=config.count)
    weights, own = np.zeros(len(names)), np.zeros(2 + len(names))
    if names:
        weights = _item_weights(engine, settings, valid, seed, evidence)
    if repeats:
        own = _own_weights(engine, settings, valid, weights, seed, evidence)
    if progress is not None:
        progress("weights of context", 1, 1)
    columns = tuple(
        ColumnWeights(one.name, float(weight), float(share))
        for one, weight, share in zip(names, weights, own[2:], strict=True)
    )
    return ContextSettings(columns, float(own[0]), config.count, float(own[1]))


def _item_weights(
    engine: Engine,
    settings: ContextSettings,
    valid: Interactions,
    seed: int,
    evidence: Evidence,
) -> Floats:
    """float64 ``[C]``: weights of what items are chosen in the circumstances."""
    weights = np.zeros(len(settings.columns))
    rows = new_rows(engine, valid, seed)
    if len(rows) < _FEWEST:
        keep_few(evidence, "context", len(rows))
        return weights
    terms = ContextTerms.of(settings, engine.snapshot)
    codes = _codes(terms, rows)
    ranking = Ranking.of(rows)
    unit = ranking.spread()
    ranking.scores[seen_cells(engine.snapshot, rows.user)] = -np.inf
    parts = [_item_part(terms, at, codes[:, at]) for at in range(len(weights))]
    before = ranking.mean_ndcg()
    weights = ranking.climb(weights, parts, [unit * one for one in _WEIGHTS])
    names = [one.name for one in settings.columns]
    keep_weights(evidence, "context", ranking, before, weights / unit, names)
    return weights


def _own_weights(
    engine: Engine,
    settings: ContextSettings,
    valid: Interactions,
    weights: Floats,
    seed: int,
    evidence: Evidence,
) -> Floats:
    """float64 ``[2 + C]``: weights of repeats, of their amount, and of the user's own log-odds,
    beside the ``weights`` of columns."""
    own = np.zeros(2 + len(weights))
    rows = rows_with_repeats(engine, valid, seed)
    if len(rows) < _FEWEST:
        keep_few(evidence, "repeats", len(rows))
        return own
    feedback = engine.model.shape.feedback
    terms = ContextTerms.of(settings, engine.snapshot, feedback, rows.hidden)
    codes = _codes(terms, rows)
    ranking = Ranking.of(rows)
    unit = ranking.spread()
    for at, weight in enumerate(weights):
        if weight:
            _item_part(terms, at, codes[:, at])(ranking.scores, weight)
    parts = _own_parts(terms, rows, codes)
    before = ranking.mean_ndcg()
    own[:1] = ranking.climb(own[:1], parts[:1], [unit * one for one in _REPEATS])
    if own[0]:
        own[1:] = ranking.climb(own[1:], parts[1:], [own[0] * one for one in _SHARES])
    names = ["repeats", "amounts", *(f"own {one.name}" for one in settings.columns)]
    keep_weights(evidence, "repeats", ranking, before, own / unit, names)
    return own


def _codes(terms: ContextTerms, rows: ContextRows) -> Ints:
    """int64 ``[q, C]``: the circumstances of the rows."""
    found = [
        column.codes_of(rows.context[one.name])
        for one, column in zip(terms.settings.columns, terms.columns, strict=True)
    ]
    return np.stack(found, axis=1) if found else np.empty((len(rows), 0), dtype=np.int64)


def _item_part(terms: ContextTerms, at: int, codes: Ints) -> Part:
    """The log-odds of all items in one column's circumstances, row by row."""
    column = terms.columns[at]

    def add(scores: np.ndarray, weight: float) -> None:
        for code in np.unique(codes[codes >= 0]).tolist():
            scores[codes == code] += (weight * column.log_odds(code)).astype(np.float32)

    return add


def _own_parts(terms: ContextTerms, rows: ContextRows, codes: Ints) -> list[Part]:
    """The terms of the items in the users' histories: of repeats, amounts and each column."""
    columns = tuple(ColumnWeights(one.name, own=1.0) for one in terms.settings.columns)
    every = replace(terms.settings, columns=columns, repeats=1.0, amount=0.0)
    both = replace(every, amount=1.0)
    plain, more = (replace(terms, settings=one) for one in (every, both))
    cells, values = [], []
    for row in range(len(rows)):
        found = plain.own(rows.histories, row, codes[row])
        with_amount = more.own(rows.histories, row, codes[row])
        if found is None or with_amount is None:
            continue
        amount = with_amount.values[:, :1] - found.values[:, :1]
        cells.append(np.stack([np.full(len(found.items), row), found.items]))
        values.append(np.hstack([found.values[:, :1], amount, found.values[:, 1:]]))
    return _cell_parts(cells, values, 2 + len(columns))


def _cell_parts(cells: Sequence[Ints], values: Sequence[Floats], count: int) -> list[Part]:
    """Terms of some cells (query, item) alone: int64 ``[2, m]`` with values ``[m, count]``."""
    if not cells:
        return [lambda scores, weight: None] * count
    row, item = np.concatenate(cells, axis=1)
    table = np.concatenate(values)

    def of(column: int) -> Callable[[np.ndarray, float], None]:
        def add(scores: np.ndarray, weight: float) -> None:
            scores[row, item] += (weight * table[:, column]).astype(np.float32)

        return add

    return [of(column) for column in range(count)]
