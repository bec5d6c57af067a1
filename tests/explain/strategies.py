"""Random breakdowns over small graphs, for hypothesis."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from kgrec.explain import Matches, ScoreBreakdown
from kgrec.graph.snapshot import GraphSnapshot


@st.composite
def breakdowns(draw: st.DrawFn, graph: GraphSnapshot) -> ScoreBreakdown:
    """A breakdown with every kind of part, matches over arbitrary entities and relations."""
    n = draw(st.integers(0, 5))
    number = st.floats(-5, 5, allow_nan=False, width=32)
    numbers = st.lists(number, min_size=n, max_size=n)
    names = ("id", "knowledge", "text", "attributes", "scenario")
    parts = {name: np.array(draw(numbers), dtype=np.float64) for name in names}
    m = draw(st.integers(0, 6)) if n and graph.facts else 0
    linking = [i for i, f in enumerate(graph.facts) if "Entity" in (f.head_label, f.tail_label)]
    m = m if linking else 0
    matches = Matches(
        np.array(draw(st.lists(st.integers(0, max(n - 1, 0)), min_size=m, max_size=m)), np.int64),
        np.array(draw(st.lists(st.integers(0, 2), min_size=m, max_size=m)), np.int64),
        np.array([draw(st.sampled_from(linking)) for _ in range(m)], np.int64),
        np.array([draw(st.sampled_from(linking)) for _ in range(m)], np.int64),
        np.array(draw(st.lists(number, min_size=m, max_size=m)), np.float64),
    )
    listed = np.bincount(matches.event, weights=matches.contribution, minlength=n)
    extra = np.array(draw(numbers)) if draw(st.booleans()) else np.zeros(n)
    if m or draw(st.booleans()):
        parts["match"] = listed.astype(np.float64) + extra
    baseline, rest = draw(number), draw(number)
    total = sum(float(values.sum()) for values in parts.values())
    return ScoreBreakdown(
        score=baseline + total + rest,
        baseline=baseline,
        history=np.array(draw(st.lists(st.integers(0, 4), min_size=n, max_size=n)), np.int64),
        timestamps=np.arange(n, dtype=np.int64) * 10,
        parts=parts,
        matches=matches,
    )
