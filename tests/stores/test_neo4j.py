"""The Neo4j store on a real server: the contract, and what is special about a server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from kgrec.stores import Neo4jStore
from tests.neo4j_server import Server, emptied
from tests.stores.contract import StoreContract

pytestmark = pytest.mark.neo4j


@pytest.fixture
def store(neo4j_server: Server) -> Iterator[Neo4jStore]:
    emptied(neo4j_server)
    with Neo4jStore(neo4j_server.uri, auth=neo4j_server.auth) as store:
        yield store


class TestContract(StoreContract):
    """The contract."""
