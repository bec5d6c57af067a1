"""Columns of interactions and facts that take less room than the arrays they read as.

A column of words (event, scenario, split) holds a small code for each row and every name once:
pandas' Categorical. A column of integers may be held in 32 bits, or as the counts of its runs; it
reads as the int64 array, and an expression with it is one with that array. Taking some of its rows
makes an array of these rows alone, so that a column on disk need not fit into memory.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, cast

import numpy as np
import pandas as pd
from numpy.lib.mixins import NDArrayOperatorsMixin

from kgrec.arrays import offsets, row_numbers

NO_TIME = np.iinfo(np.int64).min  # timestamp of an interaction that has none
BLOCK = 1_000_000  # rows of a part, where a column is read in parts
_MOST_INSERTED = 256  # values, beyond which a column with inserted ones is made an array
_READ_APART = 8  # a column is made an array where more than a share of its rows is read at once
ABSENT = -1  # stands for NO_TIME in 32 bits


def words(values: np.ndarray | pd.Categorical) -> np.ndarray:
    """A column of words, as the object array that it reads as; names are in the order of their code
    points."""
    if isinstance(values, pd.Categorical):
        names = values.categories.to_numpy(dtype=object)
        if values.categories.dtype == object and values.categories.is_monotonic_increasing:
            return cast(np.ndarray, values)
        codes = values.codes
    else:
        codes, names = pd.factorize(np.asarray(values, dtype=object))
    order = np.argsort(names)
    place = np.empty(len(names), dtype=np.int64)
    place[order] = np.arange(len(names))
    return coded_words(place[codes], names[order])


def coded_words(codes: np.ndarray, names: np.ndarray) -> np.ndarray:
    """The words ``names[codes]``; a single name takes no room for its rows.

    ``codes`` integers ``[n]``; ``names`` distinct strings, object ``[k]``.
    """
    if len(names) == 1:
        codes = repeated(np.int8(0), len(codes))
    index = pd.Index(names, dtype=object)
    return cast(np.ndarray, pd.Categorical.from_codes(codes, index, validate=False))


def codes_and_names(column: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What ``coded_words`` made a column of words of."""
    coded = cast(pd.Categorical, words(column))
    return coded.codes, coded.categories.to_numpy(dtype=object)


def joined_words(first: np.ndarray, second: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """The ``rows`` (int64) of two columns of words, one after the other."""
    (codes, names), (others, more) = codes_and_names(first), codes_and_names(second)
    every = np.array(sorted({*names, *more}), dtype=object)
    if len(every) == 1:
        return coded_words(np.zeros(len(rows), dtype=np.int8), every)
    place = {name: code for code, name in enumerate(every)}
    moved = [
        np.array([place[name] for name in own], dtype=np.int64)[code]
        for code, own in ((codes, names), (others, more))
        if len(own)
    ]
    return coded_words(np.concatenate(moved)[rows], every)


def recoded(column: np.ndarray, codes: Mapping[str, int], other: int) -> np.ndarray:
    """int64 ``[n]``, as a small column: the code of each word; ``other`` for words without one."""
    own, names = codes_and_names(column)
    if not len(names):
        return np.empty(0, dtype=np.int64)
    return small(CodedInts(own, np.array([codes.get(n, other) for n in names], dtype=np.int64)))


def count_rows(column: np.ndarray, n: int) -> np.ndarray:
    """int64 ``[n]``: how often each of 0 … n - 1 is in a column, read in parts."""
    total = np.zeros(n, dtype=np.int64)
    for start in range(0, len(column), BLOCK):
        total += np.bincount(column[start : start + BLOCK], minlength=n)
    return total


def among(column: np.ndarray, names: Sequence[str]) -> np.ndarray:
    """bool ``[n]``: where a column of words has one of ``names``."""
    codes, own = codes_and_names(column)
    wanted = np.array([name in names for name in own], dtype=bool)
    return wanted[codes] if len(own) else np.zeros(len(codes), dtype=bool)


def repeated(value: np.generic, n: int) -> np.ndarray:
    """``value``, ``n`` times, in the room of one: an array that can't be written to."""
    return np.broadcast_to(np.asarray(value), n)


class Column(NDArrayOperatorsMixin, ABC):
    """Numbers that read as an array ``[n]`` of ``dtype``, and are held in another way."""

    dtype: np.dtype[Any]
    ndim = 1

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def __getitem__(self, rows: Any) -> Any:
        """As of the array: a number, or an array."""

    @abstractmethod
    def taken(self, rows: np.ndarray) -> np.ndarray | Column:
        """The column of ``rows`` (bool ``[n]`` or int64) alone, in as little room."""

    def __iter__(self) -> Iterator[Any]:
        return iter(self[:])

    @property
    def shape(self) -> tuple[int]:
        return (len(self),)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        if copy is False:
            raise ValueError("this column has no array of its own.")
        whole: np.ndarray = self[:]
        return whole if dtype is None else whole.astype(dtype, copy=False)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        plain = [one[:] if isinstance(one, Column) else one for one in inputs]
        return getattr(ufunc, method)(*plain, **options)

    def __getattr__(self, name: str) -> Any:
        """The array's own methods, such as ``max``."""
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self[:], name)


