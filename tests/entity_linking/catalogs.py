"""A small world whose plots name directors, towns and a common word."""

from __future__ import annotations

import numpy as np
import pandas as pd

from graph_schema import Catalog

DIRECTORS = ("Alfred Hitchcock", "Agnès Varda", "Akira Kurosawa", "Billy Wilder", "Jane Campion")
TOWNS = ("Paris", "New York City", "New York", "Wellington", "Kyoto")
DIRECTED, SET_IN = "DIRECTED_BY", "SET_IN"
N_ITEMS = 120


def entities() -> pd.DataFrame:
    """d0 … d4 are directors, t0 … t4 towns, w0 a word that is also a name."""
    rows = [(f"d{n}", name, "director") for n, name in enumerate(DIRECTORS)]
    rows += [(f"t{n}", name, "town") for n, name in enumerate(TOWNS)]
    rows += [("w0", "Love (band)", "band")]
    return pd.DataFrame(rows, columns=["entity_id", "name", "kind"])


def linked_catalog(hidden: int = 0) -> Catalog:
    """Each plot names its director and a town; every second town is but a dream, and no fact.

    The facts of the first ``hidden`` items are left out.
    """
    rng = np.random.default_rng(5)
    items, facts = [], []
    for n in range(N_ITEMS):
        director, town = int(rng.integers(5)), int(rng.integers(5))
        shown = f"In {TOWNS[town]} people meet." if n % 2 else f"They dream of {TOWNS[town]}."
        plot = f"A story of love, filmed by {DIRECTORS[director]}. {shown} Nothing else happens."
        items.append((f"i{n}", f"Film {n}", plot))
        if n < hidden:
            continue
        facts.append((f"i{n}", "item", DIRECTED, f"d{director}", "entity"))
        if n % 2:
            facts.append((f"i{n}", "item", SET_IN, f"t{town}", "entity"))
    return catalog(items, facts)


def catalog(
    items: list[tuple[str, str, str]],
    facts: list[tuple[str, str, str, str, str]],
    named: pd.DataFrame | None = None,
    reviews: pd.DataFrame | None = None,
) -> Catalog:
    """A catalog of (id, title, plot) and (head, head_type, relation, tail, tail_type)."""
    columns = ["head", "head_type", "relation", "tail", "tail_type"]
    return Catalog.from_frames(
        items=pd.DataFrame(items, columns=["item_id", "title", "plot"]),
        entities=entities() if named is None else named,
        facts=pd.DataFrame(facts, columns=columns) if facts else None,
        reviews=reviews,
        users=None if reviews is None else pd.DataFrame({"user_id": ["u"]}),
    )
