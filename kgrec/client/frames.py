"""Answers as the frames that Python returns, with the same columns and dtypes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import pandas as pd

ID: Final = "id"  # int64 where all are integers, else text
TEXT: Final = "text"
Columns = Mapping[str, str]

LISTED: Final = {"user_id": ID, "item_id": ID, "score": "float32", "rank": "int64"}
SIMILAR: Final = {"item_id": ID, "similar_id": ID, "score": "float32", "rank": "int64"}
FOUND: Final = {"item_id": ID, "score": "float32", "rank": "int64", "found_by": TEXT}
FOLLOWED: Final = {"user_id": ID, "recommended_id": ID, "score": "float32", "rank": "int64"}
ITEM_USERS: Final = {"item_id": ID, "user_id": ID, "score": "float32", "rank": "int64"}
SIMILAR_USERS: Final = {"user_id": ID, "similar_id": ID, "score": "float32", "rank": "int64"}
QUESTIONS: Final = {
    "label": TEXT,
    "id": TEXT,
    "name": TEXT,
    "gain": "float64",
    "yes": "float64",
    "rank": "int64",
}
UNSURE: Final = {
    "label": TEXT,
    "id": TEXT,
    "uncertainty": "float64",
    "interactions": "int64",
    "rank": "int64",
}
SCENARIOS: Final = {
    "user_id": ID,
    "scenario": "object",
    "probability": "float64",
    "rank": "int64",
    "chosen": "bool",
}
IMPORTANCE: Final = {
    "scenario": TEXT,
    "name": TEXT,
    "kind": TEXT,
    "node": TEXT,
    "mean": "float64",
    "mean_absolute": "float64",
    "share": "float64",
    "scores": "int64",
}
EFFECTS: Final = {
    "user_id": ID,
    "item_id": ID,
    "rank": "Int64",
    "rank_without": "Int64",
    "score": "float64",
    "score_without": "float64",
    "rule": TEXT,
    "effect": TEXT,
    "author": TEXT,
    "reason": TEXT,
}
HELD: Final = {
    "rule": TEXT,
    "item_id": ID,
    "user_id": ID,
    "scenario": TEXT,
    "score": "float64",
    "rank": "int64",
    "reason": TEXT,
    "time": TEXT,
}
FACTS: Final = {"head": ID, "relation": TEXT, "tail": ID, "head_type": TEXT, "tail_type": TEXT}
NEIGHBOURS: Final = {
    "label": TEXT,
    "id": TEXT,
    "name": TEXT,
    "kind": TEXT,
    "relation": TEXT,
    "direction": TEXT,
    "degree": "int64",
    "events": "int64",
    "timestamp": "Int64",
    "rating": "float64",
}
EVENTS: Final = {
    "item_id": ID,
    "timestamp": "Int64",
    "event": TEXT,
    "rating": "float64",
    "title": TEXT,
    "number": "Int64",
}


def frame_of(rows: Sequence[Mapping[str, Any]], columns: Columns) -> pd.DataFrame:
    """Rows as a frame with these columns, by kind: ID, TEXT or a dtype."""
    import pandas as pd

    parts = {name: [row.get(name) for row in rows] for name in columns}
    return pd.DataFrame(
        {name: _column(values, columns[name]) for name, values in parts.items()},
        columns=list(columns),
    )


def list_frame(
    names: tuple[str, str],
    lists: Sequence[tuple[Any, Sequence[Mapping[str, Any]]]],
    more: Sequence[str] = (),
) -> pd.DataFrame:
    """Lists as one frame: ``names`` are the columns of whose list it is and of the item; ``more``:
    further fields of the items that become columns."""
    rows = [
        {names[0]: owner, names[1]: item["id"], **_fields(item)}
        for owner, items in lists
        for item in items
    ]
    columns = {names[0]: ID, names[1]: ID, "score": "float32", "rank": "int64"}
    frame = frame_of(rows, columns)
    for name in more:
        frame[name] = [row.get(name) for row in rows]
    return frame


def _fields(item: Mapping[str, Any]) -> dict[str, Any]:
    return {**item, **(item.get("fields") or {})}


def _column(values: list[Any], kind: str) -> Any:
    import numpy as np
    import pandas as pd

    if kind == ID:
        whole = bool(values) and all(isinstance(value, int) for value in values)
        return np.array(values, dtype=np.int64 if whole else object)
    if kind == TEXT:
        return np.array(values, dtype=object)
    if kind == "object":  # also where all are texts
        return pd.Series(values, dtype=object)
    if kind.startswith("float"):
        return np.array([np.nan if v is None else v for v in values], dtype=kind)
    return pd.array(values, dtype="Int64") if kind == "Int64" else np.array(values, dtype=kind)
