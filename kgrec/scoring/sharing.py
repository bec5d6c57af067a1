"""Values that one object computed and another, made from it, need not compute again."""

from __future__ import annotations


def share(one: object, other: object, *names: str) -> None:
    """Give ``other`` the cached properties ``names`` that ``one`` has computed."""
    known = vars(one)
    vars(other).update({name: known[name] for name in names if name in known})
