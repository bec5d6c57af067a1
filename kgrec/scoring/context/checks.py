"""Checks of the columns of circumstances: what is an attribute, and what is no context."""

from __future__ import annotations

from typing import Final

import numpy as np

from kgrec.config.context import ContextConfig
from kgrec.errors import RequestError
from kgrec.graph.columns import codes_and_names
from kgrec.graph.context_columns import is_attribute
from kgrec.graph.snapshot import GraphSnapshot, Ints
from kgrec.scoring.context.terms import numbers_of

_FEW: Final = 50  # values that a column of numbers may have, and still be read as words
_EVENTS: Final = 3  # events of a value, at least, on average


def check_columns(snapshot: GraphSnapshot, config: ContextConfig) -> None:
    """Raise RequestError for columns of a visible graph that are no circumstances of events.

    A column whose value never differs between the events of any item (or of any user) is an
    attribute: of those with two events or more that have a value, none has two values. It would
    tell which items the target may be.
    """
    events = snapshot.interactions
    for name in config.columns:
        code, values = _codes(events.context[name])
        known = code >= 0
        _check_values(name, values, int(known.sum()))
        ends = ((events.item, "item", "items"), (events.user, "user", "users"))
        for end, one, table in ends:
            if is_attribute(np.asarray(end)[known], code[known]):
                raise RequestError(
                    f"the context column {name!r} never varies within {_article(one)}: it is an "
                    f"attribute of {table}, which would tell the target. Leave it out of "
                    f"context.columns, and give it as a column of {table}."
                )
    if config.count is not None:
        _check_counts(config.count, events.context[config.count])


def _article(word: str) -> str:
    return f"an {word}" if word == "item" else f"a {word}"


def _codes(column: np.ndarray) -> tuple[Ints, np.ndarray]:
    own, names = codes_and_names(column)
    place = np.cumsum(names != "") - 1
    place[names == ""] = -1
    return place[own], names[names != ""]


def _check_values(name: str, values: np.ndarray, n: int) -> None:
    """Raise RequestError for a column with a single value, or one of measurements."""
    if len(values) < 2:
        raise RequestError(
            f"the context column {name!r} has the value {values[0]!r} throughout, which tells "
            "nothing; leave it out of context.columns."
        )
    numbers, large = numbers_of(values), len(values) > _FEW
    rare = len(values) * _EVENTS > n
    fractions = not np.isnan(numbers).any() and bool((numbers != np.floor(numbers)).any())
    if (large and (rare or fractions)) or (rare and fractions):
        raise RequestError(
            f"the context column {name!r} has {len(values):,} values for {n:,} interactions, so "
            "that hardly any comes again; put them into a few bins first, such as cold, mild and "
            "warm for a temperature."
        )


def _check_counts(name: str, column: np.ndarray) -> None:
    _, names = codes_and_names(column)
    numbers = numbers_of(names)[names != ""]
    if np.isnan(numbers).any() or (numbers < 0).any() or np.isinf(numbers).any():
        wrong = names[names != ""][np.isnan(numbers) | (numbers < 0) | np.isinf(numbers)][0]
        raise RequestError(
            f"context.count names the column {name!r}, which has {wrong!r}; it must have how often "
            "each event was repeated, as numbers from 0 on."
        )
