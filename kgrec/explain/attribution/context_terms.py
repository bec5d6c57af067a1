"""What the circumstances of a request and repeats add to one score, term by term."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from kgrec.graph.snapshot import Floats
from kgrec.nn import Histories
from kgrec.scoring.context.terms import REPEATS
from kgrec.scoring.engine import Engine


@dataclass(frozen=True, eq=False)
class TermsOfScore:
    """The terms of one score.

    Attributes
    ----------
    context : dict of str to float
        What each of the circumstances adds, whoever asks; by name, as "daytime = evening".
    parts : dict of str to float64 ``[n]``
        By part of the score, what each event of the history adds: those with the item itself.
    """

    context: dict[str, float] = field(default_factory=dict)
    parts: dict[str, Floats] = field(default_factory=dict)

    @property
    def total(self) -> float:
        """All terms together."""
        return sum(self.context.values()) + sum(float(part.sum()) for part in self.parts.values())


def terms_of_score(engine: Engine, history: Histories, item: int) -> TermsOfScore:
    """The terms of an item row's score for a batch of one history; none where there are none."""
    terms = engine.context_terms
    if terms is None or not terms.adds_to(history):
        return TermsOfScore()
    codes = terms.no_codes if history.context is None else history.context[0]
    labels = [terms.label(at, int(code)) if code >= 0 else "" for at, code in enumerate(codes)]
    context = {
        label: float(weights.weight * column.log_odds(int(code))[item])
        for label, weights, column, code in zip(
            labels, terms.settings.columns, terms.columns, codes, strict=True
        )
        if code >= 0 and weights.weight
    }
    own = terms.own(history, 0, codes)
    if own is None:
        return TermsOfScore(context)
    mine = np.zeros(len(history.item))
    counted = terms.own_events(history, 0)
    mine[counted] = history.item[counted] == item
    values = own.values[own.items == item].sum(axis=0)
    share = mine / max(float(mine.sum()), 1.0)
    parts = {
        name: share * value
        for name, value in zip([REPEATS, *labels], values.tolist(), strict=True)
        if name and value
    }
    return TermsOfScore(context, {name: np.asarray(part) for name, part in parts.items()})
