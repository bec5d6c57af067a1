"""Names and texts inside Cypher: labels, types and property names can't be parameters."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

# The last of an odd number of backslashes before a "u".
_ESCAPE: Final = re.compile(r"(?<!\\)((?:\\\\)*)\\(?=u)")
_LOAD_CSV: Final = re.compile(
    r"\bload(?:[\s`]|//[^\n]*\n|/\*.*?\*/)*csv\b", re.IGNORECASE | re.DOTALL
)


@lru_cache(maxsize=4096)
def quote(name: str) -> str:
    """``name`` as a Cypher identifier, whatever characters it holds.

    Neo4j reads ``\\uXXXX`` anywhere in a statement as that character, before it looks for quotes:
    ``\\u0060`` would end the name. So the backslash of such a name is written as ``\\u005c``.
    """
    return backticked(_ESCAPE.sub(r"\1\\u005c", name))


def backticked(name: str) -> str:
    """``name`` as an identifier for the embedded store, which knows no escapes in names."""
    return "`" + name.replace("`", "``") + "`"


def text(value: str) -> str:
    """``value`` as a Cypher string literal, for the few places where no parameter fits."""
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def names_load_csv(cypher: str) -> bool:
    """Whether a text has LOAD CSV anywhere, be it in a literal."""
    return _LOAD_CSV.search(cypher) is not None
