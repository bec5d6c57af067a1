"""Lists that are written as text: ``["a", "b"]`` of JSON, ``['a', 'b']`` of Python (also tuples and
sets), ``['a' 'b']`` of NumPy, ``{a,b}`` of Postgres."""

from __future__ import annotations

import ast
import json
import re
import warnings
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

_STRING: Final = re.compile(r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*\"""", re.DOTALL)
_VALUE: Final = rf"(?:{_STRING.pattern}|-?(?:0|[1-9][0-9]*)|True|False)"
_OF_NUMPY: Final = re.compile(rf"\[\s*{_VALUE}(?:\s+{_VALUE})+\s*\]", re.DOTALL)
_PLAIN: Final = r"[^\s{}\",:'\\][^{}\",:'\\]*"
_QUOTED: Final = r'"(?:[^"\\]|\\.)*"'
_OF_POSTGRES: Final = re.compile(
    rf"\{{(?:(?:{_QUOTED}|{_PLAIN})(?:,(?:{_QUOTED}|{_PLAIN}))*)?\}}", re.DOTALL
)
_WORD_OF_POSTGRES: Final = re.compile(rf"({_QUOTED})|({_PLAIN})", re.DOTALL)


def joined_lists(texts: Any) -> Any:
    """The texts as ``8|9``, "" as it is, if every other one is a list of texts, or of whole numbers
    or booleans; else None. Lists of numbers with a fraction are vectors and no names of values."""
    shape = pc.match_substring_regex(texts, r"(?s)^\s*((\[.*\]|\(.*\)|\{.*\})\s*)?$")
    if not pc.all(shape).as_py():
        return None
    joined = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of Python on an odd escape
        for text in texts.to_pylist():
            values = _joined(text) if text.strip() else ""
            if values is None:
                return None
            joined.append(values)
    return pa.array(joined, pa.string())


def _joined(text: str) -> str | None:
    found = values_of_text(text)
    if found is None:
        return None
    values = [one for one in found if one is not None]
    kinds = set(map(type, values))
    if len(kinds) > 1 or not kinds <= {str, int, bool}:
        return None
    words = [one if isinstance(one, str) else json.dumps(one) for one in values]
    return None if any("|" in word for word in words) else "|".join(words)


def values_of_text(text: str) -> list[Any] | None:
    """The values of a list as text; None for what is none."""
    text = text.strip()
    if text == "{}":  # as Postgres writes a list without values
        return []
    for read in (_of_numpy, json.loads, ast.literal_eval, _of_postgres):
        try:
            found = read(text)
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            continue
        if isinstance(found, tuple) or (isinstance(found, set) and len(found) < 2):
            found = list(found)
        elif isinstance(found, set):  # in an order that changes from run to run
            found = sorted(found, key=str)
        return found if isinstance(found, list) and not _joins(text, found) else None
    return None


def _of_postgres(text: str) -> list[Any]:
    """The values of an array as Postgres writes it. Raises ValueError for any other text."""
    if not _OF_POSTGRES.fullmatch(text):
        raise ValueError(text)
    words = [quoted or plain for quoted, plain in _WORD_OF_POSTGRES.findall(text[1:-1])]
    given = [None if word == "NULL" else word for word in words]
    return [
        re.sub(r"\\(.)", r"\1", word[1:-1]) if word and word[0] == '"' else word for word in given
    ]


def _of_numpy(text: str) -> list[Any]:
    """The values of an array as NumPy prints it. Raises ValueError for any other text."""
    if not _OF_NUMPY.fullmatch(text):
        raise ValueError(text)
    return [ast.literal_eval(one) for one in re.findall(_VALUE, text, re.DOTALL)]


def _joins(text: str, values: list[Any]) -> bool:
    """Whether texts stand side by side without a comma, which Python would read as one."""
    return len(_STRING.findall(text)) > sum(isinstance(one, str) for one in values)
