"""The store on a Neo4j server. The driver (the package ``neo4j``) loads when a store is opened."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Final

from kgrec.stores.kind import Access, StoreKind

if TYPE_CHECKING:
    from kgrec.stores.base import GraphStore

USER: Final = "KGREC_NEO4J_USER"
PASSWORD: Final = "KGREC_NEO4J_PASSWORD"
_DEFAULT_USER: Final = "neo4j"
_SCHEME: Final = re.compile(r"(bolt|neo4j)(\+s|\+ssc)?://", re.IGNORECASE)


def _names_store(address: str) -> bool:
    return _SCHEME.match(address) is not None


def _opens(address: str, access: Access) -> bool:
    return access.driver is not None or _names_store(address)


def _open(address: str, access: Access) -> GraphStore:
    from kgrec.stores.neo4j.store import Neo4jStore

    return Neo4jStore(
        address,
        auth=access.auth or _default_auth(),
        driver=access.driver,
        database=access.database,
        mapping=access.mapping,
    )


def _default_auth() -> tuple[str, str] | None:
    user, password = os.environ.get(USER), os.environ.get(PASSWORD)
    return (user or _DEFAULT_USER, password) if password else None


KIND: Final = StoreKind(
    name="neo4j",
    usage="bolt:// or neo4j:// (with +s for TLS) for a Neo4j server",
    server=True,
    opens=_opens,
    names_store=_names_store,
    open=_open,
    user=_DEFAULT_USER,
    password=PASSWORD,
)
