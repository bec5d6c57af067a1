"""Names and texts inside Cypher: labels, types and property names can't be parameters."""

from __future__ import annotations

from functools import lru_cache


@lru_cache(maxsize=4096)
def quote(name: str) -> str:
    """``name`` as a Cypher identifier, whatever characters it holds."""
    return "`" + name.replace("`", "``") + "`"


def text(value: str) -> str:
    """``value`` as a Cypher string literal, for the few places where no parameter fits."""
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
