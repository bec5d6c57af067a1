"""What a write would change, and a write that leaves exactly its catalog in the store."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
import pytest

from graph_schema.catalog import Catalog
from graph_schema.errors import CatalogError
from graph_schema.names import FRAMES
from kgrec.graph import read_snapshot
from kgrec.graph.source import catalog_snapshot
from kgrec.stores import FrameDifference, GraphStore, difference
from tests.graph.compare import assert_same_snapshot
from tests.graph_schema.samples import frames
from tests.stores.contract_queries import sample


def corrected() -> Catalog:
    """Other rows: i1 has another title and no year, u3 and its event are gone, a fact has come."""
    given = frames()
    given["users"] = given["users"][given["users"]["user_id"] != "u3"]
    given["items"].loc[given["items"]["item_id"] == "i1", "title"] = "One again"
    given["items"]["year"] = np.where(given["items"]["item_id"] == "i1", None, 2000)
    given["interactions"] = given["interactions"][given["interactions"]["user_id"] != "u3"]
    new = given["facts"].iloc[[0]].assign(relation="made_in")
    given["facts"] = pd.concat([given["facts"].iloc[1:], new])
    for name in ("reviews", "queries"):
        given[name] = given[name][given[name]["user_id"] != "u3"]
    kept = given["facts"]
    for end in ("head", "tail"):
        kept = kept[(kept[f"{end}_type"] != "user") | (kept[end] != "u3")]
    given["facts"] = kept
    return Catalog.from_frames(**given)


class ReplaceContract:
    def test_nothing_differs_after_a_write(self, store: GraphStore) -> None:
        catalog = sample()
        found = difference(store, catalog)
        assert {name: one.added for name, one in found.items()} == {
            name: catalog.tables[name].num_rows for name in FRAMES
        }
        assert all(one == FrameDifference(added=one.added) for one in found.values())
        assert store.row_counts() == dict.fromkeys(FRAMES, 0)
        store.write(catalog)
        for replaced in (False, True):
            found = difference(store, catalog, replace=replaced)
            assert found == {
                name: FrameDifference(unchanged=catalog.tables[name].num_rows) for name in FRAMES
            }
        assert store.row_counts() == {name: catalog.tables[name].num_rows for name in FRAMES}

    def test_the_difference_is_what_a_merge_does(self, store: GraphStore) -> None:
        store.write(sample())
        before = store.row_counts()
        news = Catalog.from_frames(
            users=pd.DataFrame({"user_id": ["u1", "u9"], "zip": ["999", None]}),
            items=pd.DataFrame({"item_id": ["i1", "i2"], "year": ["1999", "2002"]}),
            interactions=pd.DataFrame(
                {
                    "user_id": ["u1", "u1", "u1", "u9"],
                    "item_id": ["i1"] * 4,
                    "timestamp": [10, 10, 10, 30],
                    "event": ["view"] * 4,
                    "rating": [5.0, 1.0, 4.0, 3.0],
                }
            ),
        )
        found = difference(store, news)
        assert found["users"] == FrameDifference(1, 1, 0, 2)
        assert found["items"].added == 0
        assert found["items"].only_stored == 1
        assert found["interactions"] == FrameDifference(2, 1, 1, 2)
        assert found["facts"] == FrameDifference(only_stored=before["facts"])
        assert store.row_counts() == before
        store.write(news)
        after = store.row_counts()
        assert {name: after[name] - before[name] for name in FRAMES} == {
            name: one.added for name, one in found.items()
        }
        again = difference(store, news)
        assert {name: one.added for name, one in again.items()} == dict.fromkeys(FRAMES, 0)
        assert again["users"] == FrameDifference(unchanged=2, only_stored=2)

    def test_replacing_leaves_exactly_the_catalog(self, store: GraphStore) -> None:
        store.write(sample())
        other = corrected()
        found = difference(store, other, replace=True)
        assert found["users"] == FrameDifference(unchanged=2, only_stored=1)
        assert found["items"].changed >= 1
        assert found["interactions"] == FrameDifference(unchanged=3, only_stored=1)
        assert found["facts"].added == 1
        assert found["facts"].only_stored >= 1
        assert_same_snapshot(read_snapshot(store), catalog_snapshot(sample()))
        store.write(other, replace=True)
        assert_same_snapshot(read_snapshot(store), catalog_snapshot(other))
        assert store.row_counts() == {name: other.tables[name].num_rows for name in FRAMES}
        assert "made_in" in {edge.name for edge in store.edge_types()}
        assert store.search_text("again")[0].node.id == "i1"
        store.write(other, replace=True)
        assert_same_snapshot(read_snapshot(store), catalog_snapshot(other))
        store.write(sample(), replace=True)
        assert_same_snapshot(read_snapshot(store), catalog_snapshot(sample()))

    def test_replacing_an_empty_store_writes_it(self, store: GraphStore) -> None:
        store.write(sample(), replace=True)
        assert_same_snapshot(read_snapshot(store), catalog_snapshot(sample()))

    def test_replaced_columns_take_new_types(self, store: GraphStore) -> None:
        items = pd.DataFrame({"item_id": ["a"], "year": [1990], "old": [1]})
        store.write(Catalog.from_frames(items=items))
        words = Catalog.from_frames(
            items=pd.DataFrame({"item_id": ["a"], "year": ["c. 1990"], "title": ["A"]})
        )
        with pytest.raises(CatalogError, match=r"'c\. 1990' is not a number"):
            difference(store, words)
        assert difference(store, words, replace=True)["items"] == FrameDifference(changed=1)
        store.write(words, replace=True)
        [row] = [
            {name: value for name, value in one.items() if value is not None}
            for one in store.read_nodes("Item").to_pylist()
        ]
        assert row == {"id": "a", "year": "c. 1990", "title": "A"}

    def test_an_invalid_catalog_replaces_nothing(self, store: GraphStore) -> None:
        store.write(sample())
        broken = replace(
            sample(), tables={**sample().tables, "users": sample().tables["users"].slice(0, 1)}
        )
        for call in (store.write, partial(difference, store)):
            with pytest.raises(CatalogError):
                call(broken, replace=True)
        assert_same_snapshot(read_snapshot(store), catalog_snapshot(sample()))
