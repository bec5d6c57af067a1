"""What every graph store must do with scenarios: nodes of their own that interactions name."""

from __future__ import annotations

import pandas as pd
import pytest

from graph_schema.catalog import Catalog
from graph_schema.errors import CatalogError
from kgrec.graph import GraphSnapshot, read_snapshot
from kgrec.stores import GraphStore
from tests.graph.compare import assert_same_snapshot
from tests.graph_schema.samples import ODD_IDS, frames


def described(snapshot: GraphSnapshot) -> dict[str, str]:
    """Each scenario's description, in the order of the rows."""
    scenarios = snapshot.scenarios
    return dict(zip(scenarios.ids, scenarios.attributes["description"], strict=True))


def events(*scenarios: str | None) -> pd.DataFrame:
    return pd.DataFrame({"user_id": "u", "item_id": "i", "scenario": list(scenarios)})


class ScenarioContract:
    def test_scenarios_come_back_with_what_is_said_of_them(self, store: GraphStore) -> None:
        store.write(Catalog.from_frames(**frames()))
        found = {row["id"]: row for row in store.read_nodes("Scenario").to_pylist()}
        assert found["web"] == {"id": "web", "description": "Pages in a browser.", "screen": 14}
        assert found["tv"] == {"id": "tv", "description": None, "screen": 50}
        snapshot = read_snapshot(store)
        assert described(snapshot) == {
            "tv": "",
            "app": "The app on a phone.",
            "web": "Pages in a browser.",
        }
        assert snapshot.scenarios.attributes["screen"].tolist() == [50, 6, 14]

    def test_scenarios_are_taken_from_interactions_where_none_are_given(
        self, store: GraphStore
    ) -> None:
        store.write(Catalog.from_frames(interactions=events("web", None, "app", "web")))
        assert store.node_counts()["Scenario"] == 2
        assert described(read_snapshot(store)) == {"app": "", "web": ""}

    def test_a_later_catalog_erases_no_description(self, store: GraphStore) -> None:
        store.write(Catalog.from_frames(**frames()))
        before = read_snapshot(store)
        store.write(Catalog.from_frames(scenarios=frames()["scenarios"]))
        assert_same_snapshot(read_snapshot(store), before)
        store.write(Catalog.from_frames(interactions=events("web", "new")))
        after = described(read_snapshot(store))
        assert after == {**described(before), "new": ""}
        gift = pd.DataFrame({"scenario_id": ["new"], "description": ["Presents."]})
        store.write(Catalog.from_frames(scenarios=gift))
        assert described(read_snapshot(store)) == {**after, "new": "Presents."}

    def test_scenarios_outlive_the_users_of_their_interactions(self, store: GraphStore) -> None:
        store.write(Catalog.from_frames(interactions=events("web"), **_described("web")))
        store.remove(users="u")
        left = read_snapshot(store)
        assert (len(left.interactions), described(left)) == (0, {"web": "web it is"})

    def test_odd_scenarios_survive(self, store: GraphStore) -> None:
        store.write(Catalog.from_frames(interactions=events(*ODD_IDS), **_described(*ODD_IDS)))
        expected = {odd: f"{odd} it is" for odd in ODD_IDS}
        assert described(read_snapshot(store)) == expected

    def test_a_scenario_that_is_not_listed_writes_nothing(self, store: GraphStore) -> None:
        bad = Catalog.from_frames(interactions=events("web", "wbe"), **_described("web"))
        with pytest.raises(CatalogError, match=r"row 1, column scenario: 'wbe' is not among"):
            store.write(bad)
        assert store.node_counts() == {}


def _described(*names: str) -> dict[str, pd.DataFrame]:
    result = [f"{name} it is" for name in names]
    return {"scenarios": pd.DataFrame({"scenario_id": list(names), "description": result})}
