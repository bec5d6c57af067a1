"""Answers as plain values, and texts as the arguments of verbs: for command lines and servers.

Importing this module loads no other package: a command line shows its help at once.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from graph_schema.errors import RequestError

if TYPE_CHECKING:
    import pandas as pd

    from kgrec.graph import GraphSnapshot
    from kgrec.recommender import Recommender

# One id of a list and the comma or end after it: in quotes, in which "" is a quote, or bare.
_PART = re.compile(r'\s*(?:"((?:[^"]|"")*)"\s*|([^,]*))(,|\Z)')

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")  # the start of a date


def plain_value(value: Any) -> Any:
    """A value as the types of JSON.

    Parameters
    ----------
    value : object
        Mappings, lists, NumPy arrays and scalars, pandas' missing values; anything else is text.

    Returns
    -------
    dict, list, str, int, float, bool or None
        NaN and infinities are None, which every JSON reader accepts.
    """
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): plain_value(part) for key, part in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain_value(part) for part in value]
    if hasattr(value, "tolist"):  # NumPy arrays and scalars
        return plain_value(value.tolist())
    import pandas as pd

    return None if pd.isna(value) else str(value)


def show_people(
    recommender: Recommender, *, names: bool = True, fewest: int | None = None
) -> Recommender:
    """The same recommender with people other than the one who asks shown otherwise.

    By default all answers show others as a number of people. This is for the operator, who may see
    who they are: in paths, their Cypher, pictures, pages, the graph and reviews.

    Parameters
    ----------
    recommender : Recommender
        A fitted recommender; it stays as it is.
    names : bool
        Whether others are shown by id and name.
    fewest : int, optional
        Without names: others are counted where they are at least this many; None: the setting
        ``explain.fewest_people``, which is 5.

    Returns
    -------
    Recommender
        Over the same state: later changes of the one are not seen by the other.

    Raises
    ------
    RequestError
        If ``fewest`` is below 1.
    NotFittedError
        Before ``fit`` or ``load``.
    """
    return type(recommender).of(recommender.state.showing_people(names, fewest))


def with_titles(
    snapshot: GraphSnapshot, frame: pd.DataFrame, column: str = "item_id"
) -> pd.DataFrame:
    """Join the titles of items to an answer.

    Parameters
    ----------
    snapshot : GraphSnapshot
        The graph of the recommender that answered.
    frame : pandas.DataFrame
        The answer.
    column : str
        The column with the ids of items.

    Returns
    -------
    pandas.DataFrame
        The answer with a column ``title`` (str) after ``column``; unchanged where items have no
        titles.
    """
    import pandas as pd

    items = snapshot.items
    if "title" not in items.attributes.columns:
        return frame
    titles = pd.Series(items.attributes["title"].to_numpy(), index=items.ids)
    shown = frame.copy()
    place = list(shown.columns).index(column) + 1
    shown.insert(place, "title", titles.reindex(frame[column]).tolist())
    return shown


def split_list(text: str | None) -> list[str] | None:
    """``"1,2,3"`` as a list of ids; None stays None. An id with a comma or spaces at its ends is
    quoted, as in CSV."""
    if not text:
        return None if text is None else []
    parts, place = [], 0
    while True:
        match = _PART.match(text, place)
        assert match is not None  # the bare form matches anything
        quoted, bare, comma = match.groups()
        parts.append(bare.strip() if quoted is None else quoted.replace('""', '"'))
        if not comma:
            return parts
        place = match.end()


def parse_pair(text: str, option: str, example: str) -> tuple[str, str]:
    """``"NAME=VALUE"`` as its two parts.

    Raises
    ------
    RequestError
        For a text of another form; the message names ``option`` and ``example``.
    """
    name, sign, value = text.partition("=")
    if not sign or not name.strip():
        raise RequestError(f"{option} {text!r} is not NAME=VALUE, such as {example}")
    return name.strip(), value.strip()


def parse_conditions(texts: Sequence[str] | None, option: str = "--where") -> dict[str, Any] | None:
    """Conditions on attributes as the ``where`` of a request.

    Parameters
    ----------
    texts : sequence of str or None
        Such as ``["year=1990..1999", "genres=Drama"]``.
    option : str
        What an error calls them.

    Returns
    -------
    dict or None
        A range of numbers or days is a (low, high) pair with None for an open end, ``a,b`` a list,
        nothing after the sign None (items without a value), the rest a value; with ``!=`` all
        other items. None without texts.

    Raises
    ------
    RequestError
        For a text of another form, a name that comes twice, and an end of a range that is no
        number.
    """
    if not texts:
        return None
    pairs = (parse_pair(text, option, "genres=Drama,War or year=LOW..HIGH") for text in texts)
    return _by_name((_named_condition(name, value) for name, value in pairs), option)


def parse_context(texts: Sequence[str] | None, option: str = "--context") -> dict[str, Any] | None:
    """``["hour=21", "gender=F"]`` as the ``context`` of a request, numbers as numbers; None without
    texts.

    Raises
    ------
    RequestError
        For a text of another form, and a name that comes twice.
    """
    if not texts:
        return None
    pairs = (parse_pair(text, option, "hour=21") for text in texts)
    return _by_name(((name, _number_or_text(value)) for name, value in pairs), option)


def parse_seen(texts: Sequence[str], option: str = "--exclude-seen") -> dict[str, bool | str]:
    """``["buy=yes", "view=30d"]`` as ``exclude_seen`` of a request.

    Raises
    ------
    RequestError
        For a text of another form, and a kind that comes twice.
    """
    words = {"yes": True, "true": True, "no": False, "false": False}
    pairs = (parse_pair(text, option, "view=30d") for text in texts)
    return _by_name(((kind, words.get(value.lower(), value)) for kind, value in pairs), option)


def _by_name(pairs: Iterable[tuple[str, Any]], option: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise RequestError(f"{option} names {name!r} twice; give each name once.")
        found[name] = value
    return found


def _named_condition(name: str, value: str) -> tuple[str, Any]:
    if name.endswith("!"):
        return name[:-1].strip(), {"not": _condition(value)}
    return name, _condition(value)


def _condition(value: str) -> Any:
    if ".." in value and "../" not in value:
        low, _, high = value.partition("..")
        return (_end_of_range(low), _end_of_range(high))
    parts = split_list(value)
    return None if not parts else parts if len(parts) > 1 else parts[0]


def _end_of_range(text: str) -> float | str | None:
    if not text.strip():
        return None
    if _DAY.match(text.strip()):
        return text.strip()
    try:
        if text.strip().startswith("."):  # three dots would make 1995 the number .1995
            raise ValueError
        return float(text)
    except ValueError:
        raise RequestError(
            f"{text!r} is not a number: a range is LOW..HIGH, as 1990..1999"
        ) from None


def _number_or_text(text: str) -> int | float | str:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
