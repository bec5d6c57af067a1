"""Columns of interactions that tell of the circumstances of an event: read as words, checked."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kgrec.arguments import named
from kgrec.errors import RequestError
from kgrec.graph.snapshot import GraphSnapshot, Ints


def whole_numbers(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """The column with numbers such as 3.0 as integers, so that their words are "3"; a column with
    other fractions stays as it is."""
    if not pa.types.is_floating(values.type):
        return values
    known = pc.drop_null(values)
    whole = pc.and_(pc.equal(known, pc.floor(known)), pc.less(pc.abs(known), 2.0**53))
    return values.cast(pa.int64()) if pc.all(whole).as_py() is not False else values


def with_context_columns(snapshot: GraphSnapshot, names: Sequence[str]) -> GraphSnapshot:
    """The snapshot as it is. Raises RequestError where one of the columns is not there."""
    read = snapshot.interactions.context
    absent = [name for name in names if name not in read]
    empty = [name for name in names if name in read and not _has_values(read[name])]
    if absent:
        raise RequestError(
            f"the snapshot was read without the context columns {named(absent)}; fit on the store "
            "or catalog instead, or leave them out of context.columns and context.count."
        )
    if empty:
        raise RequestError(
            f"no interaction has a value of the context columns {named(empty)}; name columns of "
            "the interactions in context.columns and context.count, as they are spelt there."
        )
    return snapshot


def _has_values(column: np.ndarray) -> bool:
    return bool((np.asarray(column) != "").any())


def is_attribute(end: Ints, code: Ints) -> bool:
    """Whether every ``end`` with several events has one code, and any has several events.

    int64 ``[n]`` both: the item (or user) of each event, and the code of a column's value.
    """
    order = np.lexsort((code, end))
    end, code = end[order], code[order]
    same = end[1:] == end[:-1]
    return bool(same.any() and not (code[1:] != code[:-1])[same].any())
