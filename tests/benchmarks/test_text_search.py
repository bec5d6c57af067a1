"""The benchmark of search on a small catalog: each store's full-text index is put to the test."""

from __future__ import annotations

import pytest

from benchmarks.texts import search as text_search
from tests.neo4j_server import Server
from tests.recommender import catalogs


@pytest.mark.neo4j
@pytest.mark.slow
def test_neo4js_index_is_a_control_where_a_server_is_named(
    neo4j_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the server held before is gone, and its index ranks as the embedded store's."""
    monkeypatch.setattr(text_search, "load", lambda name: catalogs.catalog())
    monkeypatch.setenv("KGREC_BENCH_NEO4J", neo4j_server.uri)
    monkeypatch.setenv("KGREC_BENCH_NEO4J_USER", neo4j_server.user)
    monkeypatch.setenv("KGREC_BENCH_NEO4J_PASSWORD", neo4j_server.password)
    found = text_search.measure("ml-1m-kg", "test", 10)
    assert set(found["mrr"]) == {"kgrec", "dense", "full text", "full text of Neo4j"}
    assert found["mrr"]["full text of Neo4j"] == found["mrr"]["full text"]
    assert 0 < found["mrr"]["full text"]["missing word"] <= 1
    assert set(found["ahead"]) == {"dense", "full text", "full text of Neo4j"}
