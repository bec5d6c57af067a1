"""Score breakdowns over small graphs, for the tests of explanations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from kgrec.explain import Matches, ScoreBreakdown
from kgrec.graph.snapshot import GraphSnapshot


def breakdown(
    graph: GraphSnapshot,
    history: Sequence[str],
    parts: Mapping[str, Sequence[float]],
    matches: Sequence[tuple[int, str, str, str, float]] = (),
    *,
    baseline: float = 0.0,
    rest: float = 0.0,
) -> ScoreBreakdown:
    """A breakdown over item ids; ``matches`` are (event, entity, relation, relation, amount)."""
    relations = [part.relation for part in graph.facts]
    columns = list(zip(*matches, strict=True)) if matches else [()] * 5
    found = Matches(
        np.array(columns[0], dtype=np.int64),
        graph.entities.rows(list(columns[1])),
        np.array([relations.index(name) for name in columns[2]], dtype=np.int64),
        np.array([relations.index(name) for name in columns[3]], dtype=np.int64),
        np.array(columns[4], dtype=np.float64),
    )
    amounts = {name: np.array(values, dtype=np.float64) for name, values in parts.items()}
    total = sum(float(values.sum()) for values in amounts.values())
    return ScoreBreakdown(
        score=baseline + total + rest,
        baseline=baseline,
        history=graph.items.rows(list(history)),
        timestamps=np.arange(len(history), dtype=np.int64) + 1000,
        parts=amounts,
        matches=found,
    )
