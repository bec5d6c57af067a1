"""Types of text columns: a conversion changes no value."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loaders.infer import infer_types


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
        (["nan", "1.5"], "string"),
        (["inf"], "string"),
        (["True"], "string"),
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
        assert values in (plain, pointed)
