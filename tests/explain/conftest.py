"""Graphs that several tests of explanations look at."""

from __future__ import annotations

import pytest

from kgrec.graph.snapshot import GraphSnapshot

from .graphs import snapshot


@pytest.fixture
def tiny() -> GraphSnapshot:
    """u1 chose a and x; b shares the director e1 (of two) and the genre e2 (of most) with a."""
    films = ["a", "b", "x", "y", "z"]
    return snapshot(
        {"u1": {}, "u2": {}, "u3": {}},
        {
            "a": {"title": "Heat", "genres": "Crime|Drama", "year": 1995},
            "b": {"title": "Ronin", "genres": "Crime|Thriller", "year": 1998},
            "x": {"title": "Big", "genres": "Comedy", "year": 1988},
            "y": {"title": None, "genres": None, "year": None},
            "z": {"title": "Alone", "genres": "", "year": 2001},
        },
        {"e1": {"name": "Ann Lee"}, "e2": {"name": "Crime"}, "e3": {"name": None}},
        [("u1", "a", 10, 5.0), ("u1", "x", 20, 3.0), ("u2", "a", 5, 4.0), ("u2", "b", 6, 4.0)],
        {
            ("Item", "DIRECTED_BY", "Entity"): [("a", "e1"), ("b", "e1")],
            ("Item", "HAS_GENRE", "Entity"): [(film, "e2") for film in films[:4]],
            ("Item", "SEQUEL", "Item"): [("x", "b")],
            ("User", "FOLLOWS", "User"): [("u1", "u2")],
        },
    )
