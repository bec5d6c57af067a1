"""Infer the types of text columns. A type is used only if no value changes its meaning by that.

What is read as absent, and what keeps a column of numbers from being one, is noted in the report.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from graph_schema.report import shown
from loaders.report import FileReport
from loaders.tables.list_texts import joined_lists, values_of_text

NULL: Final = "\\N"  # how MySQL and Hive write an absent value
# How programs and spreadsheets write an absent value.
ABSENT: Final = (
    *("NA", "N/A", "n/a", "#N/A", "<NA>", "NULL", "Null", "null", "None", "nan", "NaN", "NAN"),
    *("NaT", "#VALUE!", "#DIV/0!", "#REF!", "#NAME?", "#NULL!", "#NUM!"),
)
_COUNTABLE: Final = r"^[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?$"
# Digits alone may be a code with zeros before it, which is text for good reason.
_COMES_BACK: Final = r"^[-+]?[0-9]+$|^-?(0|[1-9][0-9]*)\.[0-9]*[1-9]$"
_SEVERAL: Final = re.compile(
    r"(^|_)(genre|categor(y|ie)|tag|actor|cast|author|director|keyword|topic|artist|style)s?($|_)"
)
_JOINED: Final = r"[^,;/][,;/] ?[^,;/]"
_VECTOR: Final = r"^\s*\[[-+0-9.,eE\s]*\]\s*$"
_OBJECTS: Final = r"(?s)^\s*[\[\{(].*[\])\}]\s*$"
_DECIMALS: Final = r"^-?(0|[1-9][0-9]*)\.([0-9]+)$"
_DIGITS: Final = 15  # of a number that float64 holds exactly enough to tell from its neighbours
# Numbers as people write them: +5, 1,250, 1 250, 1,5, 5 %, $12.50, 12 EUR.
_WRITTEN: Final = (
    r"^\+[0-9.]+$|^[-+]?[0-9]{1,3}([, \x{a0}][0-9]{3})+(\.[0-9]+)?$|^[-+]?[0-9]+,[0-9]+$"
    r"|^[-+]?[0-9.,]+ ?%$|^[$€£¥] ?[0-9.,]+$|^[0-9.,]+ ?([$€£¥]|USD|EUR|GBP)$|^0x[0-9A-Fa-f]+$"
)
_MOSTLY: Final = 0.8  # share of numbers from which the other values are noted


def infer_types(
    table: pa.Table,
    known: Collection[str],
    file: FileReport | None = None,
    rows: np.ndarray | None = None,
) -> pa.Table:
    """Convert each text column that isn't in ``known`` to int64, float64 or bool, if possible.

    It is possible if every value, converted back, gives the same text: years become numbers and
    "true" becomes true, but the postcode "02139" stays text and keeps its zero. Columns in which
    all numbers have the same count of decimals, as prices have, become numbers, and True and False
    in any case become booleans. Texts that are all lists, such as ``["a", "b"]``, become ``a|b``.
    An empty value and ``\\N`` are absent; NA, NULL, nan and the like are where the other values are
    numbers, booleans or lists.

    Parameters
    ----------
    table : pyarrow.Table
        The rows of a file.
    known : collection of str
        Columns whose types the schema knows.
    file : FileReport, optional
        Takes a note for values that count as absent, and for a column that is text because of a
        few values.
    rows : int64 ``[n]``, optional
        The row number of each row in the file, for these notes.
    """
    for position, name in enumerate(table.column_names):
        column = table.column(position)
        if name in known or not pa.types.is_string(column.type):
            continue
        found = _Column.of(column)
        if found is None:
            continue
        values = found.values()
        lists = found.lists() if values is None or pa.types.is_string(values.type) else None
        if lists is not None:
            values = lists
            if file is not None:
                file.notes.append(found.note_on_lists(name, rows))
        if values is not None:
            table = table.set_column(position, name, values)
        if file is not None:
            file.notes += found.notes(name, values, rows)
    return table


class _Column:
    """A column of texts as its distinct ones, which are few where it has many rows."""

    def __init__(self, texts: Any, codes: Any) -> None:
        self.texts, self.codes = texts, codes
        self.missing: tuple[str, ...] = (NULL,)

    @staticmethod
    def of(column: Any) -> _Column | None:
        """None for a column without values."""
        coded = column.combine_chunks().dictionary_encode()
        if isinstance(coded, pa.ChunkedArray):
            return None
        if pc.all(pc.equal(coded.dictionary, "")).as_py() is not False:
            return None
        return _Column(coded.dictionary, coded.indices)

    def values(self) -> Any:
        """The column as its type; None where it stays as it is."""
        given = self._given()
        found = _typed(given)
        if found is None:
            self.missing = (NULL, *ABSENT)
            found = _typed(self._given())
        if found is not None:
            return found.take(self.codes)
        self.missing = (NULL,)
        return given.take(self.codes) if self._count(self.missing) else None

    def lists(self) -> Any:
        """The column with several values, as ``a|b``, where every value is a list; else None."""
        missing, self.missing = self.missing, (NULL, *ABSENT)
        joined = joined_lists(pc.fill_null(self._given(), ""))
        if joined is None:
            self.missing = missing
            return None
        return joined.take(self.codes)

    def note_on_lists(self, name: str, rows: np.ndarray | None) -> str:
        """What a user should know of a column of lists."""
        given = self._places(pc.invert(pc.is_in(self.texts, value_set=_words(self.missing))))
        word = shown(self.texts[self.codes[int(given[0])].as_py()].as_py())
        return (
            f"column {name}: lists such as {word} are read as several values ({len(given):,} in "
            f"all, the first in row {_row(given, rows)})."
        )

    def notes(self, name: str, values: Any, rows: np.ndarray | None) -> list[str]:
        """What a user should know of the values that count as absent or keep the column text."""
        found = []
        absent = self._places(pc.is_in(self.texts, value_set=pa.array(self.missing)))
        if len(absent):
            word = self.texts[self.codes[int(absent[0])].as_py()].as_py()
            found.append(absent_values(name, word, len(absent), _row(absent, rows)))
        if values is None or pa.types.is_string(values.type):
            found += self._strangers(name, rows) or self._odd_numbers(name, rows)
        if values is None:
            found += self._kept(name, rows)
        return found

    def _kept(self, name: str, rows: np.ndarray | None) -> list[str]:
        """Notes on texts that look like absent values, lists, or several values."""
        found = []
        words = self._places(pc.is_in(self.texts, value_set=pa.array(ABSENT)))
        if len(words):
            found.append(self._note(name, words, rows, "are kept as text; leave them empty if {}"))
        like = pc.match_substring_regex(self.texts, _OBJECTS)
        vector = pc.match_substring_regex(self.texts, _VECTOR)
        lists = self._places(pc.and_(like, pc.invert(vector)))
        mostly = len(lists) > _MOSTLY * len(self._places(pc.not_equal(self.texts, "")))
        if mostly or (len(lists) and values_of_text(self._text(lists)) is not None):
            found.append(
                self._note(name, lists, rows, "are kept as text; write several values as a|b")
            )
        elif _SEVERAL.search(name.lower()):
            several = self._places(pc.match_substring_regex(self.texts, _JOINED))
            if len(several):
                what = "are one value each; write several values as a|b"
                found.append(self._note(name, several, rows, what))
        return found

    def _odd_numbers(self, name: str, rows: np.ndarray | None) -> list[str]:
        """A note where all values are numbers, and the column is text as one of them would not come
        back as it is written."""
        number = pc.match_substring_regex(self.texts, _COUNTABLE)
        empty = pc.is_in(self.texts, value_set=_words(self.missing))
        if not pc.all(pc.or_(number, empty)).as_py():
            return []
        back = pc.match_substring_regex(self.texts, _COMES_BACK)
        places = self._places(pc.invert(pc.or_(back, empty)))
        what = "would not come back as they are written if they were numbers: the column is text"
        return [self._note(name, places, rows, what)] if len(places) else []

    def _text(self, places: np.ndarray) -> str:
        """The text of the first of these rows."""
        return str(self.texts[self.codes[int(places[0])].as_py()].as_py())

    def _note(self, name: str, places: np.ndarray, rows: np.ndarray | None, what: str) -> str:
        word = shown(self._text(places))
        what = what.format("they stand for an absent value")
        return (
            f"column {name}: values such as {word} {what} ({len(places):,} in all, the first in "
            f"row {_row(places, rows)})."
        )

    def _given(self) -> Any:
        empty = pc.or_(
            pc.equal(self.texts, ""), pc.is_in(self.texts, value_set=pa.array(self.missing))
        )
        return pc.if_else(empty, pa.scalar(None, pa.string()), self.texts)

    def _strangers(self, name: str, rows: np.ndarray | None) -> list[str]:
        """A note where a column has mostly numbers, or numbers as people write them, with the first
        value that is none for kgrec."""
        number = pc.match_substring_regex(self.texts, r"^-?[0-9]+(\.[0-9]+)?$")
        empty = pc.is_in(self.texts, value_set=pa.array(["", *self.missing]))
        strange = self._places(pc.invert(pc.or_(number, empty)))
        numbers = len(self._places(number))
        written = len(self._places(pc.match_substring_regex(self.texts, _WRITTEN)))
        if not len(strange) or (written < len(strange) and numbers < _MOSTLY * len(self.codes)):
            return []
        word = shown(self.texts[self.codes[int(strange[0])].as_py()].as_py())
        return [
            f"column {name} is text, as {len(strange):,} of its {numbers + len(strange):,} values "
            f"are no numbers; the first is {word} in row {_row(strange, rows)}."
        ]

    def _count(self, words: tuple[str, ...]) -> int:
        return len(self._places(pc.is_in(self.texts, value_set=pa.array(words))))

    def _places(self, chosen: Any) -> np.ndarray:
        """int64: the rows whose text is ``chosen``."""
        mask = pc.take(chosen, self.codes).to_numpy(zero_copy_only=False)
        return np.flatnonzero(mask)


def absent_values(name: str, word: str, count: int, row: int) -> str:
    """The note for values that count as absent."""
    return (
        f"column {name}: values such as {shown(word)} count as absent ({count:,} in all, the first "
        f"in row {row})."
    )


def _row(places: np.ndarray, rows: np.ndarray | None) -> int:
    place = int(places[0])
    return place if rows is None else int(rows[place])


def _typed(given: Any) -> Any:
    """Distinct texts as numbers or booleans; None where that would change one."""
    if given.null_count == len(given):
        return None
    for kind in (pa.int64(), pa.float64(), pa.bool_()):
        try:
            values = given.cast(kind)
        except pa.ArrowInvalid:
            continue
        if _gives_back(values, given):
            return values
    truths = _all_in(pc.utf8_lower(given), ("true", "false"))
    return _booleans(given) if truths else _prices(given)


def _words(missing: tuple[str, ...]) -> Any:
    return pa.array(["", *missing])


def _all_in(given: Any, words: tuple[str, ...]) -> bool:
    return bool(pc.all(pc.is_in(given, value_set=pa.array([*words, None], pa.string()))).as_py())


def _booleans(given: Any) -> Any:
    return pc.utf8_lower(given).cast(pa.bool_())


def _prices(given: Any) -> Any:
    """Numbers that are all written with the same count of decimals, such as 12.50; else None."""
    known = given.drop_null()
    if not pc.all(pc.match_substring_regex(known, _DECIMALS)).as_py():
        return None
    decimals = pc.utf8_length(pc.replace_substring_regex(known, r"^.*\.", ""))
    if pc.min(decimals).as_py() != pc.max(decimals).as_py():
        return None
    if pc.max(pc.utf8_length(known)).as_py() > _DIGITS:
        return None
    return given.cast(pa.float64())


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
