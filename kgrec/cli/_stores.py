"""Opening the store a command names, with the password kept out of sight."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import typer

import kgrec
from graph_schema.errors import StoreFileError
from graph_schema.output.printable import printable
from kgrec.cli._progress import say

if TYPE_CHECKING:
    from graph_schema import GraphMapping
    from kgrec import GraphStore
    from kgrec.serving.store_sync.opened_store import OpenedStore
    from kgrec.stores.kind import StoreKind


def is_store(source: str) -> bool:
    """Whether this can only name a store, and not a file or folder of data."""
    from kgrec.stores.registry import names_store

    return names_store(source)


def is_server(store: str) -> bool:
    """Whether a store is on a server, and not a file here. Raises StoreError."""
    from kgrec.stores.registry import store_kind

    return store_kind(store).server


def open_store(
    store: str,
    *,
    user: str | None = None,
    database: str | None = None,
    mapping: Path | None = None,
    create: bool = False,
    make_folder: bool = True,
) -> GraphStore:
    """Open the store behind a path or address.

    Parameters
    ----------
    store : str
        The path of a file, or the address of a server.
    user : str, optional
        The server's user; the password comes from the environment or is asked for.
    database : str, optional
        The name of the server's database; its default one if None.
    mapping : path, optional
        The file of a GraphMapping, for a graph that has its own names.
    create : bool
        Whether a file that does not exist is a new store, and not an error.
    make_folder : bool
        Whether to make the folder of a new store.

    Returns
    -------
    GraphStore
        The open store.

    Raises
    ------
    StoreFileError
        If a file is to be read that does not exist.
    StoreError
        If a server can't be reached or refuses the password.
    """
    from graph_schema import GraphMapping
    from kgrec.stores.kind import without_password
    from kgrec.stores.registry import store_kind

    names = None if mapping is None else GraphMapping.load(mapping)
    if store_kind(store).server:
        return server_opener(store, user, database)(names)
    shown = without_password(store)
    if not create and not Path(store).exists():
        raise StoreFileError(
            f"there is no store {shown}; make it with: kgrec load FOLDER --store {shown}"
        )
    if make_folder:
        Path(store).absolute().parent.mkdir(parents=True, exist_ok=True)
    return kgrec.connect(store, mapping=names)


def server_opener(
    store: str, user: str | None, database: str | None
) -> Callable[[GraphMapping | None], GraphStore]:
    """What opens a store on a server, now or later; the password is asked for at once."""
    from kgrec.stores.registry import store_kind

    auth = _auth(store_kind(store), store, user)
    return lambda mapping: kgrec.connect(store, auth=auth, database=database, mapping=mapping)


def served_store(
    store: str, *, user: str | None = None, database: str | None = None
) -> OpenedStore:
    """The store of a service. It is opened at once, except a server that can't be reached now.

    Raises StoreFileError for a file that does not exist, StoreError where it can't be opened.
    """
    from kgrec.errors import StoreConnectionError
    from kgrec.serving.store_sync.opened_store import OpenedStore
    from kgrec.stores.kind import without_password

    if not is_server(store):
        graph = open_store(store)
        graph.schema_version()  # from now on a file that is gone is an error, and not a new store
        return OpenedStore.of(graph)
    opener = server_opener(store, user, database)
    found = OpenedStore(without_password(store), lambda: opener(None))
    try:
        found.get()
    except StoreConnectionError as error:
        say(f"{error} The service starts, and tries again.")
    return found


def _auth(kind: StoreKind, store: str, user: str | None) -> tuple[str, str] | None:
    from kgrec.stores.kind import without_password

    password = os.environ.get(kind.password) if kind.password else None
    if password is None and sys.stdin.isatty():
        shown = printable(without_password(store))
        password = typer.prompt(f"Password for {shown}", hide_input=True, err=True, default="")
    return (user or kind.user, password) if password else None
