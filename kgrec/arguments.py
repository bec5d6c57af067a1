"""Arguments of requests as plain values: ids, counts, seeds and choices, or one RequestError."""

from __future__ import annotations

import datetime as dt
import secrets
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, Literal, TypeAlias

import numpy as np

from graph_schema.errors import RequestError

Missing: TypeAlias = Literal["error", "ignore"]
Time: TypeAlias = "int | float | str | dt.date | np.datetime64"

_LARGEST_FLOAT: Final = 2.0**53  # whole floats up to here are exact
_MOST: Final = 2**31 - 1  # larger counts mean "all"
_SEEDS: Final = 2**32
_NAMED: Final = 10  # unknown ids that an error names, at most


def as_id(value: Any, what: str) -> str:
    """An id as text.

    Whole numbers are ids too, and so are whole floats, because a column of integers with absent
    values has floats: 7.0 is the id "7". Raises RequestError for anything else.
    """
    if isinstance(value, str):
        return check_text(value, what)
    if isinstance(value, int | np.integer) and not isinstance(value, bool):
        return str(int(value))
    if isinstance(value, float | np.floating):
        number = float(value)
        if number.is_integer() and abs(number) < _LARGEST_FLOAT:
            return str(int(number))
    raise RequestError(f"{what}: {value!r} is not an id; ids are texts or whole numbers.")


def id_list(ids: Any, what: str) -> list[str]:
    """Ids as a list of strings; a single id becomes a list of one.

    A list, tuple, set, Series, Index, NumPy or Arrow array will do. Raises RequestError for
    anything else, and for a value that is no id.
    """
    return [as_id(one, what) for one in given_ids(ids, what)]


def given_ids(ids: Any, what: str) -> list[Any]:
    """The ids as they were given, a single one in a list. Raises RequestError for no list."""
    if isinstance(ids, str | int | float | np.generic):
        return [ids]
    if getattr(ids, "ndim", 1) == 0:
        return [ids.item()]
    if isinstance(ids, set | frozenset):  # a set has no order: take one that every run shares
        return sorted(ids, key=str)
    if isinstance(ids, bytes | bytearray | Mapping) or not isinstance(ids, Iterable):
        raise RequestError(f"{what} must be an id or a list of ids, not {_shown(ids)}.")
    if getattr(ids, "ndim", 1) != 1:
        raise RequestError(f"{what} has {ids.ndim} dimensions; pass a list of ids.")  # type: ignore[attr-defined]
    if hasattr(ids, "to_pylist"):  # Arrow's arrays iterate over scalars of their own
        return list(ids.to_pylist())
    return list(ids)


def check_text(value: Any, what: str) -> str:
    """``value`` as a str that can be stored. Raises RequestError for anything else."""
    if not isinstance(value, str):
        raise RequestError(f"{what} is {_shown(value)}; give a text.")
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise RequestError(f"{what}: {value!r} is not valid Unicode text.") from error
    return str(value)


def all_integers(ids: Any) -> bool:
    """Whether ids were given as whole numbers that int64 holds: one, or a list of nothing else.

    Whole floats count, as a column of integers with absent values has them.
    """
    if ids is None or isinstance(ids, str):
        return False
    if getattr(getattr(ids, "dtype", None), "kind", None) == "i" and getattr(ids, "ndim", 0) == 1:
        return len(ids) > 0  # every value fits: no need to look at each
    try:
        values = given_ids(ids, "ids")
    except RequestError:
        return False
    return bool(values) and all(map(_is_whole, values))


def _is_whole(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float | np.integer | np.floating):
        return False
    return bool(-(2**63) <= value < 2**63) and float(value).is_integer()


def named(ids: Sequence[str]) -> str:
    """Ids for an error message: the first ten, and how many more there are."""
    shown = ", ".join(map(repr, ids[:_NAMED]))
    more = len(ids) - _NAMED
    return f"{shown} and {more:,} more" if more > 0 else shown


def check_k(k: Any) -> int:
    """k as an int. Raises RequestError unless it is a whole number of at least one."""
    if isinstance(k, bool) or not isinstance(k, int | np.integer) or k < 1:
        raise RequestError(f"k is {_shown(k)}; ask for at least one result.")
    return min(int(k), _MOST)


