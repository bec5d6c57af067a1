"""The Cypher of explained paths on a real Neo4j, as the benchmark puts it."""

from __future__ import annotations

import pytest

from benchmarks.explanations.paths import reproduced
from benchmarks.harness.stores import neo4j
from kgrec import Recommender
from tests.neo4j_server import Server
from tests.recommender import catalogs


@pytest.mark.neo4j
def test_every_path_comes_back_from_neo4j(
    neo4j_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = Recommender(catalogs.config(epochs=2)).fit(catalogs.catalog())
    result = model.explain_all("u1", model.recommend("u1", k=10)["item_id"].tolist(), k=10)
    paths = [path for one in result for path in one.paths]
    assert len({path.kind for path in paths}) > 2
    monkeypatch.setenv("KGREC_BENCH_NEO4J", neo4j_server.uri)
    monkeypatch.setenv("KGREC_BENCH_NEO4J_USER", neo4j_server.user)
    monkeypatch.setenv("KGREC_BENCH_NEO4J_PASSWORD", neo4j_server.password)
    with neo4j(catalogs.catalog()) as store:
        assert store is not None
        assert reproduced(store, paths) == [True] * len(paths)


def test_without_a_server_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KGREC_BENCH_NEO4J", raising=False)
    with neo4j(catalogs.catalog()) as store:
        assert store is None
