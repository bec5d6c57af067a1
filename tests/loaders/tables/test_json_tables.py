"""Tables of JSON objects: columns, types, rows, and the error of every wrong file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import loaders
from graph_schema import SourceError
from loaders.tables import json_columns, json_tables
from loaders.tables.file_table import FileTable
from tests.loaders.writing import put


@pytest.fixture(params=["lines", "array"])
def form(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def read(tmp_path: Path, form: str, *objects: str) -> FileTable:
    text = "\n".join(objects) if form == "lines" else " [ " + " ,\n".join(objects) + " ]\n"
    return json_tables.read_json(put(tmp_path / "t.json", text))


def refused(tmp_path: Path, text: str) -> str:
    with pytest.raises(SourceError) as caught:
        json_tables.read_json(put(tmp_path / "t.json", text))
    assert "Cure: " in str(caught.value)
    return str(caught.value)


def test_names_and_types(form: str, tmp_path: Path) -> None:
    part = read(
        tmp_path,
        form,
        '{"a": 1, "b": {"c": "x", "d": {"e": true}}, "f": 1, "g": "1990", "h": null}',
        '{"a": 2, "b": {"c": "\\u00e9"}, "f": 2.5, "g": "1991"}',
    )
    assert part.table.to_pydict() == {
        "a": [1, 2],
        "b.c": ["x", "é"],
        "b.d.e": [True, None],
        "f": [1.0, 2.5],
        "g": ["1990", "1991"],
        "h": [None, None],
    }
    kinds = [str(one) for one in part.table.schema.types]
    assert kinds == ["int64", "string", "bool", "double", "string", "null"]
    assert (part.rows.tolist(), part.notes, part.typed) == ([1, 2], (), True)


def test_ids_are_text_as_written(form: str, tmp_path: Path) -> None:
    ids = ["1", '"007"', "12345678901234567890123", "1.0"]
    part = read(tmp_path, form, *(f'{{"item_id": {one}}}' for one in ids))
    assert part.table["item_id"].to_pylist() == [one.strip('"') for one in ids]


def test_columns_of_several_types_are_text_as_written_and_noted(form: str, tmp_path: Path) -> None:
    part = read(tmp_path, form, '{"a": 1.50}', '{"a": "x"}', '{"a": false}')
    assert part.table["a"].to_pylist() == ["1.50", "x", "false"]
    assert "column a holds numbers and text and booleans, and is read as text" in part.notes[0]
    assert "text first in row 2" in part.notes[0]


def test_numbers_beyond_64_bits_are_text(form: str, tmp_path: Path) -> None:
    part = read(tmp_path, form, '{"a": 18446744073709551616, "b": [18446744073709551616]}', "{}")
    assert part.table["a"].to_pylist() == ["18446744073709551616", None]
    assert part.table["b"].to_pylist() == [["18446744073709551616"], None]


def test_lists(form: str, tmp_path: Path) -> None:
    part = read(
        tmp_path,
        form,
        '{"n": [1, 2], "f": [0.5, 1], "t": ["a", null], "m": "z", "o": [{"x": 1}], "p": [1]}',
        '{"n": [], "f": null, "t": ["b"], "m": ["y", "w"], "o": [[2]], "p": [{"x": 1}]}',
    )
    assert part.table.to_pydict() == {
        "n": [[1, 2], []],
        "f": [[0.5, 1.0], None],
        "t": [["a"], ["b"]],
        "m": [["z"], ["y", "w"]],
        "o.x": [[1], None],
        "p": [[1], None],
        "p.x": [None, [1]],
    }
    left_out = "column o: lists of objects or of lists were left out (1 in all, the first in row 2)"
    assert any(left_out in note for note in part.notes)
    assert any("column m holds text and lists, and is read as lists" in x for x in part.notes)


def test_lists_of_objects_are_lists_side_by_side(form: str, tmp_path: Path) -> None:
    part = read(
        tmp_path,
        form,
        '{"a": [{"id": 1, "n": "x"}, {"id": 2}], "b": [{"v": 1}, {"v": "z"}, {"v": null}]}',
        '{"a": [{"id": 3, "n": "y"}], "b": []}',
    )
    assert part.table.to_pydict() == {
        "a.id": [[1, 2], [3]],
        "a.n": [["x", ""], ["y"]],
        "b.v": [["1", "z", ""], None],
        "b": [None, []],
    }


def test_dictionaries_as_python_writes_them(tmp_path: Path) -> None:
    text = "{u'id': u'1', u'hours': 10.40, 'ok': True, 'no': None}\n{\"id\": \"it's\"}\n"
    part = json_tables.read_json(put(tmp_path / "t.json", text))
    assert part.table.to_pydict() == {
        "id": ["1", "it's"],
        "hours": [10.4, None],
        "ok": [True, None],
        "no": [None, None],
    }


def test_blank_lines_count_as_rows(tmp_path: Path) -> None:
    part = json_tables.read_json(put(tmp_path / "t.jsonl", '\ufeff{"a": 1}\r\n\n{"a": 2}\n'))
    assert (part.rows.tolist(), part.blank) == ([1, 3], 1)


def test_batches_and_blocks_change_nothing(
    form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def record(n: int) -> dict[str, Any]:
        extra: dict[str, Any] = {"late": n} if n > 8 else {}
        return {"item_id": n, "x": n / 2 if n % 5 == 3 else n, "t": f'é"]{n},' * n, **extra}

    objects = [json.dumps(record(n), ensure_ascii=False) for n in range(12)]
    whole = read(tmp_path, form, *objects)
    monkeypatch.setattr(json_columns, "_BATCH", 3)
    monkeypatch.setattr(json_tables, "_BLOCK", 7)
    parts = read(tmp_path, form, *objects)
    assert parts.table.combine_chunks() == whole.table.combine_chunks()
    assert whole.table["t"].to_pylist() == [record(n)["t"] for n in range(12)]
    assert whole.table["late"].to_pylist() == [None] * 9 + [9, 10, 11]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"a": 1}\n{bad\n', "row 2: this is no JSON"),
        ('{"a": 1}\n[1]\n', "row 2: '[1]' is no JSON object"),
        ('{"a": NaN}\n', "row 1: this is no JSON (NaN is no value of JSON, write null)"),
        ('{"a": 1, "a": 2}\n', "row 1: this is no JSON (the name 'a' occurs twice in an object)"),
        ('{"a.b": 1, "a": {"b": 2}}\n', "row 1: two values are called 'a.b'"),
        ('{"a": ["x", 1]}\n', "row 1, column a: a list of numbers and text"),
        ('{"a": 1}\n{"a": "\\ud83d"}\n', "row 2, column a: '\\ud83d' is not valid Unicode text"),
        ('{"\\ud83d": 1}\n', "row 1: the name"),
        ('{"user_id": "a"}\n{"user_id": true}\n', "row 2, column user_id: an id is text or"),
        ('{\n "a": 1\n}\n', "row 1: this is no JSON"),
        ("[]", "there is no object in this file"),
        ("\n \n", "there is no object in this file"),
        ('[{"a": 1}, {"a": tru}]', "row 2 of the array: this is no JSON"),
        ('[{"a": 1}, 2]', "row 2: '2' is no JSON object"),
        ('[{"a": 1} {"a": 2}]', "row 2 of the array: this is no JSON (a comma or ] is missing)"),
        ('[{"a": 1},]', "row 2 of the array"),
        ('[{"a": 1}', "this is no JSON (the array doesn't end)"),
        ('[{"a": 1}, {"a"', "row 2 of the array"),
        ('[{"a": 1}] {"a": 2}', "text follows the array"),
        ("[" * 100_000, "row 1 of the array"),
        ("version https://git-lfs.github.com/spec/v1\noid sha256:1\n", "pointer of Git LFS"),
        ("{" + ",".join(f'"{n}": 1' for n in range(2_001)) + "}", "more than 2,000 names"),
    ],
)
def test_what_is_no_table_is_refused(text: str, words: str, tmp_path: Path) -> None:
    assert words in refused(tmp_path, text)


def test_another_encoding_is_named(tmp_path: Path) -> None:
    for text in ('{"a": "é"}\n', '[{"a": "é"}]'):
        path = put(tmp_path / "t.json", text, "latin-1")
        with pytest.raises(SourceError, match="byte 0xe9 is not"):
            json_tables.read_json(path)


def test_types_of_json_stay_in_a_catalog(tmp_path: Path) -> None:
    put(tmp_path / "interactions.ndjson", '{"user_id": 1, "item_id": 7, "rating": 4}\n')
    item = {"item_id": 7, "title": "T", "code": "1990", "tags": ["a", "b"], "emb": [0.5, 1.0]}
    put(tmp_path / "items.json.gz", json.dumps([item]))
    catalog = loaders.load(tmp_path).catalog
    assert catalog.tables["interactions"].to_pylist() == [
        {"user_id": "1", "item_id": "7", "rating": 4.0}
    ]
    assert catalog.items["code"].tolist() == ["1990"]
    assert catalog.items["tags"].tolist() == ["a|b"]
    assert catalog.tables["items"].schema.field("code").type == pa.string()
    assert list(catalog.vectors) == ["emb"]
