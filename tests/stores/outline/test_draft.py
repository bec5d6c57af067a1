"""First mappings of graphs, guessed from their outlines."""

from __future__ import annotations

import tomllib
from datetime import UTC, datetime
from pathlib import Path

import pytest

from graph_schema import GraphMapping
from graph_schema.errors import StoreError
from kgrec.stores import connect
from kgrec.stores.outline.draft import draft_graph_mapping
from kgrec.stores.outline.graph import GraphOutline, LabelOutline, TypeOutline

TIME = datetime(2024, 1, 1, tzinfo=UTC)
CUSTOMERS = LabelOutline("Customer", 9, (), ({"city": "Oslo", "no": 7}, {"city": "Oslo", "no": 8}))
PRODUCTS = LabelOutline("Product", 8, ("sku",), ({"name": "Tea", "sku": "T-1"},))
BRANDS = LabelOutline("Brand", 3, (), ({"code": 1, "label": "Acme"}, {"code": 2, "label": "B"}))
TILLS = LabelOutline("Till", 2, (), ({"open": True}, {"open": True}))
NOTES = LabelOutline("Note", 1, (), ({"id": "n"},))
BOUGHT = TypeOutline("Product", "BOUGHT_BY", "Customer", 20, ({"at": 1700000000123, "stars": 4},))
VIEWED = TypeOutline("Customer", "VIEWED", "Product", 30, ({"at": TIME, "channel": 2},))
MADE = TypeOutline("Product", "MADE BY", "Brand", 8)
KNOWS = TypeOutline("Customer", "KNOWS", "Customer", 4)
SHOP = GraphOutline(
    (CUSTOMERS, PRODUCTS, BRANDS, TILLS, NOTES),
    (BOUGHT, VIEWED, MADE, KNOWS, TypeOutline("Till", "SOLD", "Product", 2)),
)


def test_labels_keys_directions_and_times() -> None:
    text = draft_graph_mapping(SHOP, "neo4j://host")
    values = tomllib.loads(text)
    assert GraphMapping.parse(values)
    assert values == {
        "version": 1,
        "users": {"label": "Customer", "key": "no"},
        "items": {"label": "Product", "key": "sku", "properties": {"title": "name"}},
        "entities": [{"label": "Brand", "key": "code", "properties": {"name": "label"}}],
        "interactions": [
            {
                "type": "VIEWED",
                "event": "viewed",
                "properties": {"timestamp": "at"},
                "time_unit": "datetime",
            },
            {
                "type": "BOUGHT_BY",
                "direction": "in",
                "event": "bought_by",
                "properties": {"timestamp": "at", "rating": "stars"},
                "time_unit": "ms",
            },
        ],
    }
    assert "# 8 nodes; the key sku: a constraint keeps it unique." in text
    assert "# 9 nodes; the key no: every one of 2 nodes has its own." in text
    assert "(:Product)-[:BOUGHT_BY]->(:Customer) 20; properties: at, stars." in text
    assert "#   (:Customer)-[:KNOWS]->(:Customer) 4" in text
    assert "# (:Till) 2: no property is a key" in text
    assert "# (:Note) 1: no relationship leads to it" in text


def test_reviews_are_texts_between_users_and_items() -> None:
    words = LabelOutline("Comment", 5, (), ({"nr": 5, "body": "Fine.", "written": 1700000002},))
    said = TypeOutline("Customer", "SAID", "Comment", 5)
    on = TypeOutline("Comment", "ON", "Product", 5)
    outline = GraphOutline((*SHOP.labels, words), (*SHOP.types, said, on))
    values = tomllib.loads(draft_graph_mapping(outline, "neo4j://host"))
    assert GraphMapping.parse(values)
    assert values["reviews"] == {
        "label": "Comment",
        "key": "nr",
        "user_type": "SAID",
        "user_direction": "in",
        "item_type": "ON",
        "item_direction": "out",
        "properties": {"text": "body", "timestamp": "written"},
    }


def test_a_graph_without_users_and_items() -> None:
    outline = GraphOutline((BRANDS, TILLS), (TypeOutline("Brand", "IN", "Till", 1),))
    with pytest.raises(
        StoreError, match=r"no labels of users.*\(:Brand\) 3.*key of: Till\. Cure: "
    ):
        draft_graph_mapping(outline, "neo4j://host")


def test_a_graph_of_kgrec_needs_no_mapping(tmp_path: Path) -> None:
    users, items = LabelOutline("User", 1, ("id",)), LabelOutline("Item", 1, ("id",))
    own = GraphOutline((users, items), (TypeOutline("User", "INTERACTED", "Item", 1),))
    with pytest.raises(StoreError, match="kgrec wrote this graph"):
        draft_graph_mapping(own, "neo4j://host")
    with (
        connect(tmp_path / "new.kgl") as store,
        pytest.raises(StoreError, match="kgrec wrote this graph"),
    ):
        store.outline()
