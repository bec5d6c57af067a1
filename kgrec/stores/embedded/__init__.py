"""The store in one local file. The graph is held by a process of its own, see ``client.py``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from graph_schema.errors import StoreError
from kgrec.stores.kind import Access, StoreKind

if TYPE_CHECKING:
    from kgrec.stores.base import GraphStore

SUFFIX: Final = ".kgl"


def _opens(address: str, access: Access) -> bool:
    return "://" not in address


def _names_store(address: str) -> bool:
    return _opens(address, Access()) and Path(address).suffix == SUFFIX


def _open(address: str, access: Access) -> GraphStore:
    from kgrec.stores.embedded.store import EmbeddedStore

    if access.mapping is not None:
        raise StoreError(f"{address}: a mapping is for a Neo4j graph. Cure: leave it out.")
    return EmbeddedStore(address)


KIND: Final = StoreKind(
    name="embedded",
    usage="a file path for an embedded store",
    server=False,
    opens=_opens,
    names_store=_names_store,
    open=_open,
)
