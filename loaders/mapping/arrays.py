"""Columns as text, and lists of texts: the operations that mapped values are made with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from graph_schema.conversion.columns import true_positions
from loaders.tables.list_texts import values_of_text

_CURRENCY = r"^\s*(\p{Sc}|[A-Z]{3})?\s*|\s*(\p{Sc}|[A-Z]{3})?\s*$"
_DECIMAL_COMMA = r"^[-+]?([0-9]{1,3}([.'\s\x{a0}\x{202f}][0-9]{3})+|[0-9]+)(,[0-9]+)?$"


def one_array(column: Any) -> Any:
    """A column of a table as one Arrow array of a plain type."""
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if isinstance(array, pa.ChunkedArray):  # without a chunk, or too large for one
        array = pa.concat_arrays(array.chunks) if array.num_chunks else pa.array([], array.type)
    if pa.types.is_dictionary(array.type):
        array = array.dictionary.take(array.indices)
    return array


def is_list(array: Any) -> bool:
    """Whether each row holds several values."""
    return bool(pa.types.is_list(array.type) or pa.types.is_large_list(array.type))


def can_be_text(kind: pa.DataType) -> bool:
    """Whether values of a type, or of the lists of a type, can be read as text."""
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        kind = kind.value_type
    odd = pa.types.is_nested(kind) or pa.types.is_interval(kind) or pa.types.is_binary(kind)
    return not (odd or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind))


def texts(array: Any) -> Any:
    """Scalars as they are written, "" where absent; whole numbers without a point."""
    kind = pa.string()
    if array.type != kind:
        array = array.cast(kind)
    return pc.fill_null(array, "")


def changed(array: Any, change: Callable[[Any], Any]) -> Any:
    """Texts, or lists of texts, with ``change`` applied to the texts."""
    if not is_list(array):
        return change(texts(array))
    lists = array.cast(pa.list_(array.type.value_type))
    counts = pc.fill_null(pc.list_value_length(lists), 0).to_numpy(zero_copy_only=False)
    return _lists(change(texts(lists.flatten())), counts)


def replaced(array: Any, words: dict[str, str]) -> Any:
    """Texts with other words for those that ``words`` has."""
    coded = array.dictionary_encode()
    known = [words.get(text, text) for text in coded.dictionary.to_pylist()]
    return pa.array(known, pa.string()).take(coded.indices)


def with_decimal_points(array: Any) -> tuple[Any, np.ndarray]:
    """Numbers with a decimal comma, such as 1.250,90 €, with a point: 1250.90. Empty texts stay.

    Returns the texts, and the positions (int64) of those that are no such number.
    """
    bare = pc.replace_substring_regex(array, _CURRENCY, "")
    right = pc.or_(pc.match_substring_regex(bare, _DECIMAL_COMMA), pc.equal(bare, ""))
    plain = pc.replace_substring_regex(bare, r"[.\s\x{a0}\x{202f}']", "")
    return pc.replace_substring(plain, ",", "."), true_positions(pc.invert(right))


def prefixed(array: Any, prefix: str) -> Any:
    """Texts with ``prefix`` before those that are not empty."""
    whole = pc.binary_join_element_wise(pa.scalar(prefix), array, pa.scalar(""))
    return pc.if_else(pc.equal(array, ""), "", whole)


def split(array: Any, separator: str) -> Any:
    """Texts as lists of the trimmed parts that are not empty."""
    parts = pc.split_pattern(array, separator)
    return without_empty(parts)


def split_brackets(array: Any) -> tuple[Any, list[str]]:
    """Texts such as [8, 9] or ['a'] as lists, and those texts that are no such list."""
    coded = array.dictionary_encode()
    words = coded.dictionary.to_pylist()
    found = [_in_brackets(word) for word in words]
    wrong = [word for word, values in zip(words, found, strict=True) if values is None]
    lists = pa.array([values or [] for values in found], pa.list_(pa.string()))
    return without_empty(lists.take(coded.indices)), wrong


def _in_brackets(text: str) -> list[str] | None:
    """The values of a list that is written as JSON or Python writes it; None for what is none."""
    if not text.strip():
        return []
    values = values_of_text(text)
    if values is None or any(isinstance(value, list | tuple | dict | set) for value in values):
        return None
    return ["" if value is None else str(value) for value in values]


def side_by_side(arrays: list[Any]) -> Any:
    """The values of several columns as one list a row, without the empty ones."""
    stacked = np.column_stack([one.to_numpy(zero_copy_only=False) for one in arrays])
    flat = pa.array(stacked.reshape(-1), pa.string())
    return without_empty(_lists(flat, np.full(len(arrays[0]), len(arrays))))


def without_empty(lists: Any) -> Any:
    """Lists of texts without blanks around the texts and without empty ones."""
    flat = pc.fill_null(pc.utf8_trim_whitespace(lists.flatten()), "")
    rows = pc.list_parent_indices(lists).to_numpy(zero_copy_only=False)
    kept = pc.not_equal(flat, "").to_numpy(zero_copy_only=False)
    return _lists(flat.filter(pa.array(kept)), np.bincount(rows[kept], minlength=len(lists)))


def _lists(flat: Any, counts: np.ndarray) -> Any:
    ends = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(ends), flat)
