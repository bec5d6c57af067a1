"""Candidates: pairs of a node and a thing whose names have a reading in common."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from kgrec.entity_linking.nodes.names import Grade, qualifiers_of, readings_of
from kgrec.entity_linking.nodes.things import Things
from kgrec.text.spelling import SpellingIndex

COMMON: Final = 50  # nodes or things with a name; of more, only those of equal years are compared
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

    ``crowd``: how many share a name that is compared only where the years are equal, otherwise 0.
    ``common``: these names, with the number of those that share each.
    """

    node: np.ndarray
    thing: np.ndarray
    grade: np.ndarray
    crowd: np.ndarray
    common: tuple[tuple[str, int], ...] = ()

    def __len__(self) -> int:
        return len(self.node)

    def chosen(self, keep: np.ndarray) -> Pairs:
        """The pairs where ``keep`` (bool ``[p]``) holds."""
        ends = self.node[keep], self.thing[keep]
        return Pairs(*ends, self.grade[keep], self.crowd[keep], self.common)


def same_names(nodes: Readings, things: Readings) -> Pairs:
    """The pairs with a reading in common, each once, with its best grade. A name that more than
    COMMON have is compared where the years are equal."""
    sizes = pd.concat([_sizes(side.frame) for side in (nodes, things)], axis=1).max(axis=1)
    crowds = sizes[sizes > COMMON].astype(np.int64)
    here, there = (_split(side, crowds) for side in (nodes, things))
    joined = pd.concat(
        [
            here[0].merge(there[0], on="joined", suffixes=("", "_there")),
            here[1].merge(there[1], on=["joined", "year"], suffixes=("", "_there")),
        ],
        ignore_index=True,
    )
    both = joined[["grade", "grade_there"]]
    grade = both.max(axis=1).to_numpy()
    apart = (joined["key"] != joined["key_there"]).to_numpy()
    frame = pd.DataFrame(
        {
            "node": joined["row"],
            "thing": joined["row_there"],
            "grade": np.where(apart, np.maximum(grade, Grade.SPACING), grade),
            "crowd": joined["joined"].map(crowds).fillna(0),
        }
    )
    frame = frame[~(both == Grade.SHORT).all(axis=1)]
    frame = frame.sort_values(["node", "thing", "grade"], kind="stable")
    asked = crowds[crowds.index.isin(here[1]["joined"])]
    common = tuple((str(key), int(count)) for key, count in asked.items())
    return _pairs(frame.drop_duplicates(["node", "thing"]), common)


def misspelt(nodes: Readings, things: Readings, found: Pairs) -> Pairs:
    """Pairs whose names differ by one letter, of nodes and things that are in no pair of
    ``found``. Both have a year, which is needed to believe them."""
    here = _long(nodes, found.node)
    there = _long(things, found.thing)
    if here.empty or there.empty:
        return _pairs(pd.DataFrame({"node": [], "thing": []}).assign(grade=0, crowd=0))
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
    return _pairs(frame.assign(grade=int(Grade.TYPO), crowd=0))


def together(one: Pairs, other: Pairs) -> Pairs:
    """Both, which have no pair in common."""
    return Pairs(
        np.concatenate([one.node, other.node]),
        np.concatenate([one.thing, other.thing]),
        np.concatenate([one.grade, other.grade]),
        np.concatenate([one.crowd, other.crowd]),
        one.common,
    )


def _sizes(frame: pd.DataFrame) -> pd.Series[int]:
    """How many rows have each reading."""
    return frame.groupby("joined")["row"].nunique()


def _split(readings: Readings, crowds: pd.Series[int]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The readings that few share, and those of ``crowds`` that few of a known year share."""
    frame = readings.frame
    crowded = frame["joined"].isin(crowds.index)
    known = frame[crowded].assign(year=readings.years[frame.loc[crowded, "row"]])
    known = known.dropna(subset="year")
    few = known.groupby(["joined", "year"])["row"].transform("nunique") <= COMMON
    return frame[~crowded], known[few]


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


def _pairs(frame: pd.DataFrame, common: tuple[tuple[str, int], ...] = ()) -> Pairs:
    names = ("node", "thing", "grade", "crowd")
    node, thing, grade, crowd = (frame[name].to_numpy(dtype=np.int64) for name in names)
    return Pairs(node, thing, grade, crowd, common)
