"""The values of one column of kgrec, from the columns of a file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from graph_schema.conversion.columns import parsed_numbers, true_positions
from graph_schema.conversion.number_ranges import bounds
from graph_schema.report import shown
from loaders.mapping import arrays
from loaders.mapping.model import BRACKETS, Value
from loaders.mapping.problems import Problems
from loaders.mapping.times import seconds_of, seconds_written

_YES: Final = ("1", "1.0", "true", "t", "yes", "y")
_NO: Final = ("", "0", "0.0", "false", "f", "no", "n")


@dataclass(frozen=True)
class Place:
    """Where values are read: the field of the mapping, the file, and the row of each record there
    (int64 ``[n]``). ``problems`` takes what is wrong with them."""

    field: str
    file: str
    rows: np.ndarray
    problems: Problems

    def wrong(self, positions: np.ndarray, values: Any, what: str, cure: str) -> None:
        """Add a problem for the values at ``positions`` (int64), if there are any."""
        if not len(positions):
            return
        first = int(positions[0])
        more = f" ({len(positions):,} rows in all)" if len(positions) > 1 else ""
        self.problems.add(
            self.field,
            f"{self.file}, row {int(self.rows[first])}: {shown(values[first].as_py())} {what}"
            f"{more}; {cure}",
        )


def read_value(value: Value, table: pa.Table, place: Place) -> Any:
    """The values as an Arrow array: of texts or lists of texts, or of the file's own type where
    nothing is to be changed. int64 for a time with a format or a unit."""
    array = _source(value, table, place)
    if value.separator is not None and not arrays.is_list(array):
        array = _split(arrays.texts(array), value.separator, place)
    if value.words:
        array = arrays.changed(array, lambda one: arrays.replaced(one, value.words))
        array = arrays.without_empty(array) if arrays.is_list(array) else array
    if value.decimal is not None:
        array = _with_points(arrays.texts(array), place)
    if value.ranges:
        array = _of_ranges(arrays.texts(array), value.ranges, place)
    if value.unit is not None:
        return _units(array, value.unit, place)
    if value.format is not None:
        return _formatted(array, value.format, place)
    if value.prefix:
        array = arrays.changed(array, lambda one: arrays.prefixed(one, value.prefix))
    return array


def _source(value: Value, table: pa.Table, place: Place) -> Any:
    if value.value is not None:
        return pa.array([value.value] * table.num_rows, pa.scalar(value.value).type)
    given = [arrays.one_array(table.column(name)) for name in value.sources]
    if value.column is not None:
        return given[0]
    if value.flags is not None:
        return _flagged([arrays.texts(one) for one in given], list(value.flags.values()), place)
    written = [arrays.texts(one) for one in given]
    if value.join is None:
        return arrays.side_by_side(written)
    return _joined(written, value.join)


def _joined(written: list[Any], between: str) -> Any:
    """The texts that are not empty, with ``between`` between them."""
    known = [pc.if_else(pc.equal(one, ""), pa.scalar(None, pa.string()), one) for one in written]
    return pc.binary_join_element_wise(*known, between, null_handling="skip")


def _flagged(written: list[Any], names: list[str], place: Place) -> Any:
    columns = []
    for texts, name in zip(written, names, strict=True):
        lower = pc.utf8_lower(pc.utf8_trim_whitespace(texts))
        yes = pc.is_in(lower, value_set=pa.array(_YES))
        known = pc.or_(yes, pc.is_in(lower, value_set=pa.array(_NO)))
        odd = true_positions(pc.invert(known))
        place.wrong(odd, texts, f"is neither yes nor no for {name}", "flags are 0 and 1.")
        columns.append(pc.if_else(yes, name, ""))
    return arrays.side_by_side(columns)


def _split(texts: Any, separator: str, place: Place) -> Any:
    if separator != BRACKETS:
        return arrays.split(texts, separator)
    lists, wrong = arrays.split_brackets(texts)
    odd = true_positions(pc.is_in(texts, value_set=pa.array(wrong, pa.string())))
    place.wrong(odd, texts, "is no list in brackets", "give the separator of the values.")
    return lists


def _with_points(written: Any, place: Place) -> Any:
    """Numbers such as 1.250,90 € as float64, absent for empty texts."""
    texts, bad = arrays.with_decimal_points(written)
    cure = "leave it empty where nothing is known, or replace it by words."
    place.wrong(bad, written, "is no number with a decimal comma", cure)
    return parsed_numbers(texts)[0]


def _of_ranges(written: Any, ranges: dict[str, str], place: Place) -> Any:
    """The values of the ranges that hold numbers; empty where a number is absent."""
    numbers, bad = parsed_numbers(written)
    place.wrong(bad, written, "is no number", "leave it empty where nothing is known.")
    given = numbers.to_numpy(zero_copy_only=False).astype(np.float32)
    places = np.full(len(given), -1, dtype=np.int64)
    for place_of, text in reversed(list(enumerate(ranges))):
        places[bounds(text).holds(given)] = place_of
    left = np.flatnonzero((places < 0) & ~np.isnan(given))
    place.wrong(left, written, "is in none of the ranges", "add a range that holds it.")
    values = np.array([*ranges.values(), ""], dtype=object)
    return pa.array(values[places], pa.string())


def _units(array: Any, unit: str, place: Place) -> Any:
    if pa.types.is_temporal(array.type):  # a time already, whose unit is known
        return array
    if pa.types.is_string(array.type):
        _, bad = parsed_numbers(array)
        place.wrong(bad, array, "is no number", "give format in place of unit.")
    return seconds_of(array, unit)


def _formatted(array: Any, form: str, place: Place) -> Any:
    if pa.types.is_temporal(array.type):
        return array
    written = arrays.texts(array)
    found, bad = seconds_written(written, form)
    place.wrong(bad, written, f"is not written as {form}", "correct format.")
    return found
