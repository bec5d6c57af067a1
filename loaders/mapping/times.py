"""Times as a mapping describes them: numbers of a unit, and text of a format."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from graph_schema.conversion.columns import absent_if_empty, numbers

_FACTORS: Final = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def seconds_of(array: Any, unit: str) -> Any:
    """Numbers of a unit as int64 unix seconds; fractions are cut off, and what is no number is
    absent."""
    factor = _FACTORS[unit]
    if pa.types.is_string(array.type):
        array = absent_if_empty(pc.utf8_trim_whitespace(array))
    try:
        whole = array.cast(pa.int64())
    except pa.ArrowInvalid:
        return pc.floor(pc.divide(numbers(array)[0], float(factor))).cast(pa.int64(), safe=False)
    known = pc.fill_null(whole, 0).to_numpy(zero_copy_only=False)
    absent = pc.is_null(whole).to_numpy(zero_copy_only=False)
    return pa.array(known // factor, pa.int64(), mask=absent)


def seconds_written(texts: Any, form: str) -> tuple[Any, np.ndarray]:
    """Texts of a format, as strptime has it, as int64 unix seconds, in UTC where they have no
    offset; and the positions (int64) of those that are not of that format. "" is absent."""
    coded = texts.dictionary_encode()
    words = coded.dictionary.to_pylist()
    found = _seconds(words, form)
    distinct = pa.array(found, pa.int64())
    odd = np.array(
        [one is None and bool(word.strip()) for word, one in zip(words, found, strict=True)]
    )
    places = coded.indices.to_numpy(zero_copy_only=False)
    wrong = np.flatnonzero(odd[places]) if len(odd) else np.empty(0, dtype=np.int64)
    return distinct.take(coded.indices), wrong


def _seconds(words: list[str], form: str) -> list[int | None]:
    """What pandas can't hold, or reads otherwise, is read one by one."""
    try:
        stamps = pd.to_datetime(
            pd.Series(words, dtype=object), format=form, utc=True, errors="coerce"
        )
    except (ValueError, TypeError):  # a format that pandas does not know
        return [_one(word, form) for word in words]
    micros = stamps.dt.as_unit("us").astype("int64").to_numpy() // 1_000_000
    return [
        _one(word, form) if absent else int(second)
        for word, second, absent in zip(words, micros, stamps.isna(), strict=True)
    ]


def _one(word: str, form: str) -> int | None:
    try:
        time = datetime.strptime(word.strip(), form)
    except (ValueError, OverflowError):
        return None
    return ((time if time.tzinfo else time.replace(tzinfo=UTC)) - _EPOCH) // timedelta(seconds=1)
