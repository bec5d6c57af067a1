"""Shared ids: columns of a catalog and of a dump that hold ids of the same numbering."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote

import numpy as np
import pandas as pd

from kgrec.entity_linking.nodes.candidates import Pairs
from kgrec.entity_linking.nodes.things import Things

_SAME_NAMES: Final = 0.5  # share of equal names from which two columns hold the same ids
_UNCHECKED: Final = 0.95  # confidence of ids that are no plain numbers, without names to compare
_CERTAIN: Final = 0.999
_LISTED: Final = 3  # notes on columns that are not used
_LONGEST: Final = 200  # signs of an id
_NUMBERED: Final = re.compile(r"([^0-9]*?)0*([0-9]+)")


@dataclass(frozen=True, eq=False)
class SharedIds:
    """Pairs with an id in common: int64 ``[p]``, float64 ``[p]``, and object ``[p]``, the columns.

    ``notes`` say which columns were joined and which were not.
    """

    node: np.ndarray
    thing: np.ndarray
    confidence: np.ndarray
    reason: np.ndarray
    notes: tuple[str, ...] = ()


def shared_ids(
    nodes: Things, things: Things, named: Pairs, keys: Mapping[str, str] | None = None
) -> SharedIds:
    """Join columns with equal values.

    Two columns with equal values may be of different numberings. So the names of the joined pairs
    are compared: ``named`` are the pairs whose names agree. ``keys`` are columns that the user
    says hold the same ids.
    """
    here, there = nodes.id_columns, things.id_columns
    agree = pd.MultiIndex.from_arrays([named.node, named.thing])
    has_names = bool((nodes.names != "").any() and (things.names != "").any())
    found: list[pd.DataFrame] = []
    used: list[str] = []
    unused: list[tuple[int, str]] = []
    wanted = _columns(here, there, keys)
    of_nodes = {column: _once(here[column], "node") for column in {one for one, _ in wanted}}
    of_things = {column: _once(there[column], "thing") for column in {two for _, two in wanted}}
    for column, other in wanted:
        joined = _joined(of_nodes[column], of_things[other])
        if joined.empty:
            continue
        what = f"{len(joined):,} values of {column} are also {other} of the dump"
        same = pd.MultiIndex.from_frame(joined[["node", "thing"]]).isin(agree)
        confidence, note = _believed(joined, same, has_names, keys is not None)
        if confidence is None:
            unused.append((-len(joined), f"{what}{note}"))
            continue
        used.append(f"{what}{note}")
        found.append(joined.assign(confidence=confidence, reason=f"{column} = {other}"))
    return _together(found, [*used, *_most(unused)])


def _most(unused: list[tuple[int, str]]) -> list[str]:
    """The notes on the columns with the most equal values, and how many others there are."""
    notes = [note for _, note in sorted(unused)]
    if len(notes) <= _LISTED:
        return notes
    rest = f"{len(notes) - _LISTED:,} more pairs of columns have equal values and were not used"
    return [*notes[:_LISTED], rest]


def _columns(
    here: Mapping[str, np.ndarray],
    there: Mapping[str, np.ndarray],
    keys: Mapping[str, str] | None,
) -> list[tuple[str, str]]:
    if keys is not None:
        return [(one, other) for one, other in keys.items() if one in here and other in there]
    return [(one, other) for one in here for other in there]


def _joined(one: pd.DataFrame, other: pd.DataFrame) -> pd.DataFrame:
    """The columns node, thing and plain (whether the id is a plain number) of the values that one
    node and one thing have."""
    frame = one.merge(other, on="form", suffixes=("", "_there"))
    frame = frame[~(frame["cut"] & frame["cut_there"])]  # "tt7" and "nm7" are two ids
    frame = frame.assign(plain=frame["form"].str.isdecimal()).sort_values(
        ["plain", "node", "thing"], kind="stable"
    )
    return frame[["node", "thing", "plain"]].drop_duplicates(["node", "thing"])


def _once(values: np.ndarray, name: str) -> pd.DataFrame:
    """The rows of values that no other row has, as the columns form, cut (whether letters were cut
    off) and ``name``."""
    rows = [
        (form, cut, row)
        for row, value in enumerate(values)
        for part in value.split("|")
        for form, cut in _forms(part)
    ]
    frame = pd.DataFrame(rows, columns=["form", "cut", name]).astype({"cut": bool})
    frame = frame.drop_duplicates(["form", name])
    return frame[~frame.duplicated("form", keep=False)]


def _forms(value: str) -> list[tuple[str, bool]]:
    """The forms in which an id is compared: the last part of an IRI, and then a number without the
    letters and zeros before it ("tt0114709" is also "114709"); with whether letters were cut off.
    """
    text = value.strip()
    if not text or len(text) > _LONGEST:
        return []
    plain = unquote(re.split(r"[/#]", text.rstrip("/#"))[-1]) if "://" in text else text
    found = _NUMBERED.fullmatch(plain)
    if found is None or found[2] == plain:
        return [(plain, False)]
    return [(plain, False), (found[2], bool(found[1]))]


def _believed(
    joined: pd.DataFrame, same: np.ndarray, has_names: bool, given: bool
) -> tuple[np.ndarray | None, str]:
    """The confidence of each joined pair, None where the columns hold other ids; and a note."""
    if given:
        return np.full(len(joined), _CERTAIN), ", as was given"
    if not has_names:
        if joined["plain"].all():
            return None, (
                "; they are plain numbers, and there are no names that show whether they are the "
                "same ids: not used. Cure: if they are, say so with keys (--key)"
            )
        return np.full(len(joined), _UNCHECKED), "; there are no names to compare"
    share = float(same.sum() + 1) / (len(joined) + 2)
    seen = f"; {int(same.sum()):,} of these have the same name"
    if same.mean() < _SAME_NAMES:
        return None, f"{seen}, so they are ids of another numbering: not used"
    return np.where(same, _CERTAIN, share), seen


def _together(found: list[pd.DataFrame], notes: list[str]) -> SharedIds:
    """All pairs, each once with its highest confidence."""
    if not found:
        empty = np.empty(0, dtype=np.int64)
        return SharedIds(empty, empty, np.empty(0), np.empty(0, dtype=object), tuple(notes))
    frame = pd.concat(found, ignore_index=True)
    frame = frame.sort_values("confidence", ascending=False, kind="stable")
    frame = frame.drop_duplicates(["node", "thing"])
    return SharedIds(
        frame["node"].to_numpy(dtype=np.int64),
        frame["thing"].to_numpy(dtype=np.int64),
        frame["confidence"].to_numpy(dtype=np.float64),
        frame["reason"].to_numpy(dtype=object),
        tuple(notes),
    )
