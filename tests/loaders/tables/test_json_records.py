"""Records of JSON files in every form that people write them, and the errors of other content."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graph_schema import SourceError
from loaders.report import FileReport
from loaders.tables import json_tables
from loaders.tables.json_records import FieldNotes, Record, first_fields, records
from tests.loaders.writing import put

ROWS = [{"a": 1, "b": "x\ny"}, {"a": 2.5, "c": None}, {"a": "]}", "d": [{"e": "{["}]}]
FORMS = {
    "lines": "\n".join(map(json.dumps, ROWS)),
    "blank lines": "\n\n" + "\n\n".join(map(json.dumps, ROWS)) + "\n\n",
    "array": json.dumps(ROWS),
    "pretty array": json.dumps(ROWS, indent=1),
    "array of lines": "[\n" + ",\n".join(map(json.dumps, ROWS)) + "\n]\n",
    "python": "\n".join(map(repr, ROWS)),
}


def values(path: Path) -> list[dict[str, object]]:
    return [record.values for record in records(path)]


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_records(form: str, tmp_path: Path) -> None:
    assert values(put(tmp_path / "r.json.gz", FORMS[form])) == ROWS
    assert values(put(tmp_path / "bom.json", "\ufeff" + FORMS[form])) == ROWS


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("<!DOCTYPE html>\n<html></html>", "row 1: the line is not a JSON object: '<!DOCTYPE"),
        ('{"a": 1}\n{"a": ', "row 2: the line is not a JSON object"),
        ('{"a": 1}\n[1]', "row 2: the line is not a JSON object"),
        ('{\n "a": 1\n}', "row 1: the line is not a JSON object: '{'.*one array of objects"),
        ('[{"a": 1}, 2]', "row 2: '2' is no JSON object"),
        ('[\n{"a": 1},\n', "row 2 of the array: this is no JSON"),
        ('[{"a": 1}]\n{"b": 2}', "row 2 of the array: this is no JSON .text follows the array"),
        ('"text"', "row 1: the line is not a JSON object"),
        ("{'a': __import__('os')}", "the line is not a JSON object"),
        ('{"a": ' + "[" * 100_000, "the line is not a JSON object"),
        ("{'a': " + "[" * 100_000 + "}", "the line is not a JSON object"),
        ('{"a": ' + "9" * 5_000 + "}", "the line is not a JSON object"),
        ("version https://git-lfs.github.com/spec/v1\n", "a pointer of Git LFS.*git lfs pull"),
        ("", "the file is empty"),
    ],
)
def test_other_content_is_an_error_with_its_place(text: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=rf"r\.json.*{words}") as caught:
        values(put(tmp_path / "r.json", text))
    assert "Cure: " in str(caught.value)


def test_a_long_python_line_is_not_parsed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_tables, "_MOST_LITERAL", 20)
    path = put(tmp_path / "r.json", "{'a': 1}\n{'a': 'abcdefghijklmnopq'}\n")
    with pytest.raises(SourceError, match="row 2: the line is not a JSON object"):
        values(path)


def test_words_and_texts(tmp_path: Path) -> None:
    given = {
        "n": 5.0,
        "b": True,
        "s": " a\ud83d ",
        "l": ["x", "", "x", 1],
        "o": {"k": 1},
        "z": None,
    }
    record = Record(given, tmp_path / "r.json", 7)
    assert [record.word(key) for key in ("n", "b", "z", "absent")] == ["5.0", "true", None, None]
    assert record.text("s") == "a"
    assert record.texts("l") == ["x"]
    assert record.objects("l") == []
    with pytest.raises(
        SourceError, match=r"r\.json, row 7: the value of s .* is not valid Unicode"
    ):
        record.word("s")
    for key in ("l", "o"):
        with pytest.raises(SourceError, match=f"row 7: {key} is a list or an object"):
            record.word(key)


def test_fields_that_are_not_read_are_noted(tmp_path: Path) -> None:
    fields, file = FieldNotes("a"), FileReport("r.json")
    for row in ROWS[:2]:
        fields.see(Record(row, tmp_path, 1))
    fields.note(file)
    assert file.notes == ["fields that were not read: b, c."]


def test_halves_of_characters_in_texts_are_noted(tmp_path: Path) -> None:
    fields, file = FieldNotes("a"), FileReport("r.json")
    for number, text in enumerate(["é", "cut \ud83d", "\udc00"], start=1):
        fields.see(Record({"a": text}, tmp_path, number))
    fields.note(file)
    assert file.notes == [
        "halves of characters were removed from texts (2 rows, the first is row 2)."
    ]


def test_first_fields(tmp_path: Path) -> None:
    assert first_fields(put(tmp_path / "r.json", FORMS["lines"])) == set("abcd")
    assert first_fields(put(tmp_path / "r.json", FORMS["lines"]), 1) == set("ab")
    assert first_fields(put(tmp_path / "r.json", FORMS["lines"] + "\n{")) == set("abcd")
    assert first_fields(put(tmp_path / "r.json", "<html>")) == set()
    assert first_fields(put(tmp_path / "r.json", '{\n "a": 1,\n "b": []\n}\n')) == set("ab")
    assert first_fields(put(tmp_path / "r.json", '{\n "a": ' + "[" * 50_000)) == set()
    damaged = tmp_path / "r.json.gz"
    damaged.write_bytes(gzip.compress(FORMS["lines"].encode())[:-9])
    assert first_fields(damaged) <= set("abcd")


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text('a"{}[],\n\\é', max_size=4),
    lambda one: (
        st.lists(one, max_size=3) | st.dictionaries(st.text("ab", max_size=2), one, max_size=3)
    ),
    max_leaves=6,
)


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(
        st.dictionaries(st.text("ab", max_size=2), JSON_VALUES, min_size=1, max_size=3), min_size=1
    ),
    form=st.sampled_from(["lines", "array", "pretty array"]),
)
def test_any_objects_come_back(
    tmp_path_factory: pytest.TempPathFactory,
    rows: list[dict[str, object]],
    form: str,
) -> None:
    array = json.dumps(rows, indent=1 if form == "pretty array" else None)
    text = array if form != "lines" else "\n".join(map(json.dumps, rows))
    path = put(tmp_path_factory.mktemp("json") / "r.json", text)
    assert values(path) == rows
