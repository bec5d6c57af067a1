"""Scenarios of the graph at request time: without rows, with one, new, and gone again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from graph_schema import Catalog
from kgrec import Recommender
from kgrec.errors import RequestError
from kgrec.graph.snapshot import no_scenarios
from tests.recommender import catalogs

NAMES = pd.DataFrame(
    {"scenario_id": ["web", "app", "gift"], "description": ["Pages.", "", "Presents."]}
)


@pytest.fixture(scope="module")
def model() -> Recommender:
    """Scenarios web and app as in the sample, gift without an interaction; no head."""
    catalog = catalogs.catalog(scenarios=NAMES)
    return Recommender(catalogs.config({"head": "none"}, refit=False)).fit(catalog, seed=0)


def test_a_scenario_without_rows_gets_the_shared_answer(model: Recommender) -> None:
    shared = model.recommend(["u0", "u1"])
    pd.testing.assert_frame_equal(model.recommend(["u0", "u1"], scenario="gift"), shared)
    assert model.state.engine.vocabulary.scenarios.tolist() == ["app", "web", "gift"]


def test_an_unknown_scenario_is_named_with_those_that_are_known(model: Recommender) -> None:
    with pytest.raises(RequestError, match=r"unknown scenario 'tv'; the model knows 'app', 'web'"):
        model.recommend(["u0"], scenario="tv")


def test_a_scenario_that_an_update_brings_needs_adapting(
    model: Recommender, tmp_path: Path
) -> None:
    model.save(tmp_path / "model")
    updated = Recommender.load(tmp_path / "model")
    result = updated.snapshot.scenarios.attributes["description"].tolist()
    assert result == ["", "Pages.", "Presents."]
    news = pd.DataFrame({"user_id": ["u0"], "item_id": ["i1"], "scenario": ["tv"]})
    updated.update(Catalog.from_frames(interactions=news))
    assert updated.snapshot.scenarios.ids.tolist() == ["tv", "app", "web", "gift"]
    with pytest.raises(RequestError, match=r"new in the graph: add it to the model"):
        updated.recommend(["u0"], scenario="tv")


@pytest.mark.slow
@pytest.mark.parametrize("head", ["none", "adapter"])
def test_a_scenario_with_one_row_trains_and_answers(head: str) -> None:
    events = catalogs.frames()["interactions"]
    events["scenario"] = ["once", *["web"] * (len(events) - 1)]
    catalog = catalogs.catalog(interactions=events)
    fitted = Recommender(catalogs.config({"head": head}, refit=False)).fit(catalog, seed=0)
    assert fitted.state.engine.vocabulary.scenarios.tolist() == ["web", "once"]
    assert len(fitted.recommend(["u0"], scenario="once")) == 10


@pytest.mark.slow
def test_a_scenario_that_vanished_from_the_graph_is_still_answered() -> None:
    fitted = Recommender(catalogs.config({"head": "adapter"}, refit=False))
    engine = fitted.fit(catalogs.catalog(), seed=0).state.engine
    left = engine.snapshot.without(engine.snapshot.interactions.scenario == "app")
    left = replace(left, scenarios=no_scenarios())
    fitted = Recommender.of(replace(fitted.state, engine=engine.over(left, engine.texts)))
    assert len(fitted.recommend(["u0"], scenario="app")) == 10
