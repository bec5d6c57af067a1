"""The kinds of store that kgrec knows, and ``connect``: one address, the store behind it.

A new store is one sub-package whose ``KIND`` describes it, and one entry in STORES.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from graph_schema.errors import StoreError
from kgrec.stores import embedded, neo4j
from kgrec.stores.kind import Access, StoreKind, without_password

if TYPE_CHECKING:
    from neo4j import Auth, Driver

    from graph_schema.mapping import GraphMapping
    from kgrec.stores.base import GraphStore

STORES: Final[tuple[StoreKind, ...]] = (neo4j.KIND, embedded.KIND)  # the first that fits is used


def connect(
    uri: str | os.PathLike[str],
    *,
    auth: tuple[str, str] | Auth | None = None,
    driver: Driver | None = None,
    database: str | None = None,
    mapping: GraphMapping | None = None,
) -> GraphStore:
    """Open the graph store at an address or path.

    Parameters
    ----------
    uri : str or path
        ``bolt://host`` or ``neo4j://host`` (``+s`` and ``+ssc`` for TLS) for a Neo4j server; the
        path of a file for an embedded store, which the first write creates.
    auth : (user, password) or neo4j.Auth, optional
        Without it KGREC_NEO4J_USER and KGREC_NEO4J_PASSWORD are used, if set.
    driver : neo4j.Driver, optional
        A driver of your own, which you close yourself.
    database : str, optional
        The name of the server's database; its default one if None.
    mapping : GraphMapping, optional
        kgrec's names for a Neo4j graph that has its own labels, keys and types. Such a graph is
        only read.

    Returns
    -------
    GraphStore
        Close it when done, or use it as a context manager.

    Raises
    ------
    StoreAuthError, StoreConnectionError, StoreError
        If the address is of no known kind, or the server can't be used.
    """
    address, access = os.path.expanduser(os.fspath(uri)), Access(auth, driver, database, mapping)
    return store_kind(address, access).open(address, access)


def store_kind(address: str, access: Access | None = None) -> StoreKind:
    """The kind of store that an address is of. Raises StoreError if it is of none."""
    for kind in STORES:
        if kind.opens(address, access or Access()):
            return kind
    usages = ", or ".join(kind.usage for kind in STORES)
    shown = without_password(address)
    raise StoreError(f"{shown}: not an address of a graph store. Cure: use {usages}.")


def names_store(address: str) -> bool:
    """Whether an address can only mean a store, and no file or folder of data."""
    return any(kind.names_store(address) for kind in STORES)
