"""Opening the store a command names, with the password kept out of sight."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import typer

import kgrec
from graph_schema.errors import StoreFileError
from graph_schema.mapping import GraphMapping
from kgrec.stores.base import GraphStore

PASSWORD = "KGREC_NEO4J_PASSWORD"


def is_address(store: str) -> bool:
    """Whether this names a server (neo4j://host) rather than a file."""
    return "://" in store


def open_store(
    store: str,
    *,
    user: str | None = None,
    database: str | None = None,
    mapping: Path | None = None,
    create: bool = False,
) -> GraphStore:
    """The store behind a path or address; ``mapping`` is a GraphMapping's file.

    Raises StoreFileError where a file is to be read that does not exist, and StoreError's other
    kinds where a server cannot be reached or refuses the password.
    """
    names = None if mapping is None else GraphMapping.load(mapping)
    if not is_address(store):
        if not create and not Path(store).exists():
            raise StoreFileError(
                f"there is no store {store}; make it with: kgrec load FOLDER --store {store}"
            )
        Path(store).absolute().parent.mkdir(parents=True, exist_ok=True)
        return kgrec.connect(store, mapping=names)
    return kgrec.connect(store, auth=_auth(store, user), database=database, mapping=names)


def _auth(store: str, user: str | None) -> tuple[str, str] | None:
    password = os.environ.get(PASSWORD)
    if password is None and sys.stdin.isatty():
        shown = store.rpartition("@")[2]
        password = typer.prompt(f"Password for {shown}", hide_input=True, err=True, default="")
    return (user or "neo4j", password) if password else None
