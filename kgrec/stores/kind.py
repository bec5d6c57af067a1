"""StoreKind: the description of a kind of store, known before its code is loaded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from graph_schema.mapping import GraphMapping
    from kgrec.stores.base import GraphStore


def without_password(address: str) -> str:
    """An address as messages show it: without a user and password, which end at the last "@", as
    they may have any sign."""
    scheme, mark, rest = address.partition("://")
    if not mark:
        scheme, rest = "", address
    before, at, host = rest.rpartition("@")
    hides = bool(at) and (bool(mark) or ":" in before)
    return f"{scheme}{mark}{host if hides else rest}"


@dataclass(frozen=True)
class Access:
    """How to open an address: everything that ``kgrec.connect`` takes beside it."""

    # (user, password), or what the driver takes in its place; shown nowhere
    auth: Any = field(default=None, repr=False)
    driver: Any = field(default=None, repr=False)  # a driver object of the caller
    database: str | None = None
    mapping: GraphMapping | None = None


@dataclass(frozen=True)
class StoreKind:
    """One kind of store.

    ``opens`` says whether an address is of this kind; ``names_store`` whether the address alone,
    without anything known about it, means a store and not a file of data. ``server``: the address
    is of a server, not a path; it may ask for a password (environment variable ``password``) of a
    user (``user`` where none is named).
    ``usage`` completes the sentence "Cure: use ...".
    """

    name: str
    usage: str
    server: bool
    opens: Callable[[str, Access], bool]
    names_store: Callable[[str], bool]
    open: Callable[[str, Access], GraphStore]
    user: str = ""
    password: str | None = None
