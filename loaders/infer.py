"""Infer the types of text columns. A type is used only if its values give back the same text."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc


def infer_types(table: pa.Table, known: Collection[str]) -> pa.Table:
    """Convert each text column that isn't in ``known`` to int64, float64 or bool, if possible.

    It is possible if every value, converted back, gives the same text: years become numbers and
    "true" becomes true, but the postcode "02139" stays text and keeps its zero.
    """
    for position, name in enumerate(table.column_names):
        column = table.column(position)
        if name in known or not pa.types.is_string(column.type):
            continue
        values = _inferred(column)
        if values is not None:
            table = table.set_column(position, name, values)
    return table


def _inferred(column: Any) -> Any:
    coded = column.combine_chunks().dictionary_encode()
    if isinstance(coded, pa.ChunkedArray):
        return None
    texts = coded.dictionary
    given = pc.if_else(pc.equal(texts, ""), pa.scalar(None, pa.string()), texts)
    if given.null_count == len(given):
        return None
    for kind in (pa.int64(), pa.float64(), pa.bool_()):
        try:
            values = given.cast(kind)
        except pa.ArrowInvalid:
            continue
        if _gives_back(values, given):
            return values.take(coded.indices)
    return None


def _gives_back(values: Any, texts: Any) -> bool:
    written = values.cast(pa.string())
    if pc.all(pc.equal(written, texts)).as_py():
        return bool(values.type == pa.bool_() or pc.all(pc.is_finite(values)).as_py())
    return values.type == pa.float64() and bool(pc.all(pc.equal(with_point(values), texts)).as_py())


def with_point(floats: Any) -> Any:
    """Write floats as text with a decimal point in whole numbers: 1250.0 and not 1250."""
    written = floats.cast(pa.string())
    whole = pc.match_substring_regex(written, r"^-?[0-9]+$")
    return pc.if_else(whole, pc.binary_join_element_wise(written, ".0", ""), written)
