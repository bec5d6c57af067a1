"""Random small graphs, for hypothesis."""

from __future__ import annotations

from hypothesis import strategies as st

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
