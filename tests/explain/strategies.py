"""Random small graphs and breakdowns over them, for hypothesis."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from kgrec.explain import Matches, ScoreBreakdown
from kgrec.graph.snapshot import GraphSnapshot

from .graphs import snapshot

USERS, ITEMS, ENTITIES = ("u1", "u2", "u3"), ("a", "b", "c", "d", "f"), ("e1", "e2", "e3")
KINDS = {
    ("Item", "DIRECTED_BY", "Entity"): (ITEMS, ENTITIES),
    ("Item", "HAS_GENRE", "Entity"): (ITEMS, ENTITIES),
    ("Entity", "film.actor.film", "Item"): (ENTITIES, ITEMS),
    ("Item", "ALSO_BOUGHT", "Item"): (ITEMS, ITEMS),
    ("Entity", "PART_OF", "Entity"): (ENTITIES, ENTITIES),
    ("User", "FOLLOWS", "User"): (USERS, USERS),
}


@st.composite
def graphs(draw: st.DrawFn) -> GraphSnapshot:
    """Up to a dozen interactions and up to six facts of each kind."""
    event = st.tuples(
        st.sampled_from(USERS),
        st.sampled_from(ITEMS),
        st.one_of(st.none(), st.integers(0, 50)),
        st.one_of(st.none(), st.sampled_from([1.0, 4.5])),
    )
    facts = {
        kind: draw(
            st.lists(
                st.tuples(st.sampled_from(heads), st.sampled_from(tails)), max_size=6, unique=True
            )
        )
        for kind, (heads, tails) in KINDS.items()
    }
    return snapshot(
        {u: {} for u in USERS},
        {i: {"title": f"Film {i}", "genres": "Drama|War" if i in "abc" else None} for i in ITEMS},
        {e: {"name": "Ann" if e == "e1" else None} for e in ENTITIES},
        draw(st.lists(event, max_size=12)),
        {kind: rows for kind, rows in facts.items() if rows},
    )


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
