"""Numbers that describe scenarios: what they say of themselves, how busy they are, attributes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from kgrec.features.scenario_features import STATISTICS, feature_size, scenario_features
from kgrec.features.texts import NOTHING, TextReader, scenario_documents, scenarios_of
from kgrec.graph import GraphSnapshot
from kgrec.graph.snapshot import NodeTable
from tests.recommender import catalogs

DESCRIBED = pd.DataFrame(
    {
        "scenario_id": ["app", "web", "kiosk"],
        "description": ["", "At the desk", ""],
        "screen": [None, "wide", "wide"],
        "floor": [None, None, 3],
    }
)


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> GraphSnapshot:
    folder = tmp_path_factory.mktemp("scenarios")
    return catalogs.snapshot(folder, catalogs.catalog(scenarios=DESCRIBED))


def features(graph: GraphSnapshot, vectors: np.ndarray = NOTHING) -> dict[str, np.ndarray]:
    scenarios = scenarios_of(graph)
    rows = scenario_features(scenarios, graph.interactions, vectors)
    assert rows.dtype == np.float32
    assert rows.shape == (len(scenarios), feature_size(vectors))
    return dict(zip(scenarios.ids, rows, strict=True))


def test_a_scenario_is_told_by_how_much_happened_there(graph: GraphSnapshot) -> None:
    rows = features(graph)
    assert set(rows) == {"app", "web", "kiosk"}
    seen = graph.interactions
    inside = seen.scenario == "web"
    n, users = inside.sum(), len(np.unique(seen.user[inside]))
    expected = [n, users, len(np.unique(seen.item[inside])), n / users]
    np.testing.assert_allclose(rows["web"][:STATISTICS], np.log1p(expected) / 10, rtol=1e-5)
    assert not rows["kiosk"][:STATISTICS].any()


def test_equal_attributes_are_equal_numbers(graph: GraphSnapshot) -> None:
    rows = {name: row[STATISTICS:] for name, row in features(graph).items()}
    assert not rows["app"].any()
    assert np.linalg.norm(rows["web"]) == pytest.approx(1)
    assert rows["web"] @ rows["kiosk"] > 0.5
    assert not np.allclose(rows["web"], rows["kiosk"])  # its floor


def test_what_scenarios_say_comes_first(graph: GraphSnapshot) -> None:
    vectors = np.eye(3, 5, dtype=np.float32)
    rows = features(graph, vectors)
    np.testing.assert_array_equal(np.stack(list(rows.values()))[:, :5], vectors)


def test_one_scenario_by_itself_has_the_same_numbers(graph: GraphSnapshot) -> None:
    """So a new one can be described without the others."""
    scenarios = scenarios_of(graph)
    row = int(scenarios.rows(["web"])[0])
    alone = NodeTable("Scenario", scenarios.ids[[row]], scenarios.attributes.iloc[[row]])
    one = scenario_features(alone, graph.interactions, NOTHING)[0]
    np.testing.assert_array_equal(one, features(graph)["web"])


def test_documents_name_attributes_and_description(graph: GraphSnapshot) -> None:
    documents = dict(
        zip(scenarios_of(graph).ids, scenario_documents(scenarios_of(graph)), strict=True)
    )
    assert documents["web"].startswith("web. screen: wide.")
    assert documents["web"].endswith("At the desk.")
    assert documents["app"] == "app."


def test_descriptions_are_read_where_there_are_any_or_a_head_asks(
    graph: GraphSnapshot, tmp_path: Path
) -> None:
    plain = catalogs.snapshot(tmp_path)
    for head, of, read in (
        ("adapter", graph, True),
        ("adapter", plain, False),
        ("hyper", plain, True),
    ):
        reader = TextReader(catalogs.config({"use_text": True, "head": head}))
        vectors = reader.read_scenarios(scenarios_of(of))
        assert len(vectors) == (len(scenarios_of(of)) if read else 0)
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-3)
    reader = TextReader(catalogs.config({"use_text": False, "head": "hyper"}))
    assert reader.read_scenarios(scenarios_of(graph)).shape == (0, 0)
