"""GraphMapping from TOML or JSON, with errors that name the field."""

from __future__ import annotations

from pathlib import Path

import pytest

from graph_schema import GraphMapping, SourceError
from graph_schema.errors import RequestError

SHOP = """
[users]
label = "Customer"
key = "customerId"
[items]
label = "Product"
key = "sku"
properties = {title = "productName"}
[[entities]]
label = "Brand"
key = "name"
properties = {name = "name"}
[[entities]]
label = "Category"
key = "slug"
[[interactions]]
type = "BOUGHT"
event = "purchase"
properties = {rating = "stars", timestamp = "at"}
time_unit = "ms"
[[interactions]]
type = "VIEWED_BY"
direction = "in"
[[facts]]
type = "MADE_BY"
relation = "brand"
[[facts]]
type = "IN"
[reviews]
label = "Comment"
user_type = "SAID"
item_type = "ON"
[scenarios]
label = "Channel"
key = "code"
"""


def test_a_mapping_from_toml(tmp_path: Path) -> None:
    path = tmp_path / "shop.toml"
    path.write_text(SHOP)
    mapping = GraphMapping.load(path)
    assert mapping.items.properties == {"title": "productName"}
    assert [i.direction for i in mapping.interactions] == ["out", "in"]
    labels = ("Customer", "Product", "Brand", "Category", "Comment", "Channel", "Other")
    names = ["User", "Item", "Entity", "Entity", "Review", "Scenario", None]
    assert [mapping.kgrec_label(label) for label in labels] == names
    types = ("MADE_BY", "IN", "BOUGHT", "OTHER")
    assert [mapping.relation(name) for name in types] == ["brand", "IN", None, None]
    assert [mapping.entity_prefix(e) for e in mapping.entities] == ["Brand:", "Category:"]


def test_json_says_the_same_as_toml(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(SHOP)
    mapping = GraphMapping.load(tmp_path / "a.toml")
    (tmp_path / "a.json").write_text(mapping.model_dump_json())
    assert GraphMapping.load(tmp_path / "a.json") == mapping


def test_without_facts_every_other_type_is_a_fact() -> None:
    mapping = GraphMapping.parse({"interactions": [{"type": "BOUGHT"}]})
    assert (mapping.relation("MADE_BY"), mapping.relation("BOUGHT")) == ("MADE_BY", None)
    assert mapping.entity_prefix(mapping.entities[0]) == ""


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"interactions": []}, "- interactions: "),
        ({"interactions": [{"typ": "BOUGHT"}]}, "- interactions.0.type: Field required"),
        ({"interactions": [{"type": " "}]}, "- interactions.0.type: "),
        ({"interactions": [{"type": "B", "direction": "up"}]}, "'out' or 'in'"),
        ({"users": {"label": "A"}, "items": {"label": "A"}}, "- interactions: Field required"),
        (
            {"users": {"label": "A"}, "items": {"label": "A"}, "interactions": [{"type": "B"}]},
            "the label 'A' is mapped twice",
        ),
        (
            {"interactions": [{"type": "B"}], "facts": [{"type": "B"}]},
            "the relationship type 'B' is mapped twice",
        ),
        (
            {
                "interactions": [{"type": "B"}],
                "entities": [{"label": "X", "prefix": ""}, {"label": "Y", "prefix": ""}],
            },
            "two entity labels have the same prefix",
        ),
        (
            {"interactions": [{"type": "B"}], "scenarios": {"label": "S", "prefix": "s:"}},
            "scenarios take no prefix",
        ),
        (
            {"interactions": [{"type": "B"}], "scenarios": {"label": "Item"}},
            "the label 'Item' is mapped twice",
        ),
    ],
)
def test_a_wrong_mapping_names_the_field(values: object, words: str) -> None:
    with pytest.raises(SourceError) as caught:
        GraphMapping.parse(values, source="shop.toml")
    assert str(caught.value).startswith("shop.toml: the mapping is wrong:")
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("absent.toml", None, "there is no such file"),
        ("a.yaml", b"x", "a mapping is a .toml or .json file"),
        ("a.toml", b"[users", "can't be read"),
        ("a.json", b"{", "can't be read"),
        ("a.json", b"\xff\xfe", "not UTF-8"),
    ],
)
def test_an_unreadable_file(tmp_path: Path, name: str, content: bytes | None, words: str) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SourceError, match=words):
        GraphMapping.load(path)


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"interactions": []}, "interactions"),
        ({}, "interactions"),
        ({"interactions": [{"type": "BOUGHT"}], "users": {"label": ""}}, "users.label"),
        ({"interactions": [{"type": "BOUGHT"}], "user": {"label": "User"}}, "user"),
    ],
)
def test_wrong_keywords_are_one_request_error(values: dict[str, object], field: str) -> None:
    with pytest.raises(RequestError, match=f"GraphMapping has wrong settings: {field}: ") as error:
        GraphMapping(**values)  # type: ignore[arg-type]
    assert str(error.value).endswith("graph_schema.GraphMapping documents each field.")
