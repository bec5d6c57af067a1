"""Small frames for the tests of the schema and of the loaders."""

from __future__ import annotations

import pandas as pd

ODD_IDS = (
    'it\'s "quoted"',
    "two\nlines",
    "carriage\rreturn",
    "tab\tand, comma; semicolon|bar",
    "🎬 émoji ü",
    "x" * 7_990,
    "'}) DETACH DELETE n //",
    "`) MATCH (n) DETACH DELETE n",
    " leading and trailing ",
    "007",
    "1e5",
    "nan",
    "None",
    "\\N",
)
ODD_RELATIONS = (
    "film.producer.film",
    "made by: `x`",
    "über\nall",
    "1",
    "DELETE",
    "' OR 1=1",
    "\\u0060 \\\\u0061",
)


def frames() -> dict[str, pd.DataFrame]:
    """A valid set of all eight frames, every known column and some attributes in it."""
    return {
        "users": pd.DataFrame({"user_id": ["u1", "u2", "u3"], "zip": ["02139", "48067", "1"]}),
        "items": pd.DataFrame(
            {
                "item_id": ["i1", "i2", "i3"],
                "title": ["One", "Two", ""],
                "year": [1999, 2001, 2003],
                "genres": ["a|b", "b", None],
            }
        ),
        "entities": pd.DataFrame(
            {"entity_id": ["e1", "e2"], "name": ["Ann", "Bob"], "kind": ["person", "person"]}
        ),
        "interactions": pd.DataFrame(
            {
                "user_id": ["u1", "u1", "u2", "u3"],
                "item_id": ["i1", "i1", "i2", "i3"],
                "rating": [5.0, 5.0, 3.5, None],
                "timestamp": pd.array([10, 10, 20, None], dtype="Int64"),
                "event": ["view", "view", "buy", None],
                "scenario": ["web", "web", "app", None],
                "split": ["train", "train", "valid", "test"],
                "device": ["tv", "tv", "phone", None],
            }
        ),
        "facts": pd.DataFrame(
            {
                "head": ["i1", "i2", "u1", "e1"],
                "head_type": ["item", "item", "user", "entity"],
                "relation": ["directed_by", "sequel_of", "FOLLOWS", "knows"],
                "tail": ["e1", "i1", "u2", "e2"],
                "tail_type": ["entity", "item", "user", "entity"],
            }
        ),
        "reviews": pd.DataFrame(
            {"user_id": ["u1", "u1"], "item_id": ["i1", "i1"], "text": ["Good.", "Good."]}
        ),
        "queries": pd.DataFrame(
            {"text": ["space film", "cats"], "user_id": ["u1", None], "item_id": [None, "i2"]}
        ),
        "scenarios": pd.DataFrame(
            {
                "scenario_id": ["web", "app", "tv"],
                "description": ["Pages in a browser.", "The app on a phone.", None],
                "screen": [14, 6, 50],
            }
        ),
    }