class SmallInts(Column):
    """Integers that read as an int64 array ``[n]`` and take less room."""

    dtype = np.dtype(np.int64)


class PackedInts(SmallInts):
    """``values`` + ``base``, of which values below 0 stand for NO_TIME; ``values`` int32."""

    def __init__(self, values: np.ndarray, base: int = 0) -> None:
        self.values, self.base = values, base

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, rows: Any) -> Any:
        found = self.values[rows]
        if found.ndim == 0:
            return np.int64(NO_TIME if found < 0 else int(found) + self.base)
        whole = np.array(found, dtype=np.int64, subok=False)
        if self.base:
            whole += self.base
        absent = found < 0
        if absent.any():
            whole[absent] = NO_TIME
        return whole

    def taken(self, rows: np.ndarray) -> PackedInts:
        return PackedInts(np.asarray(self.values[rows]), self.base)


class CodedInts(SmallInts):
    """``table[codes]``: ``codes`` integers ``[n]``, ``table`` int64 ``[k]``."""

    def __init__(self, codes: np.ndarray, table: np.ndarray) -> None:
        self.codes, self.table = codes, table

    def __len__(self) -> int:
        return len(self.codes)

    def __getitem__(self, rows: Any) -> Any:
        return self.table[self.codes[rows]]

    def taken(self, rows: np.ndarray) -> CodedInts:
        return CodedInts(taken(self.codes, rows), self.table)


class RunInts(SmallInts):
    """0, 1, 2, … each as often as ``indptr`` (int64 ``[m + 1]``) says: the rows of users."""

    def __init__(self, indptr: np.ndarray) -> None:
        self.indptr = indptr

    def __len__(self) -> int:
        return int(self.indptr[-1])

    def __getitem__(self, rows: Any) -> Any:
        if isinstance(rows, slice):
            start, stop, step = rows.indices(len(self))
            if step == 1 and stop - start < len(self):
                return self._between(start, max(start, stop))
            return row_numbers(self.indptr)[rows]
        if isinstance(rows, np.ndarray) and rows.dtype == bool:
            return row_numbers(self.indptr)[rows]
        places = np.asarray(rows)
        places = np.where(places < 0, places + len(self), places)
        return np.searchsorted(self.indptr, places, side="right") - 1

    def _between(self, start: int, stop: int) -> np.ndarray:
        """int64: the entries from ``start`` to before ``stop``."""
        first, last = np.searchsorted(self.indptr, (start, stop - 1), side="right") - 1
        ends = np.clip(self.indptr[first : last + 2], start, stop)
        return np.repeat(np.arange(first, last + 1), np.diff(ends))

    def with_more(self, users: np.ndarray) -> RunInts:
        """The rows with one more for each of ``users``, int64 ascending."""
        n = max(len(self.indptr) - 1, int(users[-1]) + 1 if len(users) else 0)
        more = offsets(np.bincount(users, minlength=n))
        more[: len(self.indptr)] += self.indptr
        more[len(self.indptr) :] += self.indptr[-1]
        return RunInts(more)

    def taken(self, rows: np.ndarray) -> np.ndarray | RunInts:
        if rows.dtype != bool:
            return np.asarray(self[rows])
        before = np.zeros(len(rows) + 1, dtype=np.int64 if len(rows) >= 2**31 else np.int32)
        np.cumsum(rows, out=before[1:])
        return RunInts(before[self.indptr].astype(np.int64))


