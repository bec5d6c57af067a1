"""What every store says of what is new since a time, and of events that are records of services."""

from __future__ import annotations

import pandas as pd

from graph_schema import Catalog
from graph_schema.names import CHANGED, RECORD
from kgrec import GraphStore
from kgrec.graph.read import read_snapshot
from kgrec.stores.base import EdgeType
from kgrec.stores.following.changes import ChangedNode, StoredFact, read_changes
from kgrec.stores.following.stamp import stamped
from tests.graph.compare import assert_same_snapshot

_EDGE = EdgeType("User", "INTERACTED", "Item")


def events(*rows: tuple[str, str, int, str | None], **more: int) -> pd.DataFrame:
    names = ("user_id", "item_id", "timestamp", RECORD)
    return pd.DataFrame([dict(zip(names, row, strict=True)) | more for row in rows])


class FollowingContract:
    def test_what_is_new_since_a_time(self, store: GraphStore) -> None:
        rows = [("u1", "i1", 10, None), ("u1", "i2", 20, "me-1"), ("u1", "i3", 20, "other-1")]
        facts = pd.DataFrame(
            [
                {"head": "i1", "head_type": "item", "relation": "made_by"}
                | {"tail": "e1", "tail_type": "entity"}
            ]
        )
        store.write(Catalog.from_frames(interactions=events(*rows), facts=facts))
        late = events(("u2", "i1", 5, None), **{CHANGED: 30})
        items = pd.DataFrame([{"item_id": "i1", "title": "One", CHANGED: 30}])
        store.write(Catalog.from_frames(interactions=late, items=items))
        found = read_changes(store, 15, 25, "me-")
        said = [(row["user"], row["item"], row["timestamp"]) for row in found.interactions]
        assert said == [("u1", "i3", 20), ("u2", "i1", 5)]
        assert [(node.label, node.id) for node in found.nodes] == [("Item", "i1")]
        assert found.nodes[0].properties["title"] == "One"
        assert found.facts == [StoredFact("Item", "i1", "made_by", "Entity", "e1")]
        assert (found.events_until, found.nodes_until) == (None, None)
        assert read_changes(store, 31, 31, "me-").nodes == []
        assert isinstance(found.nodes[0], ChangedNode)

    def test_a_stamped_catalog_is_found_and_says_the_same(self, store: GraphStore) -> None:
        row = {"head_type": "item", "relation": "made_by", "tail_type": "entity"}
        facts = [{"head": "i1", "tail": "e1", **row}, {"head": "i2", "tail": "e1", **row}]
        catalog = Catalog.from_frames(
            items=pd.DataFrame({"item_id": ["i1", "i2"], "title": ["One", "Two"]}),
            interactions=events(("u1", "i1", 10, None)).drop(columns=RECORD),
            facts=pd.DataFrame(facts),
        )
        store.write(catalog)
        plain = read_snapshot(store)
        for at in (30, 40):
            store.write(stamped(catalog, at))
            assert_same_snapshot(read_snapshot(store), plain)
            found = read_changes(store, at, at, "me-")
            assert [(row["user"], row["item"]) for row in found.interactions] == [("u1", "i1")]
            assert sorted(node.id for node in found.nodes) == ["i1", "i2"]
            assert sorted(fact.head for fact in found.facts) == ["i1", "i2"]
        derived = Catalog.from_frames(facts=pd.DataFrame(facts[:1]))
        store.write(stamped(derived, 50))
        assert [node.id for node in read_changes(store, 50, 50, "me-").nodes] == ["i1"]
        assert_same_snapshot(read_snapshot(store), plain)

    def test_more_than_one_look_can_read(self, store: GraphStore) -> None:
        rows = [("u1", f"i{at}", at, None) for at in range(10, 20)]
        store.write(Catalog.from_frames(interactions=events(*rows)))
        since, seen = 10, set[str]()
        for _ in range(10):
            found = read_changes(store, since, 0, "me-", most=3)
            seen |= {row["item"] for row in found.interactions}
            if found.events_until is None:
                break
            since = found.events_until
        assert seen == {f"i{at}" for at in range(10, 20)}

    def test_events_of_services_are_told_apart_by_their_records(self, store: GraphStore) -> None:
        rows = [("u1", "i1", 10, "me-1"), ("u1", "i1", 10, "me-2")]
        for _ in range(2):
            for row in rows:
                store.write(Catalog.from_frames(interactions=events(row)))
        assert store.read_edges(_EDGE, [RECORD])[RECORD].to_pylist() in (
            ["me-1", "me-2"],
            ["me-2", "me-1"],
        )
        plain = events(*rows).drop(columns=RECORD)
        store.write(Catalog.from_frames(interactions=plain))  # the same, of a file
        assert store.row_counts()["interactions"] == 2
        store.remove(interactions=events(rows[0]).drop(columns="timestamp"))
        assert store.read_edges(_EDGE, [RECORD])[RECORD].to_pylist() == ["me-2"]

    def test_the_mark_changes_with_every_write(self, store: GraphStore) -> None:
        store.write(Catalog.from_frames(interactions=events(("u1", "i1", 10, None))))
        before = store.write_mark()
        if before is None:  # the store has none
            return
        assert store.write_mark() == before
        store.write(Catalog.from_frames(interactions=events(("u1", "i2", 10, None))))
        assert store.write_mark() != before
