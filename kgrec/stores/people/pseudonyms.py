"""Whether rows that are to be written name people as the graph does."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from graph_schema.catalog import Catalog
    from kgrec.stores.base import GraphStore

FIRST_USER: Final = "MATCH (u:User) RETURN u.id AS id LIMIT 1"


def check_same_key(stored: Iterable[str], catalog: Catalog, place: str) -> None:
    """``graph_schema.privacy.pseudonyms.check_same_key``, which is imported when it is needed."""
    from graph_schema.privacy import pseudonyms

    pseudonyms.check_same_key(stored, catalog, place)


def check_pseudonyms(store: GraphStore, catalog: Catalog) -> None:
    """Check before a write that a catalog's users are named as those of the graph are.

    Raises CatalogError if one has pseudonyms and the other has not, or theirs are of two keys;
    StoreError if the graph can't be read.
    """
    check_same_key((str(row["id"]) for row in store.query(FIRST_USER)), catalog, store.uri)