class Inserted(Column):
    """An earlier column with a few values between its own.

    Reading a part costs as much as that part; reading all of it makes the array, once.

    Parameters
    ----------
    before : array or Column ``[n - k]``
        The earlier column.
    places : int64 ``[k]``
        The rows of the values in this column, ascending.
    values : array ``[k]``
        Of the type of ``before``.
    """

    def __init__(self, before: np.ndarray | Column, places: np.ndarray, values: np.ndarray) -> None:
        self.dtype = before.dtype
        self._before, self._places, self._values = before, places, values

    def __len__(self) -> int:
        return len(self._before) + len(self._places)

    @cached_property
    def whole(self) -> np.ndarray:
        """The array that the column reads as."""
        return np.insert(np.asarray(self._before), self._gaps(slice(None)), self._values)

    def __getitem__(self, rows: Any) -> Any:
        if "whole" in vars(self):
            return self.whole[rows]
        if isinstance(rows, slice):
            start, stop, step = rows.indices(len(self))
            if step == 1 and stop - start < len(self):
                return self._between(start, max(start, stop))
            return self.whole[rows]
        places = np.asarray(rows)
        if places.dtype == bool or places.size * _READ_APART > len(self):
            return self.whole[rows]
        return self._at(places.astype(np.int64, copy=False))

    def taken(self, rows: np.ndarray) -> np.ndarray:
        return np.asarray(self[rows])

    def with_more(self, places: np.ndarray, values: np.ndarray) -> Inserted:
        """The column with more values; ``places`` as above, in the new column, int64 ascending."""
        if "whole" in vars(self) or len(self._places) + len(places) > _MOST_INSERTED:
            return Inserted(self.whole, places, values)
        # A row moves by the new ones before it: row i of this column is at i + j where the j-th
        # gap is the first beyond it.
        gaps = places - np.arange(len(places))
        moved = self._places + np.searchsorted(gaps, self._places, side="right")
        every = np.concatenate([moved, places])
        order = np.argsort(every, kind="stable")
        both = np.concatenate([self._values, values]).astype(self.dtype, copy=False)
        return Inserted(self._before, every[order], both[order])

    def _gaps(self, part: slice) -> np.ndarray:
        """int64: the row of the earlier column that each value of a part stands before."""
        return np.asarray(self._places - np.arange(len(self._places)))[part]

    def _between(self, start: int, stop: int) -> np.ndarray:
        """The values from row ``start`` to before row ``stop``."""
        first, last = np.searchsorted(self._places, (start, stop))
        part = np.asarray(self._before[start - first : stop - last])
        if first == last:
            return part
        gaps = self._gaps(slice(first, last)) - (start - first)
        return np.insert(part, gaps, self._values[first:last])

    def _at(self, rows: np.ndarray) -> Any:
        """The values of some rows."""
        rows = np.where(rows < 0, rows + len(self), rows)
        if rows.size and not 0 <= rows.min() <= rows.max() < len(self):
            raise IndexError(f"a row is not among the {len(self):,} of the column")
        earlier = np.searchsorted(self._places, rows, side="right")
        own = np.maximum(earlier - 1, 0)
        here = (earlier > 0) & (self._places[own] == rows)
        if here.all():
            return self._values[own]
        left = np.minimum(rows - earlier + here, len(self._before) - 1)
        found = np.where(here, self._values[own], np.asarray(self._before[left]))
        return found if found.ndim else found[()]


def with_inserted(column: np.ndarray, places: np.ndarray, values: np.ndarray) -> np.ndarray:
    """A column of numbers with ``values`` at the rows ``places`` (int64 ascending) of the new one;
    it reads as an array."""
    values = np.asarray(values, dtype=column.dtype)
    if isinstance(column, Inserted):
        return cast(np.ndarray, column.with_more(places, values))
    return cast(np.ndarray, Inserted(column, places, values))


def words_with_inserted(column: np.ndarray, places: np.ndarray, more: np.ndarray) -> np.ndarray:
    """The same of a column of words."""
    coded, gaps = cast(pd.Categorical, words(column)), places - np.arange(len(places))
    names = coded.categories.tolist()
    if not {*names}.issuperset(more):
        rows = np.insert(np.arange(len(coded)), gaps, len(coded) + np.arange(len(places)))
        return joined_words(column, more, rows)
    if len(names) == 1:
        codes = repeated(np.int8(0), len(coded) + len(places))
    else:
        codes = np.insert(coded.codes, gaps, [names.index(name) for name in more])
    return cast(np.ndarray, pd.Categorical.from_codes(codes, dtype=coded.dtype, validate=False))


def small(column: SmallInts) -> np.ndarray:
    """``column`` as the int64 array that it reads as."""
    return cast(np.ndarray, column)


def taken(column: Any, rows: np.ndarray) -> Any:
    """The ``rows`` (bool ``[n]`` or int64) of a column, in as little room as it takes."""
    if isinstance(column, Column):
        return column.taken(rows)
    if isinstance(column, pd.Categorical) and len(column.categories) == 1:
        return coded_words(taken(column.codes, rows), column.categories.to_numpy(dtype=object))
    if isinstance(column, np.ndarray) and column.strides == (0,) and len(column):
        return repeated(column[0], int(rows.sum()) if rows.dtype == bool else len(rows))
    return column[rows]


def run_offsets(user: np.ndarray, n_users: int) -> np.ndarray:
    """int64 ``[n_users + 1]``: where the run of each user begins in ``user``, which ascends."""
    if isinstance(user, RunInts) and len(user.indptr) == n_users + 1:
        return user.indptr
    return offsets(np.bincount(user, minlength=n_users))


def parts_of_users(indptr: np.ndarray) -> Iterator[slice]:
    """The rows of some users at a time, all of each user's, about ``BLOCK`` of them."""
    start, n = 0, int(indptr[-1])
    while start < n:
        last = int(np.searchsorted(indptr, start + BLOCK, side="right")) - 1
        end = int(indptr[last])
        if end <= start:  # one user with more rows
            end = int(indptr[np.searchsorted(indptr, start, side="right")])
        yield slice(start, end)
        start = end
