"""``--pseudonymise``: the key by which ids of people on the command line and in files become those
that the graph has."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from graph_schema import Catalog
    from graph_schema.privacy.key import PseudonymKey
    from kgrec.stores import GraphStore

_FILE: ContextVar[Path | None] = ContextVar("pseudonym_key", default=None)
_USER_COLUMNS: Final = {"user_id": None, "head": "head_type", "tail": "tail_type"}


def forget_key() -> None:
    """Forget the key of the command that this process ran before."""
    _FILE.set(None)


def _remember(path: Path | None) -> Path | None:
    _FILE.set(path)
    return path


PseudonymiseOption = Annotated[
    Path | None,
    typer.Option(
        "--pseudonymise",
        metavar="KEYFILE",
        envvar="KGREC_PSEUDONYM_KEY",
        callback=_remember,
        is_eager=True,
        help="User ids are pseudonyms in the graph, made with this key (kgrec pseudonyms).",
    ),
]


def given_key(apart_from: Iterable[str | Path | None] = ()) -> PseudonymKey | None:
    """The key of the running command; None without one.

    Raises RequestError for a file that holds none, or is kept beside one of these stores or models.
    """
    path = _FILE.get()
    if path is None:
        return None
    from graph_schema.privacy.key import read_key

    return read_key(path, apart_from=[one for one in apart_from if one is not None])


def stored_ids(ids: Sequence[str] | None) -> list[str] | None:
    """Ids of users as the graph has them."""
    if ids is None:
        return None
    key = given_key()
    return list(ids) if key is None else key.stored(ids)


def with_stored_ids(frame: pd.DataFrame) -> pd.DataFrame:
    """Rows of a table with the ids of users as the graph has them."""
    key = given_key()
    if key is None or "user_id" not in frame:
        return frame
    return frame.assign(user_id=key.stored([str(one) for one in frame["user_id"]]))


def rows_with_stored_ids(table: pa.Table) -> pa.Table:
    """The same for interactions and facts, whose users stand in ``head`` and ``tail``."""
    key = given_key()
    if key is None:
        return table
    import pyarrow as pa

    for column, kind in _USER_COLUMNS.items():
        if column in table.column_names and (kind is None or kind in table.column_names):
            ids = [None if one is None else str(one) for one in table.column(column).to_pylist()]
            users = [True] * len(ids) if kind is None else _of_users(table, kind)
            changed = [
                key.stored([one])[0] if one is not None and is_user else one
                for one, is_user in zip(ids, users, strict=True)
            ]
            place = table.column_names.index(column)
            table = table.set_column(place, column, pa.array(changed, pa.string()))
    return table


def _of_users(table: pa.Table, kind: str) -> list[bool]:
    return [one == "user" for one in table.column(kind).to_pylist()]


def with_pseudonyms(catalog: Catalog, key: PseudonymKey | None) -> Catalog:
    """The catalog with pseudonyms, where there is a key. Raises CatalogError."""
    if key is None:
        return catalog
    from graph_schema.privacy.pseudonyms import pseudonymise

    return pseudonymise(catalog, key)


def check_names(graph: GraphStore, catalog: Catalog) -> None:
    """Raises CatalogError where a catalog's users are not named as those of the store are."""
    from kgrec.stores.people.pseudonyms import check_pseudonyms

    check_pseudonyms(graph, catalog)


def stored_nodes(nodes: Sequence[str] | None) -> list[str]:
    """Nodes such as User:1 with the ids of users as the graph has them."""
    key = given_key() if nodes else None
    if key is None:
        return list(nodes or ())
    start = "User:"
    return [
        start + key.stored([one.removeprefix(start)])[0] if one.startswith(start) else one
        for one in nodes or ()
    ]
