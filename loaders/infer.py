"""Types of text columns, only where writing the value back gives the same text."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc


def infer_types(table: pa.Table, known: Collection[str]) -> pa.Table:
    """Turn each text column that isn't among ``known`` into int64, float64 or bool where every
    value round-trips: years become numbers, "true" becomes true, the postcode "02139" keeps its
    zero."""
    for position, name in enumerate(table.column_names):
        column = table.column(position)
        if name in known or not pa.types.is_string(column.type):
            continue
        numbers = _numbers(column)
        if numbers is not None:
            table = table.set_column(position, name, numbers)
    return table


def _numbers(column: Any) -> Any:
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
    """Floats as text in which whole numbers keep their point: 1250.0, not 1250."""
    written = floats.cast(pa.string())
    whole = pc.match_substring_regex(written, r"^-?[0-9]+$")
    return pc.if_else(whole, pc.binary_join_element_wise(written, ".0", ""), written)
