"""Types of text columns: a conversion changes no value."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loaders.report import FileReport
from loaders.tables.infer import infer_types


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["1", "2", ""], "int64"),
        (["-1", "0"], "int64"),
        (["1.5", "2", ""], "double"),
        (["1250.0", "2.5", ""], "double"),
        (["1250.0", "2"], "string"),
        (["true", "false"], "bool"),
        (["02139", "1"], "string"),
        (["1.10", "2"], "string"),
        (["1e5"], "string"),
        (["+1"], "string"),
        (["1.10", "2.00", ""], "double"),
        (["1.10", "1.2"], "string"),
        (["nan", "1.5"], "double"),
        (["NA", "a"], "string"),
        (["\\N", "7"], "int64"),
        (["inf"], "string"),
        (["True", "False", ""], "bool"),
        (["1,250", "7"], "string"),
        ([" 1"], "string"),
        (["9223372036854775808"], "string"),
        (["", ""], "string"),
        ([], "string"),
    ],
)
def test_types(values: list[str], expected: str) -> None:
    table = pa.table({"x": pa.array(values, pa.string())})
    assert str(infer_types(table, ()).schema.field("x").type) == expected


def test_known_columns_stay() -> None:
    assert str(infer_types(pa.table({"x": ["1"]}), {"x"}).schema.field("x").type) == "string"


@given(st.lists(st.text(st.sampled_from("0123456789.-+e"), max_size=6), min_size=1, max_size=4))
def test_every_converted_column_converts_back(values: list[str]) -> None:
    column = infer_types(pa.table({"x": values}), ()).column("x")
    if not pa.types.is_string(column.type):
        plain = [text or "" for text in column.cast(pa.string()).to_pylist()]
        pointed = [text if text == "" or "." in text else text + ".0" for text in plain]
        assert values in (plain, pointed) or (
            [None if text == "" else float(text) for text in values] == column.to_pylist()
            and len({len(text.partition(".")[2]) for text in values if text}) == 1
        )


def test_a_text_column_of_mostly_numbers_is_noted() -> None:
    file = FileReport("items.csv")
    infer_types(pa.table({"pages": ["12"] * 9 + ["1,250"]}), (), file, np.arange(2, 12))
    (note,) = file.notes
    assert "pages is text, as 1 of its 10 values are no numbers" in note
    assert "'1,250' in row 11" in note
    other = FileReport("items.csv")
    infer_types(pa.table({"code": ["12", "a", "b"], "zip": ["02139", "1", "2"]}), (), other)
    assert other.notes == []


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["[8, 9]", "[27]", ""], ["8|9", "27", ""]),
        (['["a","b"]', "[]", '["c d"]'], ["a|b", "", "c d"]),
        (["['a', \"b's\"]", "[None]"], ["a|b's", ""]),
        (["[true, false]", "\\N"], ["true|false", ""]),
        (["['a' \"b's\"\n 'c']", "[]"], ["a|b's|c", ""]),
        (["[ 1  2\n 30]", "[4]"], ["1|2|30", "4"]),
    ],
)
def test_lists_are_several_values(values: list[str], expected: list[str]) -> None:
    file = FileReport("items.csv")
    table = infer_types(pa.table({"x": values}), (), file, np.arange(2, 2 + len(values)))
    assert table.column("x").to_pylist() == expected
    assert any("are read as several values" in note and "row 2" in note for note in file.notes)


@pytest.mark.parametrize(
    "values",
    [
        ["[8, 9]", "nine"],
        ['["a|b"]'],
        ['["a", 1]'],
        ["[0.5, 1.5]"],
        ["[[1], [2]]"],
        ["[1, 2"],
        ["[os.getcwd()]"],
        ["['a', 'b' 'c']"],
        ["[1 2 ... 9]"],
        ["[0.5 1.5]"],
        ["[007 8]"],
        [r"['\x' 'b']"],
        ['[{"a": 1}]'],
    ],
)
def test_other_texts_in_brackets_stay(values: list[str]) -> None:
    file = FileReport("items.csv")
    assert infer_types(pa.table({"x": values}), (), file).column("x").to_pylist() == values
    assert all("are kept as text" in note for note in file.notes)
