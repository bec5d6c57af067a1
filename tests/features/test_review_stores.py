"""Reviews read from either store make the same model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from kgrec import Recommender, RecommenderConfig
from kgrec.features.names import REVIEWS
from kgrec.stores import EmbeddedStore, Neo4jStore
from tests.features.test_reviews import frames, settings
from tests.fitting.test_leakage import assert_same_model
from tests.neo4j_server import Server, emptied
from tests.recommender import catalogs

pytestmark = [pytest.mark.slow, pytest.mark.neo4j]
__all__ = ["settings"]  # a fixture


def test_either_store_gives_the_same_model_and_scores(
    neo4j_server: Server, settings: RecommenderConfig, tmp_path: Path
) -> None:
    catalog = catalogs.catalog(**frames())
    emptied(neo4j_server)
    with (
        EmbeddedStore(tmp_path / "graph.kgl") as embedded,
        Neo4jStore(neo4j_server.uri, auth=neo4j_server.auth) as neo4j,
    ):
        for store in (embedded, neo4j):
            store.write(catalog)
        one, other = (Recommender(settings).fit(store) for store in (embedded, neo4j))
    assert one.state.engine.texts.items[REVIEWS].any()
    np.testing.assert_array_equal(
        one.state.engine.texts.items[REVIEWS], other.state.engine.texts.items[REVIEWS]
    )
    assert_same_model(one, other)
