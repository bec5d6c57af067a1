"""What every graph store must do. A subclass gives the ``store`` fixture, an empty store."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pyarrow as pa
import pytest

from graph_schema.catalog import Catalog
from graph_schema.errors import CatalogError
from graph_schema.migration import latest_version
from graph_schema.privacy.key import PseudonymKey
from graph_schema.privacy.pseudonyms import pseudonymise
from kgrec.graph import read_snapshot
from kgrec.graph.news import updated
from kgrec.stores import EdgeType, GraphStore, NodeRef
from tests.graph.compare import assert_same_snapshot
from tests.graph_schema.samples import ODD_IDS, ODD_RELATIONS, frames
from tests.stores.contract_following import FollowingContract
from tests.stores.contract_queries import QueryContract, sample
from tests.stores.contract_removal import RemovalContract
from tests.stores.contract_replace import ReplaceContract
from tests.stores.contract_scenarios import ScenarioContract
from tests.stores.contract_text import TextContract
from tests.stores.contract_vectors import VectorContract

INTERACTED = EdgeType("User", "INTERACTED", "Item")


def rows(table) -> list[dict]:
    """Rows of an Arrow table without absent values, in an order of their own."""
    found = [{k: v for k, v in row.items() if v is not None} for row in table.to_pylist()]
    return sorted(found, key=str)


class StoreContract(
    FollowingContract,
    QueryContract,
    RemovalContract,
    ReplaceContract,
    ScenarioContract,
    TextContract,
    VectorContract,
):
    def test_nodes_come_back_with_their_types(self, store: GraphStore) -> None:
        store.write(sample())
        users = store.read_nodes("User")
        assert rows(users) == [
            {"id": "u1", "zip": "02139"},
            {"id": "u2", "zip": "48067"},
            {"id": "u3", "zip": "1"},
        ]
        items = {row["id"]: row for row in rows(store.read_nodes("Item"))}
        assert items["i1"] == {"id": "i1", "title": "One", "year": 1999, "genres": "a|b"}
        assert items["i3"] == {"id": "i3", "year": 2003}
        assert store.node_counts() == {
            "Entity": 2,
            "Item": 3,
            "Query": store.node_counts()["Query"],
            "Review": store.node_counts()["Review"],
            "Scenario": 3,
            "User": 3,
        }

    def test_chosen_columns_only(self, store: GraphStore) -> None:
        store.write(sample())
        table = store.read_nodes("Item", ["year", "never_seen"])
        assert table.column_names == ["id", "year", "never_seen"]
        assert table["never_seen"].null_count == 3
        assert store.read_edges(INTERACTED, []).column_names == ["source", "target"]

    def test_an_empty_store_reads_as_empty(self, store: GraphStore) -> None:
        assert store.read_nodes("User").num_rows == 0
        assert store.read_edges(INTERACTED).num_rows == 0
        assert store.edge_types() == []
        assert store.node_counts() == {}
        assert store.neighbours(NodeRef("User", "u1")) == []
        assert store.paths(NodeRef("User", "u1"), NodeRef("Item", "i1")) == []
        assert store.schema_version() == 0
        assert len(read_snapshot(store).interactions) == 0

    def test_interactions_keep_every_event_and_attribute(self, store: GraphStore) -> None:
        store.write(sample())
        found = rows(store.read_edges(INTERACTED))
        assert len(found) == 4
        seen = {
            "source": "u1",
            "target": "i1",
            "rating": 5.0,
            "timestamp": 10,
            "event": "view",
            "scenario": "web",
            "split": "train",
            "device": "tv",
        }
        assert found.count(seen) == 2
        assert {"source": "u3", "target": "i3", "split": "test"} in found

    def test_edge_types_have_counts(self, store: GraphStore) -> None:
        store.write(sample())
        counted = {(e.source_label, e.name, e.target_label): e.count for e in store.edge_types()}
        assert counted["User", "INTERACTED", "Item"] == 4
        assert counted["Item", "directed_by", "Entity"] == 1
        assert counted["User", "FOLLOWS", "User"] == 1
        assert counted["User", "WROTE", "Review"] == counted["Review", "ABOUT", "Item"]
        assert [e.name for e in store.edge_types()] == sorted(e.name for e in store.edge_types())

    def test_writing_twice_changes_nothing(self, store: GraphStore) -> None:
        report = store.write(sample())
        before, types = read_snapshot(store), store.edge_types()
        assert report.rows["interactions"] == 4
        store.write(sample())
        assert store.edge_types() == types
        assert_same_snapshot(read_snapshot(store), before)

    def test_row_order_does_not_matter(self, store: GraphStore) -> None:
        store.write(sample())
        before = read_snapshot(store)
        shuffled = {name: frame.iloc[::-1] for name, frame in frames().items()}
        store.write(Catalog.from_frames(**shuffled))
        assert_same_snapshot(read_snapshot(store), before)

    def test_later_catalog_updates_and_erases_nothing(self, store: GraphStore) -> None:
        store.write(sample())
        store.write(
            Catalog.from_frames(
                users=pd.DataFrame({"user_id": ["u1", "u9"], "zip": ["999", None]}),
                items=pd.DataFrame({"item_id": ["i1"], "title": [""], "price": [2.5]}),
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
        )
        users = {row["id"]: row for row in rows(store.read_nodes("User"))}
        assert users["u1"]["zip"] == "999"
        assert users["u2"]["zip"] == "48067"
        item = next(row for row in rows(store.read_nodes("Item")) if row["id"] == "i1")
        assert item == {"id": "i1", "title": "One", "year": 1999, "genres": "a|b", "price": 2.5}
        found = rows(store.read_edges(INTERACTED))
        mine = [row for row in found if row["source"] == "u1"]
        # Two of the three were stored: one is updated, both keep their device; the third is new.
        assert sorted(row["rating"] for row in mine) == [1.0, 4.0, 5.0]
        assert sum(row.get("device") == "tv" for row in mine) == 2
        assert len(found) == 6

    def test_an_empty_value_erases_where_asked_for_as_in_an_update(self, store: GraphStore) -> None:
        items = pd.DataFrame(
            {
                "item_id": ["i1", "i2", "new"],
                "title": ["", "Two again", "New"],
                "year": pd.array([None, 2010, None], dtype="Int64"),
                "genres": ["c", None, ""],
                "never seen": [None, None, None],
            }
        )
        events = pd.DataFrame({"user_id": ["u1"], "item_id": ["i3"]})
        news = Catalog.from_frames(items=items)
        store.write(sample())
        expected = updated(read_snapshot(store), news, erase_empty=True)
        store.write(news, erase_empty=True)
        found = {row["id"]: row for row in rows(store.read_nodes("Item"))}
        assert found["i1"] == {"id": "i1", "title": "One", "genres": "c"}
        assert found["i2"] == {"id": "i2", "title": "Two again", "year": 2010}
        assert found["i3"] == {"id": "i3", "year": 2003}
        before = read_snapshot(store)
        pd.testing.assert_frame_equal(
            before.items.attributes, expected.items.attributes[before.items.attributes.columns]
        )
        store.write(news, erase_empty=True)
        store.write(Catalog.from_frames(interactions=events), erase_empty=True)
        pd.testing.assert_frame_equal(
            read_snapshot(store).items.attributes, before.items.attributes
        )

    def test_attributes_take_the_types_that_the_graph_has(self, store: GraphStore) -> None:
        items = {"instock": [True, False], "year": [1990, 1991], "price": [0.5, 2.0]}
        items |= {"size": ["XL", "02"], "item_id": ["a", "b"]}
        store.write(Catalog.from_frames(items=pd.DataFrame(items)))
        before = store.read_nodes("Item").schema
        news = {"item_id": ["b", "c"], "instock": [1, 0], "year": ["2001", " 7 "]}
        news |= {"price": [3, 4], "size": [5, 6], "new": [1, 2]}
        later = Catalog.from_frames(items=pd.DataFrame(news))
        expected = updated(read_snapshot(store), later)
        store.write(later)
        found = {row["id"]: row for row in rows(store.read_nodes("Item"))}
        assert found["b"] == {
            "id": "b", "instock": True, "year": 2001, "price": 3.0, "size": "5", "new": 1
        }  # fmt: skip
        assert found["c"] == {
            "id": "c", "instock": False, "year": 7, "price": 4.0, "size": "6", "new": 2
        }  # fmt: skip
        after = store.read_nodes("Item").schema
        assert {name: after.field(name).type for name in before.names} == {
            name: before.field(name).type for name in before.names
        }
        assert_same_snapshot(read_snapshot(store), expected)
        store.write(later)
        assert_same_snapshot(read_snapshot(store), expected)

    @pytest.mark.parametrize(
        ("column", "value", "word"),
        [
            ("year", "c. 1990", "a number"),
            ("year", "inf", "a number"),
            ("year", True, "a number"),
            ("instock", "maybe", "a boolean"),
            ("instock", 2.5, "a boolean"),
        ],
    )
    @pytest.mark.parametrize("erase_empty", [False, True])
    def test_a_value_without_a_form_in_the_type_of_its_column_writes_nothing(
        self, store: GraphStore, column: str, value: object, word: str, erase_empty: bool
    ) -> None:
        items = {"item_id": ["a", "b"], "instock": [True, False], "year": [1990, 1991]}
        store.write(Catalog.from_frames(items=pd.DataFrame(items)))
        before = read_snapshot(store)
        news = pd.DataFrame({"item_id": ["a", "new"], column: [None, value]})
        events = pd.DataFrame({"user_id": ["u"], "item_id": ["new"]})
        words = f"items frame, row 1, column {column}: '{value}' is not {word}.*Cure: give"
        with pytest.raises(CatalogError, match=words):
            store.write(
                Catalog.from_frames(items=news, interactions=events), erase_empty=erase_empty
            )
        assert_same_snapshot(read_snapshot(store), before)
        assert store.node_counts() == {"Item": 2}

    def test_a_fraction_beside_whole_numbers_stays_a_number(self, store: GraphStore) -> None:
        for value in (7, 9.5, 8, 1.25):
            items = pd.DataFrame({"item_id": [f"i{value}"], "size": [value]})
            store.write(Catalog.from_frames(items=items))
        table = store.read_nodes("Item")
        assert dict(zip(table["id"].to_pylist(), table["size"].to_pylist(), strict=True)) == {
            "i7": 7.0, "i9.5": 9.5, "i8": 8.0, "i1.25": 1.25
        }  # fmt: skip
        assert table["size"].type == pa.float64()

    def test_a_column_whose_values_are_erased_takes_any_type(self, store: GraphStore) -> None:
        items = pd.DataFrame({"item_id": ["a"], "size": [1]})
        store.write(Catalog.from_frames(items=items))
        store.write(Catalog.from_frames(items=items.assign(size=None)), erase_empty=True)
        store.write(Catalog.from_frames(items=items.assign(size="XL")))
        assert rows(store.read_nodes("Item")) == [{"id": "a", "size": "XL"}]

    @pytest.mark.parametrize(("first", "second"), [(0.5, [0.5]), ([0.5], 0.5), ([0.5], "text")])
    def test_vectors_and_attributes_of_one_name_are_refused(
        self, store: GraphStore, first: object, second: object
    ) -> None:
        items = pd.DataFrame({"item_id": ["a"], "x": [first]})
        store.write(Catalog.from_frames(items=items))
        later = pd.DataFrame({"item_id": ["b"], "x": [second]})
        with pytest.raises(CatalogError, match=r"column x: the graph has .* of this name"):
            store.write(Catalog.from_frames(items=later))
        assert store.node_counts() == {"Item": 1}

    def test_absent_empty_and_missing_differ(self, store: GraphStore) -> None:
        items = pd.DataFrame(
            {
                "item_id": ["a", "b", "c"],
                "note": pd.Series(["", None, "x"], dtype=object),
                "price": [0.0, float("nan"), -1.5],
                "stock": pd.array([2**53 + 1, None, 0], dtype="Int64"),
                "new": pd.array([True, None, False], dtype="boolean"),
                "type": pd.Series([None, "", "film"], dtype=object),
            }
        )
        catalog = Catalog.from_frames(items=items.drop(columns=["note", "type"]))
        table = catalog.tables["items"]  # from_frames would make "" absent
        for name in ("note", "type"):
            table = table.append_column(name, pa.array(list(items[name]), pa.string()))
        store.write(replace(catalog, tables={**catalog.tables, "items": table}))
        found = {row.pop("id"): row for row in rows(store.read_nodes("Item"))}
        assert found["a"] == {"note": "", "price": 0.0, "stock": 2**53 + 1, "new": True}
        assert found["b"] == {"type": ""}
        assert found["c"] == {
            "note": "x",
            "price": -1.5,
            "stock": 0,
            "new": False,
            "type": "film",
        }

    def test_odd_ids_survive(self, store: GraphStore) -> None:
        """All at once: no id is taken for another one either."""
        ids = list(ODD_IDS)
        own = pd.DataFrame({"user_id": ids, "item_id": ids, "scenario": ids})
        plain = pd.DataFrame({"user_id": "plain", "item_id": ids})
        facts = pd.DataFrame({"head": ids, "head_type": "item", "relation": "r", "tail": ids})
        catalog = Catalog.from_frames(
            interactions=pd.concat([own, plain]), facts=facts.assign(tail_type="entity")
        )
        store.write(catalog)
        store.write(catalog)
        expected = [{"source": odd, "target": odd, "scenario": odd} for odd in ids]
        expected += [{"source": "plain", "target": odd} for odd in ids]
        assert rows(store.read_edges(INTERACTED)) == sorted(expected, key=str)
        assert sorted(read_snapshot(store).entities.ids) == sorted(ids)
        for odd in ids:
            near = store.neighbours(NodeRef("Item", odd), relations=["r"])
            assert [(n.node, n.outgoing) for n in near] == [(NodeRef("Entity", odd), True)]
            found = store.paths(NodeRef("User", "plain"), NodeRef("Entity", odd))
            assert [path.relations for path in found] == [("INTERACTED", "r")]
        for left, odd in zip(reversed(range(len(ids))), ids, strict=True):
            assert store.remove(users=odd).rows["users"] == 1
            assert store.node_counts()["User"] == left + 1

    def test_odd_relation_names_survive(self, store: GraphStore) -> None:
        facts = pd.DataFrame({"head": "a", "head_type": "item", "relation": list(ODD_RELATIONS)})
        facts = facts.assign(tail="b", tail_type="entity", **{"odd `x`": range(len(facts))})
        catalog = Catalog.from_frames(facts=facts)
        store.write(catalog)
        store.write(catalog)
        kinds = [EdgeType("Item", odd, "Entity", 1) for odd in ODD_RELATIONS]
        assert store.edge_types() == sorted(kinds, key=lambda kind: kind.name)
        for place, kind in enumerate(kinds):
            own = {"odd `x`": place}
            assert rows(store.read_edges(kind)) == [{"source": "a", "target": "b", **own}]
            near = store.neighbours(NodeRef("Entity", "b"), relations=[kind.name])
            assert [(n.relation, n.outgoing, n.properties) for n in near] == [
                (kind.name, False, own)
            ]

    def test_one_relation_between_several_label_pairs(self, store: GraphStore) -> None:
        facts = pd.DataFrame(
            {
                "head": ["x", "x", "x"],
                "head_type": ["item", "item", "user"],
                "relation": ["likes"] * 3,
                "tail": ["x", "x", "x"],
                "tail_type": ["entity", "user", "item"],
            }
        )
        store.write(Catalog.from_frames(facts=facts))
        store.write(Catalog.from_frames(facts=facts))
        kinds = [(e.source_label, e.target_label, e.count) for e in store.edge_types()]
        assert kinds == [("Item", "Entity", 1), ("Item", "User", 1), ("User", "Item", 1)]
        for kind in store.edge_types():
            assert store.read_edges(kind).num_rows == 1

    def test_migrate_brings_an_empty_store_to_this_version(self, store: GraphStore) -> None:
        assert store.schema_version() == 0
        assert store.migrate() == latest_version() == store.schema_version()
        assert store.migrate() == latest_version()
        store.write(sample())
        assert store.schema_version() == latest_version()

    def test_a_bad_catalog_writes_nothing(self, store: GraphStore) -> None:
        bad = Catalog.from_frames(
            users=pd.DataFrame({"user_id": ["u"]}),
            items=pd.DataFrame({"item_id": ["i"]}),
            interactions=pd.DataFrame({"user_id": ["u"], "item_id": ["gone"]}),
        )
        with pytest.raises(CatalogError, match="gone"):
            store.write(bad)
        assert store.node_counts() == {}

    def test_progress_is_reported(self, store: GraphStore) -> None:
        seen: list[tuple[str, int, int]] = []
        store.write(sample(), progress=lambda *step: seen.append(step))
        last = {what: (done, total) for what, done, total in seen}
        assert last["User"] == (3, 3)
        assert last["INTERACTED"] == (4, 4)

    def test_many_events_merge_as_few_do(self, store: GraphStore) -> None:
        """More rows than any batch, half of them stored before."""
        n = 25_000
        frame = pd.DataFrame(
            {
                "user_id": [f"u{i % 250}" for i in range(n)],
                "item_id": [f"i{i % 40}" for i in range(n)],
                "timestamp": [i // 1_000 for i in range(n)],
                "rating": [float(i % 5) for i in range(n)],
            }
        )
        store.write(Catalog.from_frames(interactions=frame.iloc[: n // 2]))
        store.write(Catalog.from_frames(interactions=frame))
        assert store.edge_types() == [EdgeType("User", "INTERACTED", "Item", n)]
        store.write(Catalog.from_frames(interactions=frame.sample(frac=1, random_state=1)))
        table = store.read_edges(INTERACTED).to_pandas()
        expected = frame.rename(columns={"user_id": "source", "item_id": "target"})
        names = ["source", "target", "timestamp", "rating"]
        pd.testing.assert_frame_equal(
            table[names].sort_values(names, ignore_index=True),
            expected[names].sort_values(names, ignore_index=True),
            check_dtype=False,
        )

    def test_people_are_named_in_one_way(self, store: GraphStore) -> None:
        """A graph of pseudonyms takes no plain ids, nor the other way round, unless replaced."""
        named = sample()
        hidden = pseudonymise(named, PseudonymKey(b"k" * 32))
        other = pseudonymise(named, PseudonymKey(b"o" * 32))
        store.write(hidden)
        store.write(hidden)
        counts = store.node_counts()
        for wrong, message in ((named, "by their own ids"), (other, "those of the key")):
            with pytest.raises(CatalogError, match=message):
                store.write(wrong)
        assert store.node_counts() == counts
        store.write(named, replace=True)
        with pytest.raises(CatalogError, match="these rows have pseudonyms"):
            store.write(hidden)
