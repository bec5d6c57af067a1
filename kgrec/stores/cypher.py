"""Names inside Cypher text: labels, types and property names can't be parameters, so quote them."""

from __future__ import annotations

from functools import lru_cache


@lru_cache(maxsize=4096)
def quote(name: str) -> str:
    """``name`` as a Cypher identifier, whatever characters it holds."""
    return "`" + name.replace("`", "``") + "`"
