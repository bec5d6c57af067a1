"""What every graph store must do when nodes, interactions and facts leave it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from graph_schema.catalog import Catalog
from graph_schema.errors import RequestError
from kgrec.graph import read_snapshot
from kgrec.stores import GraphStore, RemovalReport
from tests.graph.compare import assert_same_snapshot
from tests.graph_schema.samples import ODD_IDS, ODD_RELATIONS, frames
from tests.stores.contract_queries import sample

PAIR = ["user_id", "item_id"]
FRAMES = ("users", "items", "entities", "reviews", "queries", "interactions", "facts")


def left(report: RemovalReport) -> dict[str, int]:
    """The frames of which rows left; every frame has its count."""
    assert tuple(report.rows) == tuple(report.missing) == FRAMES
    return {name: n for name, n in report.rows.items() if n}


def missing(report: RemovalReport) -> dict[str, int]:
    return {name: n for name, n in report.missing.items() if n}


class RemovalContract:
    def test_a_user_leaves_with_all_that_is_theirs(self, store: GraphStore) -> None:
        store.write(sample())
        report = store.remove(users="u1")
        assert left(report) == {
            "users": 1, "reviews": 2, "queries": 1, "interactions": 2, "facts": 1
        }  # fmt: skip
        now = read_snapshot(store)
        assert now.users.ids.tolist() == ["u2", "u3"]
        assert now.items.ids.tolist() == ["i1", "i2", "i3"]
        assert (len(now.interactions), len(now.reviews), len(now.queries)) == (2, 0, 1)
        assert not any("User" in (fact.head_label, fact.tail_label) for fact in now.facts)
        assert "FOLLOWS" not in {edge.name for edge in store.edge_types()}

    def test_an_item_leaves_with_its_reviews_and_a_query_stays(self, store: GraphStore) -> None:
        store.write(sample())
        assert left(store.remove(items=["i1"])) == {
            "items": 1, "reviews": 2, "interactions": 2, "facts": 2
        }  # fmt: skip
        assert left(store.remove(items=["i2"])) == {"items": 1, "interactions": 1}
        now = read_snapshot(store)
        assert now.users.ids.tolist() == ["u1", "u2", "u3"]
        assert sorted(now.queries.text) == ["cats", "space film"]
        assert now.queries.item.tolist() == [-1, -1]
        assert len(now.reviews) == 0

    def test_entities_reviews_and_queries_leave(self, store: GraphStore) -> None:
        store.write(sample())
        texts = {name: store.read_nodes(name)["id"].to_pylist() for name in ("Review", "Query")}
        report = store.remove(entities="e1", reviews=texts["Review"][:1], queries=texts["Query"])
        assert left(report) == {"entities": 1, "reviews": 1, "queries": 2, "facts": 2}
        assert store.node_counts() == {
            "Entity": 1, "Item": 3, "Review": 1, "Scenario": 3, "User": 3
        }  # fmt: skip

    def test_an_interaction_leaves_that_equals_a_row_in_every_column(
        self, store: GraphStore
    ) -> None:
        events = pd.DataFrame(
            {
                "user_id": ["u", "u", "u", "u", "u", "v"],
                "item_id": ["a", "a", "a", "a", "b", "a"],
                "timestamp": pd.array([1, 1, 2, None, 1, 1], dtype="Int64"),
                "rating": [0.1, 0.1, 0.3, None, 0.1, 0.1],
                "event": ["x", "x", None, "x", "x", "x"],
                "device": ["tv", "tv", "tv", None, "tv", "tv"],
            }
        )
        store.write(Catalog.from_frames(interactions=events))
        for wrong in ({"timestamp": 3}, {"rating": 0.2}, {"device": "web"}, {"colour": "red"}):
            row = pd.DataFrame({**events.iloc[0], **wrong}, index=[0])
            with pytest.raises(RequestError, match=r"interactions row 0 \('u', 'a'"):
                store.remove(interactions=row)
        assert left(store.remove(interactions=events.iloc[[3]])) == {"interactions": 1}
        assert left(store.remove(interactions=events.iloc[[2]])) == {"interactions": 1}
        assert left(store.remove(interactions=events.iloc[[0]])) == {"interactions": 2}
        assert left(store.remove(interactions=events[PAIR].iloc[[4]])) == {"interactions": 1}
        (last,) = store.read_edges(store.edge_types()[0]).to_pylist()
        assert (last["source"], last["target"], last["rating"]) == ("v", "a", 0.1)
        assert store.node_counts() == {"Item": 2, "User": 2}

    def test_all_interactions_of_a_pair_leave_where_only_the_pair_is_named(
        self, store: GraphStore
    ) -> None:
        store.write(sample())
        rows = pa.table({"user_id": ["u1", "u3"], "item_id": ["i1", "i3"]})
        assert left(store.remove(interactions=rows)) == {"interactions": 3}
        assert len(read_snapshot(store).interactions) == 1
        assert len(read_snapshot(store).reviews) == 2

    def test_facts_leave_and_their_nodes_stay(self, store: GraphStore) -> None:
        store.write(sample())
        facts = frames()["facts"]
        for wrong in ({"relation": "made_by"}, {"tail": "e2"}, {"tail_type": "item"}):
            with pytest.raises(RequestError, match="facts row 0"):
                store.remove(facts=facts.iloc[[0]].assign(**wrong))
        assert left(store.remove(facts=facts.iloc[[0, 3]].assign(since=1999))) == {"facts": 2}
        assert {edge.name for edge in store.edge_types()} & set(facts["relation"]) == {
            "sequel_of", "FOLLOWS"
        }  # fmt: skip
        assert store.node_counts()["Entity"] == 2

    def test_everything_that_is_missing_is_named_and_nothing_leaves(
        self, store: GraphStore
    ) -> None:
        store.write(sample())
        before = read_snapshot(store)
        asked: dict[str, Any] = {
            "users": ["u1", "u8", "u9"],
            "items": ["x", "i1"],
            "entities": "e9",
            "reviews": "r9",
            "queries": "q9",
            "interactions": pd.DataFrame({"user_id": ["u1", "u1"], "item_id": ["i1", "i3"]}),
            "facts": frames()["facts"].assign(relation=["directed_by", "r", "FOLLOWS", "knows"]),
        }
        with pytest.raises(RequestError) as caught:
            store.remove(**asked)
        message = str(caught.value)
        for part in ("users 'u8', 'u9'; items 'x'; entities 'e9'; reviews 'r9'; queries 'q9'; "
                     "interactions row 1 ('u1', 'i3'); facts row 1 ('i2', 'item', 'r', "
                     "'i1', 'item')", "Nothing was removed", "missing='ignore'"):  # fmt: skip
            assert part in message
        assert_same_snapshot(read_snapshot(store), before)
        report = store.remove(**asked, missing="ignore")
        assert missing(report) == {
            "users": 2, "items": 1, "entities": 1, "reviews": 1, "queries": 1, "interactions": 1,
            "facts": 1,
        }  # fmt: skip
        assert left(report) == {
            "users": 1, "items": 1, "reviews": 2, "queries": 1, "interactions": 2, "facts": 4
        }  # fmt: skip
        again = store.remove(**asked, missing="ignore")
        assert left(again) == {}
        assert sum(again.missing.values()) == sum(report.missing.values()) + 2 + 1 + 3

    def test_many_missing_ids_are_counted(self, store: GraphStore) -> None:
        store.write(sample())
        with pytest.raises(RequestError, match=r"users 'n0', .* and 12,980 more\. Nothing"):
            store.remove(users=[f"n{i}" for i in range(13_000)])

    def test_nothing_is_removed_of_an_empty_store(self, store: GraphStore) -> None:
        assert left(store.remove()) == {}
        assert left(store.remove(users=[], interactions=frames()["interactions"].iloc[:0])) == {}
        with pytest.raises(RequestError, match="users 'u1'"):
            store.remove(users="u1")
        every = store.remove(
            users="u1",
            items="i1",
            interactions=frames()["interactions"],
            facts=frames()["facts"],
            missing="ignore",
        )
        assert missing(every) == {"users": 1, "items": 1, "interactions": 4, "facts": 4}
        assert store.node_counts() == {}

    def test_numbers_are_ids_as_a_catalog_reads_them(self, store: GraphStore) -> None:
        ids = list(range(1, 8))
        store.write(Catalog.from_frames(interactions=pd.DataFrame({"user_id": ids, "item_id": 5})))
        for gone in (1, 2.0, np.int64(3), [np.float64(4)], pd.Series([5.0, 6.0]), {"7"}):
            store.remove(users=gone)  # type: ignore[arg-type]
        assert store.node_counts() == {"Item": 1}
        assert left(store.remove(items=np.array([5]))) == {"items": 1}

    @pytest.mark.parametrize(
        "wrong",
        [
            {"users": None},
            {"users": ["u1", ""]},
            {"items": ["i1", float("nan")]},
            {"items": 2.5},
            {"users": b"u1"},
            {"users": True},
            {"users": {"u1": 1}},
            {"users": frames()["users"]},
            {"users": "\ud800"},
            {"interactions": "u1"},
            {"interactions": frames()["users"]},
            {"interactions": pd.DataFrame({"user_id": ["u1", None], "item_id": ["i1", "i1"]})},
            {"interactions": frames()["interactions"].assign(timestamp="yesterday")},
            {"facts": frames()["facts"].assign(head_type="film")},
            {"facts": frames()["facts"].drop(columns="relation")},
            {"missing": "skip"},
        ],
    )
    def test_arguments_that_can_not_be_read(self, store: GraphStore, wrong: dict[str, Any]) -> None:
        with pytest.raises(RequestError):
            store.remove(**{"users": "u1", **wrong})

    def test_what_left_can_come_back(self, store: GraphStore) -> None:
        store.write(sample())
        before, types = read_snapshot(store), store.edge_types()
        everything = {
            "users": ["u1", "u2", "u3"],
            "items": ["i1", "i2", "i3"],
            "entities": ["e1", "e2"],
            "queries": store.read_nodes("Query")["id"].to_pylist(),
        }
        store.remove(**everything)
        assert store.node_counts() == {"Scenario": 3}
        assert store.edge_types() == []
        store.write(sample())
        assert store.edge_types() == types
        assert_same_snapshot(read_snapshot(store), before)

    def test_odd_ids_and_relations_leave(self, store: GraphStore) -> None:
        ids = list(ODD_IDS)
        own = pd.DataFrame({"user_id": ids, "item_id": ids, "scenario": ids, "odd `x`": ids})
        pairs = [(odd, relation) for odd, relation in zip(ids, ODD_RELATIONS * 3, strict=False)]
        facts = pd.DataFrame(pairs, columns=["head", "relation"])
        facts = facts.assign(head_type="item", tail=facts["head"], tail_type="entity")
        store.write(Catalog.from_frames(interactions=own, facts=facts))
        n = len(ids)
        assert left(store.remove(facts=facts.iloc[:6])) == {"facts": 6}
        assert left(store.remove(interactions=own.iloc[:6])) == {"interactions": 6}
        assert left(store.remove(users=ids)) == {"users": n, "interactions": n - 6}
        assert left(store.remove(items=ids, entities=ids)) == {
            "items": n, "entities": n, "facts": n - 6
        }  # fmt: skip
        assert set(store.node_counts()) == {"Scenario"}

    def test_many_interactions_leave_as_few_do(self, store: GraphStore) -> None:
        """More rows than any batch."""
        n = 25_000
        frame = pd.DataFrame(
            {
                "user_id": [f"u{i % 250}" for i in range(n)],
                "item_id": [f"i{i % 40}" for i in range(n)],
                "timestamp": [i // 1_000 for i in range(n)],
                "rating": [float(i % 5) if i % 3 else None for i in range(n)],
            }
        )
        facts = pd.DataFrame({"head": ["i1"], "relation": "r", "tail": "e", "v": 7})
        facts = facts.assign(head_type="item", tail_type="entity")
        store.write(Catalog.from_frames(interactions=frame, facts=facts))
        gone = frame["timestamp"] >= 3
        assert left(store.remove(interactions=frame[gone])) == {"interactions": int(gone.sum())}
        kept = store.read_edges(store.edge_types()[0]).to_pandas()
        expected = frame[~gone].rename(columns={"user_id": "source", "item_id": "target"})
        names = ["source", "target", "timestamp", "rating"]
        pd.testing.assert_frame_equal(
            kept[names].sort_values(names, ignore_index=True),
            expected.sort_values(names, ignore_index=True),
            check_dtype=False,
        )
        assert store.read_edges(store.edge_types()[1]).to_pylist() == [
            {"source": "i1", "target": "e", "v": 7}
        ]

    @given(data=st.data())
    @settings(max_examples=8, suppress_health_check=list(HealthCheck))
    def test_random_writes_and_removals_are_those_of_a_plain_model(
        self, store: GraphStore, data: st.DataObject
    ) -> None:
        model = Model()
        for label, name in (("User", "users"), ("Item", "items"), ("Entity", "entities")):
            store.remove(**{name: store.read_nodes(label)["id"].to_pylist()})
        for _ in range(data.draw(st.integers(1, 5), label="steps")):
            if data.draw(st.booleans(), label="write"):
                catalog = model.written(data.draw(EVENTS), data.draw(FACTS))
                store.write(catalog)
            else:
                asked = data.draw(ASKED)
                assert left(store.remove(**arguments(asked), missing="ignore")) == model.removed(
                    **asked
                )
            model.check(store)


USER, ITEM, ENTITY = (st.sampled_from([f"{letter}{n}" for n in range(4)]) for letter in "uie")
TIMES = st.sampled_from([None, 1, 2])
EVENTS = st.lists(st.tuples(USER, ITEM, TIMES), max_size=12)
FACTS = st.lists(
    st.one_of(
        st.tuples(ITEM, st.just("item"), st.sampled_from("rs"), ENTITY, st.just("entity")),
        st.tuples(USER, st.just("user"), st.just("f"), USER, st.just("user")),
        st.tuples(ENTITY, st.just("entity"), st.just("r"), ENTITY, st.just("entity")),
    ),
    max_size=8,
    unique=True,
)
ASKED = st.fixed_dictionaries(
    {
        "users": st.lists(USER, max_size=2),
        "items": st.lists(ITEM, max_size=1),
        "entities": st.lists(ENTITY, max_size=1),
        "interactions": st.lists(st.tuples(USER, ITEM, TIMES), max_size=4),
        "facts": FACTS,
    }
)
FACT_COLUMNS = ["head", "head_type", "relation", "tail", "tail_type"]
ROWS = "MATCH (a:User)-[r:INTERACTED]->(b:Item) RETURN a.id AS a, b.id AS b, r.timestamp AS t"


def arguments(asked: dict[str, Any]) -> dict[str, Any]:
    events = pd.DataFrame(asked["interactions"], columns=[*PAIR, "timestamp"])
    events["timestamp"] = events["timestamp"].astype("Int64")
    facts = pd.DataFrame(asked["facts"], columns=FACT_COLUMNS)
    return {**asked, "interactions": events, "facts": facts}


@dataclass
class Model:
    """A graph in plain sets: nodes as (type, id), interactions with their number."""

    nodes: set[tuple[str, str]] = field(default_factory=set)
    events: Counter[tuple[str, str, int | None]] = field(default_factory=Counter)
    facts: set[tuple[str, ...]] = field(default_factory=set)

    def written(self, events: list[Any], facts: list[Any]) -> Catalog:
        self.events |= Counter(events)
        self.facts |= set(facts)
        self.nodes |= {("user", event[0]) for event in events}
        self.nodes |= {("item", event[1]) for event in events}
        self.nodes |= {end for fact in facts for end in self._ends(fact)}
        frames = arguments({"interactions": events, "facts": facts})
        return Catalog.from_frames(**frames)

    def removed(self, **asked: list[Any]) -> dict[str, int]:
        """Remove, and count what left."""
        before = self._counts()
        kinds = (("users", "user"), ("items", "item"), ("entities", "entity"))
        gone = {(kind, one) for name, kind in kinds for one in asked[name]}
        events, facts = set(asked["interactions"]), set(asked["facts"])
        self.nodes -= gone
        for event in list(self.events):
            ends = {("user", event[0]), ("item", event[1])}
            if event in events or ends & gone:
                del self.events[event]
        self.facts = {
            fact for fact in self.facts if fact not in facts and not self._ends(fact) & gone
        }
        return dict(before - self._counts())

    def check(self, store: GraphStore) -> None:
        counts = self._counts()
        for label, name in (("User", "users"), ("Item", "items"), ("Entity", "entities")):
            (row,) = store.query(f"MATCH (n:{label}) RETURN count(n) AS n")
            assert row["n"] == counts[name] == store.node_counts().get(label, 0)
        found = Counter((row["a"], row["b"], row["t"]) for row in store.query(ROWS))
        assert found == self.events
        stored = set()
        kinds = {"User": "user", "Item": "item", "Entity": "entity"}
        for edge in store.edge_types():
            if edge.name != "INTERACTED":
                head, tail = kinds[edge.source_label], kinds[edge.target_label]
                for row in store.read_edges(edge).to_pylist():
                    stored.add((row["source"], head, edge.name, row["target"], tail))
        assert stored == self.facts

    def _counts(self) -> Counter[str]:
        kinds = Counter(kind for kind, _ in self.nodes)
        return Counter(
            {
                "users": kinds["user"],
                "items": kinds["item"],
                "entities": kinds["entity"],
                "interactions": self.events.total(),
                "facts": len(self.facts),
            }
        )

    @staticmethod
    def _ends(fact: tuple[str, ...]) -> set[tuple[str, str]]:
        return {(fact[1], fact[0]), (fact[4], fact[3])}
