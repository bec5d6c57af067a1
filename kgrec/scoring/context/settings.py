"""ContextSettings: weights of the terms for context and repeats, chosen on validation rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class ColumnWeights:
    """Weights of one column of circumstances; zero at first.

    Attributes
    ----------
    name : str
        Name of the column.
    weight : float
        Weight of the items' log-odds in the circumstances of the request.
    own : float
        Weight of the user's own log-odds, of items in the history.
    """

    name: str
    weight: float = 0.0
    own: float = 0.0


@dataclass(frozen=True)
class ContextSettings:
    """Weights of the terms that ``ContextTerms`` adds to scores.

    Attributes
    ----------
    columns : tuple of ColumnWeights
        The columns that requests may tell of.
    repeats : float
        Weight of log(1 + 10 n), for an item with n events in the history.
    count : str or None
        Column with how often an event was repeated.
    amount : float
        Weight of the logarithm of its mean over these events.
    """

    columns: tuple[ColumnWeights, ...] = ()
    repeats: float = 0.0
    count: str | None = None
    amount: float = 0.0

    @property
    def repeating(self) -> bool:
        """Whether items of the history have a term of their own."""
        return self.repeats > 0 or any(column.own for column in self.columns)

    @staticmethod
    def of_json(values: Mapping[str, Any]) -> ContextSettings:
        """What ``dataclasses.asdict`` made JSON of. Raises TypeError for another mapping."""
        columns = tuple(ColumnWeights(**one) for one in values["columns"])
        return ContextSettings(**{**values, "columns": columns})
