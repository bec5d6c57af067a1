"""Whether rows that are to be written name people as the graph does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from kgrec.stores.base import GraphStore

if TYPE_CHECKING:
    from graph_schema.catalog import Catalog

_FIRST: Final = "MATCH (u:User) RETURN u.id AS id LIMIT 1"


def check_pseudonyms(store: GraphStore, catalog: Catalog) -> None:
    """Check before a write that a catalog's users are named as those of the graph are.

    Raises CatalogError if one has pseudonyms and the other has not, or theirs are of two keys;
    StoreError if the graph can't be read.
    """
    from graph_schema.privacy.pseudonyms import check_same_key

    check_same_key((str(row["id"]) for row in store.query(_FIRST)), catalog, store.uri)
