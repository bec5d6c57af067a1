"""Things: the named nodes of a catalog or of a dump, in the form in which they are joined."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import pandas as pd

from graph_schema.names import ENTITY, ITEM, KEY_COLUMNS
from kgrec.entity_linking.nodes.names import year_in
from kgrec.errors import RequestError
from kgrec.graph.snapshot import GraphSnapshot
from kgrec.graph.tables import NodeTable

NODES: Final = {"items": (ITEM, "title"), "entities": (ENTITY, "name")}
IDS: Final = ("id", "itemid", "entityid", "uri", "iri", "qid", "mid", "url")
NAMES: Final = ("title", "name", "label", "preflabel", "primarytitle", "item", "entity")
KINDS: Final = ("kind", "type", "class", "kinds", "types", "titletype")
_OTHER_NAMES: Final = (
    "alias",
    "aliases",
    "altlabel",
    "aka",
    "alternative",
    "original",
    "othername",
)
_YEARS: Final = ("year", "date", "releas", "publi", "birth", "founded", "P577", "P569", "P571")
_DISTINCT: Final = 0.9  # share of distinct values from which a column can be one of ids
_DATED: Final = 0.5  # share of values with a year from which a column can be one of years


@dataclass(frozen=True, eq=False)
class Things:
    """Named things, row by row.

    ``ids``, ``names`` and ``kinds`` are object arrays ``[n]``; kinds are read as ``a|b``. ``years``
    float64 ``[n]`` is NaN where none is known. ``others``: further names of a thing, column by
    column. ``keys``: the columns whose values may be ids, object ``[n]`` each, "" where absent.
    ``year_columns`` are the columns that years were read from, ``key`` is that of the ids.
    """

    ids: np.ndarray
    names: np.ndarray
    years: np.ndarray
    kinds: np.ndarray
    others: Mapping[str, np.ndarray] = field(default_factory=dict)
    keys: Mapping[str, np.ndarray] = field(default_factory=dict)
    year_columns: tuple[str, ...] = ()
    key: str = "id"

    @property
    def id_columns(self) -> dict[str, np.ndarray]:
        """The ids and the columns that may be ids of other sources, object ``[n]`` each."""
        return {self.key: self.ids, **self.keys}

    def __len__(self) -> int:
        return len(self.ids)

    def other_names(self, row: int) -> list[str]:
        """The further names of a thing."""
        texts = (column[row] for column in self.others.values())
        return [name for text in texts for name in text.split("|") if name]


def nodes_of(snapshot: GraphSnapshot, nodes: str, year: str | None = None) -> Things:
    """The items or the entities of a catalog; where none has a title or name, another column of
    names is read. Raises RequestError for another word."""
    if nodes not in NODES:
        raise RequestError(f"nodes is {nodes!r}. Cure: give one of {', '.join(NODES)}.")
    label, name = NODES[nodes]
    table: NodeTable = snapshot.table(label)
    frame = pd.DataFrame({column: texts(table.attributes[column]) for column in table.attributes})
    if not (frame[name] != "").any():
        name = find_column(frame.loc[:, (frame != "").any()], NAMES) or name
    frame.insert(0, KEY_COLUMNS[nodes], table.ids)
    return things_of(frame, KEY_COLUMNS[nodes], name, year=year)


def things_of(
    frame: pd.DataFrame, key: str, name: str | None, *, year: str | None = None
) -> Things:
    """The rows of a frame of texts (``""`` where absent); ``key`` and ``name`` are its columns.

    ``year`` is the column of years; by default it is one whose name says so and whose values have
    years. Raises RequestError for a column that is not there.
    """
    if year is not None and year not in frame:
        raise RequestError(f"there is no column {year} of years. Cure: {_columns(frame)}.")
    dated = [year] if year is not None else year_columns(frame, {key, name})
    columns = list(map(str, frame.columns))
    kind = next((column for column in columns if _plain(column) in KINDS), None)
    others = [c for c in columns if c not in (key, name) and _plain(c).startswith(_OTHER_NAMES)]
    taken = {key, name, kind, *dated, *others}
    return Things(
        frame[key].to_numpy(dtype=object),
        _column(frame, name),
        _years(frame, dated),
        _column(frame, kind),
        {column: frame[column].to_numpy(dtype=object) for column in others},
        {
            c: frame[c].to_numpy(dtype=object)
            for c in columns
            if c not in taken and is_key(frame[c])
        },
        tuple(dated),
        key,
    )


def is_key(values: pd.Series[Any]) -> bool:
    """Whether nearly all values of a column are distinct, so that they may be ids."""
    given = values[values != ""]
    return len(given) > 0 and given.nunique() >= _DISTINCT * len(given)


def find_column(frame: pd.DataFrame, words: Iterable[str]) -> str | None:
    """The column whose name is the first of ``words`` that any has; None without one."""
    plain = {_plain(column): column for column in reversed(list(frame.columns))}
    return next((plain[word] for word in words if word in plain), None)


def year_columns(frame: pd.DataFrame, without: Iterable[str | None]) -> list[str]:
    """The columns of years: the one that is called year, then those with the most values."""
    left, found = set(without), []
    for column in frame:
        word = _plain(column)
        if column in left or not any(part.lower() in word for part in _YEARS):
            continue
        given = frame[column][frame[column] != ""]
        dated = sum(year_in(value) is not None for value in given)
        if dated and dated >= _DATED * len(given):
            found.append((word != "year", "year" not in word, -dated, str(column)))
    return [column for *_, column in sorted(found)]


def texts(values: pd.Series[Any]) -> np.ndarray:
    """A column as texts, object ``[n]``: "" where absent, whole numbers without a point, lists as
    ``a|b``."""
    return np.array([_text(value) for value in values.tolist()], dtype=object)


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, list | tuple | np.ndarray):
        return "|".join(map(_text, value))
    if value is None or value is pd.NaT or value is pd.NA or value != value:
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _column(frame: pd.DataFrame, name: str | None) -> np.ndarray:
    if name is None:
        return np.full(len(frame), "", dtype=object)
    return frame[name].to_numpy(dtype=object)


def _years(frame: pd.DataFrame, columns: list[str]) -> np.ndarray:
    """float64 ``[n]``: the year of the first of ``columns`` that has one."""
    years = np.full(len(frame), np.nan)
    for column in reversed(columns):
        found = [year_in(value) for value in frame[column]]
        own = np.array([np.nan if year is None else float(year) for year in found])
        years = np.where(np.isnan(own), years, own)
    return years


def _plain(column: object) -> str:
    return str(column).lower().replace("_", "").replace(" ", "").replace("-", "")


def _columns(frame: pd.DataFrame) -> str:
    return f"its columns are {', '.join(map(str, frame.columns))}"