def check_count(value: Any, name: str, least: int = 1, most: int | None = None) -> int:
    """``value`` as an int. Raises RequestError unless it is a whole number from ``least`` to
    ``most``, where there is one."""
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if not whole or value < least or (most is not None and value > most):
        wanted = f"of at least {least}" if most is None else f"from {least} to {most}"
        raise RequestError(f"{name} is {_shown(value)}; give a whole number {wanted}.")
    return min(int(value), _MOST)


def check_seed(seed: Any) -> int:
    """A seed as an int; a random one for None. Raises RequestError for another value."""
    if seed is None:
        return secrets.randbelow(_SEEDS)
    whole = isinstance(seed, int | np.integer) and not isinstance(seed, bool)
    if not whole or not 0 <= seed < _SEEDS:
        raise RequestError(
            f"seed is {_shown(seed)}; give a whole number from 0 to {_SEEDS - 1}, or None for a "
            "random one."
        )
    return int(seed)


def check_number(value: Any, name: str) -> float:
    """``value`` as a finite float. Raises RequestError for anything else."""
    plain = isinstance(value, int | float | np.integer | np.floating)
    if not plain or isinstance(value, bool) or not abs(value) <= sys.float_info.max:
        raise RequestError(f"{name} is {_shown(value)}; pass a finite number.")
    return float(value)


def check_flag(value: Any, name: str) -> bool:
    """``value`` as a bool. Raises RequestError for anything else, such as the text "false"."""
    if not isinstance(value, bool | np.bool_):
        raise RequestError(f"{name} is {_shown(value)}; give True or False.")
    return bool(value)


def check_choice(value: Any, name: str, choices: Sequence[str]) -> str:
    """``value``. Raises RequestError where it is not among ``choices``."""
    if not isinstance(value, str) or value not in choices:
        known = ", ".join(map(repr, choices))
        raise RequestError(f"unknown {name} {_shown(value)}; choose one of {known}.")
    return value


def check_mapping(value: Any, name: str, example: str) -> Mapping[str, Any] | None:
    """A mapping with text keys, or None. Raises RequestError for anything else."""
    if value is None:
        return None
    if not isinstance(value, Mapping):
        raise RequestError(f"{name} is a {type(value).__name__}; pass a mapping such as {example}.")
    for key, one in value.items():
        if not isinstance(key, str):
            raise RequestError(f"{name} has the key {_shown(key)}; keys are names: {example}.")
        if isinstance(one, str):
            check_text(one, f"{name}, {key}")
        elif isinstance(one, Iterable):
            raise RequestError(
                f"{name} has {_shown(one)} for {key!r}; give one text or number, several values as "
                "'a|b'."
            )
        if isinstance(one, int) and abs(one) > sys.float_info.max:
            raise RequestError(f"{name} has {_shown(one)} for {key!r}, which is too large.")
    return value


def pair_list(pairs: Any, what: str) -> list[tuple[Any, Any]]:
    """(user, item) pairs as they were given. Raises RequestError for anything else, which calls
    one of them ``what``."""
    cure = "pass a DataFrame with user_id and item_id, or a list of (user, item) pairs."
    listed = isinstance(pairs, Sequence | np.ndarray | zip) and getattr(pairs, "ndim", 1) > 0
    if isinstance(pairs, str | bytes) or not listed:
        raise RequestError(f"{what}s are of type {type(pairs).__name__}; {cure}")
    found = []
    for row, pair in enumerate(pairs):
        two = isinstance(pair, Sequence | np.ndarray) and not isinstance(pair, str | bytes)
        if not two or len(pair) != 2:
            raise RequestError(f"{what} {row} is {_shown(pair)}; {cure}")
        for name, part in zip(("user_id", "item_id"), pair, strict=True):
            if _is_no_value(part):
                raise RequestError(f"{what} {row} has no {name}: {_shown(pair)}; {cure}")
        found.append((pair[0], pair[1]))
    return found


def _is_no_value(part: Any) -> bool:
    """Whether a part of a pair is missing, or is no single value."""
    if part is None or (isinstance(part, Iterable) and not isinstance(part, str | bytes)):
        return True
    same = part == part  # NaN and NaT are not equal to themselves, and NA answers NA
    return not isinstance(same, bool | np.bool_) or not same


def _shown(value: Any) -> str:
    """A value for an error message, on one line."""
    text = " ".join(repr(value).split())
    return text if len(text) <= 80 else f"{type(value).__name__} {text[:60]}…"
