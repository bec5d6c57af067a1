"""Candidates: pairs of a node and a thing whose names have a reading in common."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from kgrec.entity_linking.nodes.names import Grade, qualifiers_of, readings_of
from kgrec.entity_linking.nodes.things import Things
from kgrec.text.spelling import SpellingIndex

COMMON: Final = 50  # things with a name; those with more are not compared by it
_LETTERS: Final = 8  # of the shortest name that is compared with an error
_COLUMNS: Final = ("row", "key", "joined", "grade")


@dataclass(frozen=True, eq=False)
class Readings:
    """The readings of things: ``frame`` has the columns row, key, joined (without spaces) and
    grade. ``years`` float64 ``[n]`` and ``words`` int64 ``[n]``, the number of words of each name.
    """

    frame: pd.DataFrame
    years: np.ndarray
    words: np.ndarray

    @classmethod
    def of(cls, things: Things) -> Readings:
        """Read the names of ``things``; a year in a name counts where there is no other."""
        qualifiers = qualifiers_of(things.names)
        rows: list[tuple[int, str, str, int]] = []
        years, words = things.years.copy(), np.zeros(len(things), dtype=np.int64)
        for row, name in enumerate(things.names):
            if not name:
                continue
            found = readings_of(name, things.other_names(row), qualifiers)
            if np.isnan(years[row]) and found.year is not None:
                years[row] = found.year
            words[row] = next(iter(found.keys), "").count(" ") + 1
            rows += [(row, k, k.replace(" ", ""), int(g)) for k, g in found.keys.items()]
        return cls(pd.DataFrame(rows, columns=list(_COLUMNS)), years, words)

    def __len__(self) -> int:
        return len(self.years)


@dataclass(frozen=True, eq=False)
class Pairs:
    """Pairs of a node and a thing: int64 ``[p]`` each; ``grade`` is the better one of Grade.

    ``left_out``: the names that too many have, with the number of things of each.
    """

    node: np.ndarray
    thing: np.ndarray
    grade: np.ndarray
    left_out: tuple[tuple[str, int], ...] = ()

    def __len__(self) -> int:
        return len(self.node)

    def chosen(self, keep: np.ndarray) -> Pairs:
        """The pairs where ``keep`` (bool ``[p]``) holds."""
        return Pairs(self.node[keep], self.thing[keep], self.grade[keep], self.left_out)


def same_names(nodes: Readings, things: Readings) -> Pairs:
    """The pairs with a reading in common, each once, with its best grade."""
    here, left_out = _not_common(nodes.frame, things.frame)
    there, more = _not_common(things.frame, nodes.frame)
    joined = here.merge(there, on="joined", suffixes=("", "_there"))
    grade = joined[["grade", "grade_there"]].max(axis=1).to_numpy()
    apart = (joined["key"] != joined["key_there"]).to_numpy()
    grade = np.where(apart, np.maximum(grade, Grade.SPACING), grade)
    cut = (joined[["grade", "grade_there"]] == Grade.SHORT).all(axis=1).to_numpy()
    frame = pd.DataFrame({"node": joined["row"], "thing": joined["row_there"], "grade": grade})
    frame = frame[~cut].sort_values(["node", "thing", "grade"], kind="stable")
    frame = frame.drop_duplicates(["node", "thing"])
    return _pairs(frame, (*left_out, *more))


def misspelt(nodes: Readings, things: Readings, found: Pairs) -> Pairs:
    """Pairs whose names differ by one letter, of nodes and things that are in no pair of
    ``found``. Both have a year, which is needed to believe them."""
    here = _long(nodes, found.node)
    there = _long(things, found.thing)
    if here.empty or there.empty:
        return _pairs(pd.DataFrame({"node": [], "thing": [], "grade": []}), ())
    keys = here["joined"].drop_duplicates().tolist()
    index, rows = SpellingIndex(keys), here.groupby("joined")["row"].agg(list).to_dict()
    pairs = {
        (node, thing)
        for thing, key in zip(there["row"], there["joined"], strict=True)
        for place, _ in index.similar(key)
        if _signs(keys[place]) == _signs(key)
        for node in rows[keys[place]]
    }
    frame = pd.DataFrame(sorted(pairs), columns=["node", "thing"])
    return _pairs(frame.assign(grade=int(Grade.TYPO)), ())


def together(one: Pairs, other: Pairs) -> Pairs:
    """Both, which have no pair in common."""
    return Pairs(
        np.concatenate([one.node, other.node]),
        np.concatenate([one.thing, other.thing]),
        np.concatenate([one.grade, other.grade]),
        one.left_out,
    )


def _not_common(
    frame: pd.DataFrame, other: pd.DataFrame
) -> tuple[pd.DataFrame, list[tuple[str, int]]]:
    """The readings but for those that more than COMMON rows have; these, if ``other`` has them."""
    counts = frame.groupby("joined")["row"].nunique()
    common = counts[counts > COMMON]
    if common.empty:
        return frame, []
    asked = common[common.index.isin(other["joined"])]
    known = [(str(key), int(count)) for key, count in asked.items()]
    return frame[~frame["joined"].isin(common.index)], known


def _long(readings: Readings, paired: np.ndarray) -> pd.DataFrame:
    """The whole and plain readings of rows in no pair that have a year."""
    frame = readings.frame
    left = ~frame["row"].isin(paired) & ~np.isnan(readings.years[frame["row"]])
    long = (frame["grade"] <= Grade.PLAIN) & (frame["joined"].str.len() >= _LETTERS)
    chosen: pd.DataFrame = frame[left & long]
    return chosen.drop_duplicates(["row", "joined"])


def _signs(key: str) -> str:
    """The digits of a key, in which an error would be another name: "part 2" is not "part 3"."""
    return "".join(filter(str.isdigit, key))


def _pairs(frame: pd.DataFrame, left_out: Iterable[tuple[str, int]]) -> Pairs:
    return Pairs(
        frame["node"].to_numpy(dtype=np.int64),
        frame["thing"].to_numpy(dtype=np.int64),
        frame["grade"].to_numpy(dtype=np.int64),
        tuple(left_out),
    )
