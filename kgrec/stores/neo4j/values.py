"""Property values of a Neo4j graph as Arrow columns of the few types that kgrec reads.

They are converted as the columns of a frame are: dates become ISO text, durations seconds, lists
"a|b". Nothing in a graph that is only read can be repaired by the reader, so what frames refuse is
absent here (infinite numbers, bytes) or text (points, durations with months).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final

import neo4j.graph
import neo4j.spatial
import neo4j.time
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from graph_schema.conversion.attributes import attribute
from graph_schema.conversion.columns import (
    numbers,
    strings,
    times,
    to_arrow,
    true_positions,
    unit_of,
)
from graph_schema.report import ProblemCollector, shown

_TEMPORAL = (neo4j.time.Date, neo4j.time.DateTime, neo4j.time.Time)
_TUPLES = (neo4j.spatial.Point, neo4j.time.Duration)  # which Arrow would take for lists
_PER_SECOND: Final = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9, "datetime": 1}
_PLAIN: Final = (pa.string(), pa.int64(), pa.bool_(), pa.null())


def property_column(values: list[Any], *, vectors: bool = False) -> pa.Array:
    """The values of one property as a column of text, numbers or booleans.

    ``vectors``: lists of floating-point numbers stay lists.
    """
    array = _arrow(values)
    if array is not None and array.type in _PLAIN:
        return array
    if array is not None and pa.types.is_floating(array.type):
        return pc.if_else(pc.is_finite(array), array, None)
    if vectors and array is not None and array.type == pa.list_(pa.float64()):
        return array
    plain = pd.Series(_plain_values(values), dtype=object)
    return attribute("graph", "property", plain, ProblemCollector({}, {}))


def _arrow(values: list[Any]) -> pa.Array | None:
    """None where the values share no type, or Arrow would take them for something else."""
    try:
        array = pa.array(values)
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        return None
    odd = pa.types.is_list(array.type) and any(isinstance(value, _TUPLES) for value in values)
    return None if odd else array


def _plain_values(values: list[Any]) -> list[Any]:
    long = any(isinstance(one, neo4j.time.Duration) and one.months for one in values)
    return [_plain(value, long) for value in values]


def _plain(value: Any, long: bool) -> Any:
    """A value that a frame's column may hold; ``long``: durations have no fixed length."""
    if isinstance(value, neo4j.spatial.Point):
        return " ".join(map(str, value))
    if isinstance(value, neo4j.time.Duration):
        if long:
            return value.iso_format()
        return timedelta(value.days, value.seconds, value.nanoseconds // 1_000)
    if isinstance(value, _TEMPORAL):
        return _native(value)
    if isinstance(value, list):
        parts = [str(_plain(part, True)) for part in value]
        return "|".join(parts) or None
    if isinstance(value, bytes | bytearray):
        return None
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _native(value: Any) -> Any:
    try:
        return value.to_native()
    except ValueError:  # a year that Python doesn't know
        return value.iso_format()


def number_column(values: list[Any]) -> tuple[pa.Array, np.ndarray]:
    """The values as float64, and the positions (int64) of those that are no number."""
    array, bad = numbers(property_column(values))
    return array, _but_nan(values, bad)


def word_column(values: list[Any]) -> tuple[pa.Array, np.ndarray]:
    """The values as text or ids, and the positions (int64) of those that can't be."""
    return strings(property_column(values), is_id=True)


def time_column(values: list[Any], unit: str) -> tuple[pa.Array, np.ndarray]:
    """The values as int64 unix seconds, and the positions (int64) of those that are no time.

    Numbers are in ``unit``; dates, dates with times and ISO text are themselves.
    """
    native = [_native(v) if isinstance(v, _TEMPORAL) else v for v in values]
    given = to_arrow(pd.Series(native, dtype=object), "graph", "timestamp", _nobody())
    whole, bad = times(given)
    lost = pc.and_(given.is_null(), pa.array([one is not None for one in native], pa.bool_()))
    bad = np.union1d(bad, true_positions(lost))
    if pa.types.is_integer(given.type) or pa.types.is_floating(given.type):
        seconds = pc.fill_null(whole, 0).to_numpy(zero_copy_only=False) // _PER_SECOND[unit]
        whole = pc.if_else(whole.is_valid(), pa.array(seconds), None)
    late = [row for row, one in enumerate(whole.to_pylist()) if one is not None and unit_of(one)]
    return whole, np.union1d(_but_nan(values, bad), np.array(late, dtype=np.int64)).astype(np.int64)


def _nobody() -> ProblemCollector:
    return ProblemCollector({}, {})


def _but_nan(values: list[Any], bad: np.ndarray) -> np.ndarray:
    """``bad`` without the positions of NaN, which is no value."""
    kept = [row for row in bad.tolist() if not _is_nan(values[row])]
    return np.array(kept, dtype=np.int64)


def _is_nan(value: object) -> bool:
    return isinstance(value, float) and math.isnan(value)


def id_of_key(value: Any) -> str | None:
    """kgrec's id of a key without its prefix; None for what can't be a key."""
    if isinstance(value, bool):
        return None
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else None
    return str(value) if isinstance(value, str | int) and value != "" else None


def examples(values: Sequence[Any], most: int = 3) -> str:
    """Some of the values, as a message shows them."""
    listed = [shown(one) if isinstance(one, str) else _show(one) for one in values[:most]]
    return ", ".join(listed) + (", …" if len(values) > most else "")


def _show(value: Any) -> str:
    if isinstance(value, _TEMPORAL):
        return str(value.iso_format())
    text = str(value)
    return text if len(text) <= 80 else text[:80] + "…"


def plain_value(value: Any) -> Any:
    """A value of a query's answer in the form that every store gives."""
    if isinstance(value, neo4j.graph.Node):
        return {"labels": sorted(value.labels), "properties": _plain_map(value)}
    if isinstance(value, neo4j.graph.Relationship):
        return {"type": value.type, "properties": _plain_map(value)}
    if isinstance(value, neo4j.graph.Path):
        return {
            "nodes": [plain_value(node) for node in value.nodes],
            "relationships": [plain_value(edge) for edge in value.relationships],
        }
    if isinstance(value, list):
        return [plain_value(part) for part in value]
    if isinstance(value, dict):
        return {name: plain_value(part) for name, part in value.items()}
    if isinstance(value, neo4j.time.Date | neo4j.time.DateTime | neo4j.time.Time):
        return value.to_native()
    return value


def _plain_map(entity: neo4j.graph.Entity) -> dict[str, Any]:
    return {name: plain_value(value) for name, value in entity.items()}


def reads_files(plan: dict[str, Any] | None) -> bool:
    """Whether a query's plan has LOAD CSV, which reads files and addresses."""
    if plan is None:
        return False
    if str(plan.get("operatorType", "")).startswith("LoadCSV"):
        return True
    return any(reads_files(part) for part in plan.get("children", ()))
