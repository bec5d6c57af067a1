"""Arrays of a saved model as 8-bit integers: a quarter of the size, read back as float32."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal, TypeAlias

import numpy as np

Precision: TypeAlias = Literal["fp32", "int8"]
PRECISIONS: Final[tuple[Precision, ...]] = ("fp32", "int8")
SCALE: Final = "::scale"  # after the name of an array: the factor of each of its rows
_VALUES: Final = "values"  # at the end of the name of a sparse matrix's values
_LARGEST: Final = 127
_FEW: Final = 512  # numbers; smaller arrays stay as they are


def packed(arrays: Mapping[str, np.ndarray], precision: Precision) -> dict[str, np.ndarray]:
    """The arrays as they are saved.

    With "int8" every float32 table becomes int8 and a float32 factor per row, its largest absolute
    value / 127: what is read back differs by half a factor at most. Vectors, tables of under 512
    numbers and integers stay.
    """
    if precision == "fp32":
        return dict(arrays)
    found: dict[str, np.ndarray] = {}
    for name, array in arrays.items():
        if array.dtype != np.float32 or array.ndim < 2 or array.size < _FEW:
            found[name] = array
            continue
        found[name], found[name + SCALE] = in_rows(array)
    return found


def unpacked(arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The arrays that ``packed`` was given, tables as float32."""
    return {
        name: out_of_rows(array, arrays[name + SCALE]) if name + SCALE in arrays else array
        for name, array in arrays.items()
        if not name.endswith(SCALE)
    }


def in_rows(table: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """int8 of the shape of ``table`` (float32, its first axis are rows), and the factor of each
    row, float32 ``[n]``."""
    rows = table.reshape(len(table), -1)
    scale = (np.abs(rows).max(axis=1, initial=0) / _LARGEST).astype(np.float32)
    integers = np.rint(rows / np.where(scale > 0, scale, 1)[:, None]).astype(np.int8)
    return integers.reshape(table.shape), scale


def out_of_rows(integers: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """float32: the table that ``in_rows`` was given, to half a factor."""
    rows = integers.reshape(len(integers), -1).astype(np.float32) * scale[:, None]
    return np.asarray(rows.reshape(integers.shape))


def packed_weights(arrays: Mapping[str, np.ndarray], precision: Precision) -> dict[str, np.ndarray]:
    """The arrays of ``ItemWeights`` as they are saved; with "int8" as ``packed``, each row of a
    sparse matrix with a factor of its own, and column numbers in as few bytes as hold them."""
    found = dict(arrays)
    if precision == "fp32":
        return found
    for name in [name for name in arrays if name.endswith(_VALUES)]:
        place, values = name.removesuffix(_VALUES), arrays[name]
        counts = np.diff(arrays[f"{place}indptr"])
        scale = np.zeros(len(counts), dtype=np.float32)
        filled = counts > 0
        starts = arrays[f"{place}indptr"][:-1][filled]
        if len(starts):
            scale[filled] = np.maximum.reduceat(np.abs(values), starts) / _LARGEST
        each = np.repeat(np.where(scale > 0, scale, 1), counts)
        found[name], found[name + SCALE] = np.rint(values / each).astype(np.int8), scale
        columns = arrays[f"{place}indices"]
        found[f"{place}indices"] = columns.astype(np.min_scalar_type(len(counts)))
    return found


def unpacked_weights(arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The arrays that ``packed_weights`` was given, weights as float32."""
    found = {name: array for name, array in arrays.items() if not name.endswith(SCALE)}
    for name in [name for name in arrays if name.endswith(SCALE)]:
        whole = name.removesuffix(SCALE)
        place = whole.removesuffix(_VALUES)
        counts = np.diff(arrays[f"{place}indptr"])
        found[whole] = arrays[whole].astype(np.float32) * np.repeat(arrays[name], counts)
        found[f"{place}indices"] = arrays[f"{place}indices"].astype(np.int64)
    return found
