"""Decisions of a fit: the options compared on validation rows, and the one that was taken.

A decision holds names of options and figures alone, no row, no id of a user and none of an item.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal, TypeAlias, get_args

import numpy as np

from kgrec.graph.snapshot import Floats

Subject: TypeAlias = Literal[
    "privacy",
    "feedback",
    "ratings",
    "tuning",
    "plan",
    "head",
    "layers",
    "examples",
    "epoch",
    "texts",
    "vectors",
    "pooling",
    "pooling_later",
    "weights",
    "weights_graph",
    "weights_words",
    "weights_ridge",
    "weights_strength",
    "weights_decay",
    "weights_decay_later",
    "weights_by_scenario",
    "neighbours",
    "popularity",
    "context",
    "repeats",
    "refit",
]
# measured: the best on validation rows, or an earlier one where no later one gained enough; data: a
# rule that reads the data; few: too few validation rows, so the first; set: the settings say so.
Reason: TypeAlias = Literal["measured", "data", "few", "set"]

SUBJECTS: Final[tuple[Subject, ...]] = get_args(Subject)  # in the order in which they are reported
REASONS: Final[tuple[Reason, ...]] = get_args(Reason)
CHANCE: Final = 2.0  # standard errors of a difference that chance alone may give


@dataclass(frozen=True)
class Option:
    """One of the options that were compared.

    Attributes
    ----------
    name : str
        What it is.
    ndcg : float
        NDCG@10 on validation rows.
    error : float or None
        The standard error of its difference to the chosen option, over the same queries; None where
        only means are known.
    """

    name: str
    ndcg: float
    error: float | None = None


@dataclass(frozen=True)
class Decision:
    """What a fit chose, and why.

    Attributes
    ----------
    subject : Subject
        What was to be decided.
    chosen : str
        The option that was taken.
    reason : Reason
        How it was decided.
    options : tuple of Option
        What was compared, the chosen one among it; empty where nothing was.
    queries : int
        Number of validation queries (a user, or a user in a scenario) that were compared by; 0
        where it is not known.
    note : str
        What else is to be said.
    """

    subject: Subject
    chosen: str
    reason: Reason
    options: tuple[Option, ...] = ()
    queries: int = 0
    note: str = ""

    @property
    def taken(self) -> Option | None:
        """The chosen option with its figure; None where nothing was compared."""
        return next((one for one in self.options if one.name == self.chosen), None)

    @property
    def rival(self) -> Option | None:
        """The best of the options that were not taken."""
        others = [one for one in self.options if one.name != self.chosen]
        return max(others, key=lambda one: one.ndcg, default=None)

    @property
    def within_chance(self) -> bool | None:
        """Whether chance alone may make the difference to the best other option; None where it is
        not known."""
        taken, rival = self.taken, self.rival
        if taken is None or rival is None or rival.error is None:
            return None
        return abs(taken.ndcg - rival.ndcg) <= CHANCE * rival.error

    def to_json(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return asdict(self)

    @staticmethod
    def of_json(values: Mapping[str, Any]) -> Decision:
        """What ``to_json`` returned. Raises KeyError, TypeError, ValueError for other values."""
        if values["subject"] not in SUBJECTS or values["reason"] not in REASONS:
            raise ValueError(f"unknown decision {values['subject']!r}")
        options = tuple(Option(**one) for one in values["options"])
        return Decision(**{**values, "options": options})


class Evidence:
    """The decisions of a fit so far; a later one replaces an earlier one of its subject."""

    def __init__(self) -> None:
        self._found: dict[Subject, Decision] = {}

    @property
    def decisions(self) -> tuple[Decision, ...]:
        """All, in the order of ``SUBJECTS``."""
        return tuple(self._found[one] for one in SUBJECTS if one in self._found)

    def add(self, *decisions: Decision) -> None:
        """Keep decisions."""
        self._found |= {one.subject: one for one in decisions}

    def compared(
        self, subject: Subject, tried: Iterable[tuple[str, Floats]], chosen: str, note: str = ""
    ) -> None:
        """Keep a comparison: names of options, each with the NDCG@10 of the same queries, float64
        ``[q]``. Of those with one name the best counts. Nothing is kept of a single option."""
        best: dict[str, Floats] = {}
        for name, values in tried:
            if name not in best or values.mean() > best[name].mean():
                best[name] = values
        if len(best) > 1:
            options = tuple(_option(name, best[name], best[chosen]) for name in best)
            self.add(Decision(subject, chosen, "measured", options, len(best[chosen]), note))

    def means(
        self,
        subject: Subject,
        tried: Sequence[tuple[str, float]],
        chosen: str,
        queries: int = 0,
        note: str = "",
    ) -> None:
        """Keep a comparison of which only the means are known; otherwise as ``compared``."""
        best: dict[str, float] = {}
        for name, value in tried:
            if math.isfinite(value):
                best[name] = max(float(value), best.get(name, -math.inf))
        if len(best) > 1:
            options = tuple(Option(name, value) for name, value in best.items())
            self.add(Decision(subject, chosen, "measured", options, queries, note))


def _option(name: str, values: Floats, chosen: Floats) -> Option:
    difference = values - chosen
    error = float(difference.std()) / math.sqrt(max(len(difference), 1))
    return Option(name, float(np.mean(values)), error)
