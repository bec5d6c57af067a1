"""The fields of a mapping, and what is refused before a file is looked at."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import loaders
from graph_schema.errors import RequestError, SourceError
from loaders import FileMapping
from tests.loaders.writing import put

TABLE = {"file": "a.csv", "columns": {"user_id": "u", "item_id": "i"}}


def parsed(**fields: Any) -> FileMapping:
    return FileMapping.parse({"interactions": {**TABLE, **fields}})


def test_one_table_and_several_are_written_alike() -> None:
    one = FileMapping.parse({"interactions": TABLE})
    assert one == FileMapping.parse({"interactions": [TABLE]})
    assert list(one.tables()) == ["interactions"]


def test_a_text_alone_is_a_column_and_a_value_alone_is_a_condition() -> None:
    (table,) = parsed(where={"kind": "buy", "stars": [4, 5]}).interactions
    assert table.columns["user_id"].column == "u"
    assert table.where["kind"].one_of == ("buy",)
    assert table.where["stars"].one_of == (4, 5)
    assert table.file == ("a.csv",)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        (
            {"colums": {}},
            r"0\.colums: there is no such field; the nearest is columns",
        ),
        ({"columns": {"user_id": {}}}, "give exactly one of column, columns, flags and value"),
        ({"columns": {"user_id": {"column": "a", "value": 1}}}, "column and value are given"),
        ({"columns": {"user_id": {"column": "a", "join": " "}}}, "join is for columns"),
        ({"columns": {"t": {"columns": ["a"], "separator": ","}}}, "separator is for column"),
        ({"columns": {"t": {"column": "a", "unit": "h"}}}, "unit: Input should be 's', 'ms'"),
        ({"columns": {"t": {"column": "a", "unit": "s", "format": "%Y"}}}, "format or unit"),
        ({"delimiter": "ab"}, "delimiter is 'ab'; give one sign"),
        ({"encoding": "utf-99"}, "encoding is 'utf-99'"),
        ({"escape": '"'}, "escape is '\"'"),
        ({"file": []}, "file: Tuple should have at least 1 item"),
        ({"where": {"a": {"isnt": 1}}}, r"where\.a\.isnt: there is no such field"),
    ],
)
def test_a_wrong_field_is_named(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(SourceError, match=words) as caught:
        parsed(**fields)
    assert "Cure: correct these fields" in str(caught.value)


def test_every_wrong_field_is_listed() -> None:
    with pytest.raises(SourceError) as caught:
        FileMapping.parse({"interactions": {**TABLE, "a": 1, "b": 2}, "c": 3})
    assert str(caught.value).count("\n- ") == 3


def test_a_mapping_without_a_table() -> None:
    with pytest.raises(SourceError, match="no table is mapped; give one of users, items"):
        FileMapping.parse({"version": 1})


@pytest.mark.parametrize("text", ["[interactions", "\xff", "interactions = 1"])
def test_a_damaged_file_is_named(tmp_path: Path, text: str) -> None:
    path = put(tmp_path / "shop.toml", text.encode("latin-1"))
    with pytest.raises(SourceError, match=r"shop\.toml.*") as caught:
        FileMapping.load(path)
    assert "Cure: " in str(caught.value)


def test_a_mapping_may_be_json_and_lie_elsewhere(tmp_path: Path) -> None:
    put(tmp_path / "data" / "a.csv", "u,i\n1,2\n")
    path = put(tmp_path / "a.json", '{"interactions": {"file": "a.csv", "columns": '
               '{"user_id": "u", "item_id": "i"}}}')  # fmt: skip
    by_path = loaders.load(tmp_path / "data", mapping=path).catalog
    assert by_path.equals(loaders.mapped(tmp_path / "data", FileMapping.load(str(path))).catalog)
    assert by_path.equals(loaders.load(tmp_path / "data" / "a.csv", mapping=path).catalog)


def test_what_is_no_mapping(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="mapping is a dict; give a FileMapping"):
        loaders.mapped(tmp_path, {"interactions": TABLE})  # type: ignore[arg-type]
    with pytest.raises(SourceError, match=r"there is no kgrec\.toml.*kgrec map"):
        loaders.mapped(tmp_path)
    with pytest.raises(SourceError, match="there is no such folder"):
        loaders.mapped(tmp_path / "absent")
