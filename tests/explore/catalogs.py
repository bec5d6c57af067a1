"""A small catalog for the tests of exploring: odd names, parallel edges, hubs, loops."""

from __future__ import annotations

import pandas as pd

from graph_schema.catalog import Catalog

ODD = (
    """</script><img src=x onerror="1">it's "odd" & $x^2$ `}) DETACH DELETE (n) // é 映画\n\t\\ z"""
)
ODD_RELATION = 'odd `rel` "x" <b>'


def catalog() -> Catalog:
    """u1 chose a twice; a and b share a director and an oddly named entity; x is a sequel of b."""
    return Catalog.from_frames(
        users=pd.DataFrame({"user_id": ["u1", "u2", ODD, "lone"], "age": [30, 40, 50, 60]}),
        items=pd.DataFrame(
            {
                "item_id": ["a", "b", "x", ODD],
                "title": ["Heat", "Ronin", "Big", ODD],
                "year": pd.array([1995, 1998, None, 2000], dtype="Int64"),
            }
        ),
        entities=pd.DataFrame(
            {
                "entity_id": ["e1", "e2", ODD],
                "name": ["Ann Lee", None, ODD],
                "kind": ["person", None, "genre"],
            }
        ),
        interactions=pd.DataFrame(
            [
                ("u1", "a", 10, 5.0, "web"),
                ("u1", "a", 20, 4.0, "web"),
                ("u1", "x", 15, 3.0, "app"),
                ("u2", "a", 5, None, None),
                ("u2", "b", 6, 2.0, "web"),
                (ODD, ODD, 7, 1.0, "web"),
            ],
            columns=["user_id", "item_id", "timestamp", "rating", "scenario"],
        ),
        facts=pd.DataFrame(
            [
                ("a", "item", "DIRECTED_BY", "e1", "entity"),
                ("b", "item", "DIRECTED_BY", "e1", "entity"),
                ("x", "item", "SEQUEL", "b", "item"),
                ("a", "item", ODD_RELATION, ODD, "entity"),
                ("b", "item", ODD_RELATION, ODD, "entity"),
                (ODD, "item", ODD_RELATION, ODD, "entity"),
                ("e1", "entity", "KNOWS", "e2", "entity"),
                ("u1", "user", "FOLLOWS", "u2", "user"),
            ],
            columns=["head", "head_type", "relation", "tail", "tail_type"],
        ),
    )
