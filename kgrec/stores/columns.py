"""Values of a property, read one by one, as an Arrow column."""

from __future__ import annotations

from typing import Any

import pyarrow as pa


def column_of(values: list[Any]) -> pa.Array:
    """The values in the one type they share, or as strings where they share none.

    A column without any value has the null type.
    """
    try:
        return pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError):
        return pa.array([None if value is None else str(value) for value in values], pa.string())
