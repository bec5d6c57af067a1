"""Attributes that were computed from held-out rows, such as numbers of purchases and mean ratings.

A statistic over all rows and the same statistic over training rows are compared with an attribute
by Spearman's rank correlation. An attribute that another source measured agrees with both about
equally well, since held-out rows are a part of all rows. One that was computed from all rows agrees
with those (at least ``_AGREES``) and is less than half as far from them as from training rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
import pandas as pd

from kgrec.graph.columns import NO_TIME, among
from kgrec.graph.snapshot import Floats, GraphSnapshot, Interactions, Ints, NodeTable
from kgrec.leaks.finding import Finding

_AGREES: Final = 0.98
_CLOSER: Final = 0.5
_FEWEST: Final = 30  # nodes with a value
_DISTINCT: Final = 5  # values of an attribute that is compared
_MOST: Final = 20_000  # nodes that are compared, at most


def attributes_found(graph: GraphSnapshot) -> Iterator[Finding]:
    """Attributes of users and items that tell rows of the split "test"."""
    held = among(graph.interactions.split, ("test",))
    if not held.any() or held.all():
        return
    events, train = graph.interactions, graph.interactions.select(~held)
    for nodes, end in ((graph.items, "item"), (graph.users, "user")):
        read = {name: _numbers(nodes, str(name)) for name in nodes.attributes.columns}
        columns = {name: values for name, values in read.items() if values is not None}
        if not columns:
            continue
        whole = _statistics(events, np.asarray(getattr(events, end)), len(nodes))
        part = _statistics(train, np.asarray(getattr(train, end)), len(nodes))
        for name, values in columns.items():
            for what in whole:
                found = _compared(values, whole[what], part[what])
                if found is not None:
                    yield _finding(nodes, str(name), end, what, found, values)
                    break


def _numbers(nodes: NodeTable, name: str) -> Floats | None:
    """float64 ``[n]`` of an attribute of numbers or times; None for another, or of few values."""
    column = nodes.attributes[name]
    if pd.api.types.is_datetime64_any_dtype(column):
        return np.where(column.isna(), np.nan, column.astype("int64").astype(np.float64))
    sample = column[column.notna()].head(_FEWEST)
    if len(sample) < _FEWEST or pd.to_numeric(sample, errors="coerce").isna().any():
        return None
    values = pd.to_numeric(column, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    return values if len(np.unique(values[~np.isnan(values)])) >= _DISTINCT else None


def _statistics(events: Interactions, end: Ints, n: int) -> dict[str, Floats]:
    """float64 ``[n]`` each: what may have been computed from rows; NaN where there are none."""
    count = np.bincount(end, minlength=n).astype(np.float64)
    found = {"the number of interactions": count}
    rating = np.asarray(events.rating, dtype=np.float64)
    rated = ~np.isnan(rating)
    if rated.any():
        total = np.bincount(end[rated], rating[rated], minlength=n)
        with np.errstate(invalid="ignore", divide="ignore"):
            found["the mean rating"] = total / np.bincount(end[rated], minlength=n)
    times = np.asarray(events.timestamp)
    known = times != NO_TIME
    if known.any():
        last = np.full(n, NO_TIME)
        np.maximum.at(last, end[known], times[known])
        found["the time of the last interaction"] = np.where(last == NO_TIME, np.nan, last)
    return found


def _compared(values: Floats, whole: Floats, part: Floats) -> tuple[float, float] | None:
    """The correlations with the statistic over all rows and over training rows, where they say that
    the attribute was computed from all rows; otherwise None."""
    rows = np.flatnonzero(~np.isnan(values) & ~np.isnan(whole) & ~np.isnan(part))
    if len(rows) < _FEWEST:
        return None
    if len(rows) > _MOST:
        rows = np.sort(np.random.default_rng(0).choice(rows, _MOST, replace=False))
    all_rows, training = (_spearman(values[rows], one[rows]) for one in (whole, part))
    if all_rows >= _AGREES and 1 - all_rows < _CLOSER * (1 - training):
        return all_rows, training
    return None


def _spearman(first: Floats, second: Floats) -> float:
    """The absolute rank correlation; 0 where one of the two is constant."""
    ranks = [pd.Series(one).rank().to_numpy() for one in (first, second)]
    if any(one.std() == 0 for one in ranks):
        return 0.0
    return float(abs(np.corrcoef(ranks[0], ranks[1])[0, 1]))


def _finding(
    nodes: NodeTable, name: str, end: str, what: str, found: tuple[float, float], values: Floats
) -> Finding:
    row = int(np.flatnonzero(~np.isnan(values))[0])
    return Finding(
        "attribute computed from test rows",
        "leak",
        f"{end}s, {name}",
        f"it is {what}, test rows included: its rank correlation with that is {found[0]:.4f}, and "
        f"{found[1]:.4f} without test rows.",
        f"Compute {name} from training rows alone, or leave it out.",
        {"with_test_rows": found[0], "without_test_rows": found[1]},
        f"the {end} {nodes.ids[row]!r} with {values[row]:g}",
    )
