"""Lists that are written as text: ``["a", "b"]`` of JSON, or ``['a', 'b']`` of Python."""

from __future__ import annotations

import ast
import json
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc


def joined_lists(texts: Any) -> Any:
    """The texts as ``8|9``, "" as it is, if every other one is a list of texts, or of whole numbers
    or booleans; else None. Lists of numbers with a fraction are vectors and no names of values."""
    shape = pc.match_substring_regex(texts, r"^\s*(\[.*\]\s*)?$")
    if not pc.all(shape).as_py():
        return None
    joined = []
    for text in texts.to_pylist():
        values = "" if text is None or not text.strip() else _joined(text)
        if values is None:
            return None
        joined.append(values)
    return pa.array(joined, pa.string())


def _joined(text: str) -> str | None:
    found = values_of_text(text)
    if found is None:
        return None
    values = [one for one in found if one is not None]
    kinds = set(map(type, values))
    if len(kinds) > 1 or not kinds <= {str, int, bool}:
        return None
    words = [one if isinstance(one, str) else json.dumps(one) for one in values]
    return None if any("|" in word for word in words) else "|".join(words)


def values_of_text(text: str) -> list[Any] | None:
    """The values of a list as text; None for what is none."""
    for read in (json.loads, ast.literal_eval):
        try:
            found = read(text.strip())
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            continue
        return found if isinstance(found, list) else None
    return None
