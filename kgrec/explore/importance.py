"""Importance of relations, entities, texts and parts of the model over many scores."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from graph_schema.disk.paths import given_path
from graph_schema.errors import RequestError
from kgrec.explain.attribution.pieces import KIND_NAMES, TEXTUAL, Pieces
from kgrec.explore.node_lookup import node_text
from kgrec.graph.snapshot import Ints
from kgrec.paths.index import PathIndex
from kgrec.paths.people import is_person
from kgrec.visualization.bars import Bars, draw_bars

BY = ("relation", "part", "entity", "text")
COLUMNS = ("scenario", "name", "kind", "node", "mean", "mean_absolute", "share", "scores")
REST = "not attributed"
_REST = -1  # its key
_Row = tuple[str, str, str]  # name, kind, node


class Tally:
    """Sums of the contributions of each relation, part, entity or text."""

    def __init__(self, index: PathIndex, by: str) -> None:
        if not isinstance(by, str) or by not in BY:
            raise RequestError(f"by is {by!r}; use one of {', '.join(BY)}")
        self.index, self.by = index, by
        self.scores, self.gain = 0, 0.0
        self._people = index.space.size  # the key of all users between
        self._sums: dict[int, list[float]] = {}
        self._parts: list[str] = []

    def add(self, pieces: Pieces, gain: float) -> None:
        """Add one score: its pieces, and its gain, score − baseline."""
        self.scores += 1
        self.gain += gain
        keys = self._keys(pieces)
        known = keys >= 0
        found, place = np.unique(keys[known], return_inverse=True)
        sums = np.bincount(place, weights=pieces.contribution[known], minlength=len(found))
        for key, amount in zip(found.tolist(), sums.tolist(), strict=True):
            self._count(key, amount)
        if self.by in ("relation", "part"):
            self._count(_REST, gain - float(pieces.contribution.sum()))

    def _count(self, key: int, amount: float) -> None:
        sums = self._sums.setdefault(key, [0.0, 0.0, 0.0])
        sums[0] += amount
        sums[1] += abs(amount)
        sums[2] += 1.0

    def frame(self, scenario: str = "") -> pd.DataFrame:
        """Make the table, largest ``mean_absolute`` first; its columns are COLUMNS."""
        rows = []
        for key, (total, absolute, count) in self._sums.items():
            name, kind, node = self._row(key)
            share = total / self.gain if self.gain else np.nan
            means = (total / self.scores, absolute / self.scores)
            rows.append((scenario, name, kind, node, *means, share, int(count)))
        frame = pd.DataFrame(rows, columns=list(COLUMNS))
        order = frame.sort_values(["mean_absolute", "name"], ascending=[False, True], kind="stable")
        return order.reset_index(drop=True)

    def _keys(self, pieces: Pieces) -> Ints:
        """The key under which each piece is counted, int64 ``[p]``; -1: it is not counted."""
        if self.by == "entity":
            return np.where(is_person(self.index, pieces.link), self._people, pieces.link)
        if self.by == "text":
            return np.where(pieces.kind == TEXTUAL, pieces.item, -1)
        if self.by == "part":
            return self._part_keys(pieces)
        kinds = self.index.interacted + 2
        pair = (pieces.near >> 1) * kinds + np.where(pieces.far < 0, kinds - 1, pieces.far >> 1)
        return np.where(pieces.near < 0, pieces.kind, len(KIND_NAMES) + pair)

    def _part_keys(self, pieces: Pieces) -> Ints:
        for name in pieces.part_names:
            if name not in self._parts:
                self._parts.append(name)
        number = np.array([self._parts.index(name) for name in pieces.part_names], dtype=np.int64)
        return number[pieces.part] if len(number) else pieces.part

    def _row(self, key: int) -> _Row:
        if key == _REST:
            return REST, "", ""
        rows: dict[str, Callable[[int], _Row]] = {
            "relation": self._relation,
            "part": lambda number: (self._parts[number], "part", ""),
            "entity": self._node,
            "text": self._node,
        }
        return rows[self.by](key)

    def _relation(self, key: int) -> _Row:
        """One relation, or two if a path enters a node by one and leaves it by the other."""
        if key < len(KIND_NAMES):
            return KIND_NAMES[key], "no relation", ""
        kinds = self.index.interacted + 2
        near, far = divmod(key - len(KIND_NAMES), kinds)
        names = [self.index.relation(2 * near)]
        if far != kinds - 1:
            names.append(self.index.relation(2 * far))
        return " + ".join(dict.fromkeys(names)), "relation", ""

    def _node(self, node: int) -> _Row:
        if node == self._people:
            return "other people", "people", ""
        space = self.index.space
        text = node_text(space, node)
        return space.name(node) or text, space.label_row(node)[0].lower(), text


def draw_importance(
    frame: pd.DataFrame, path: str | Path, *, most: int = 15, title: str | None = None
) -> Path:
    """Save a bar chart of the table that ``Recommender.importance`` returns.

    Parameters
    ----------
    frame : pandas.DataFrame
        The table; each scenario has a colour.
    path : str or Path
        A name that ends in .png, .svg or .pdf.
    most : int
        Most labels shown, those with the largest ``mean_absolute``.
    title : str, optional
        The heading.

    Returns
    -------
    Path
        The file that was written.

    Raises
    ------
    RequestError
        If the name ends otherwise, or the table is empty.
    MissingExtraError
        If matplotlib is not installed.
    """
    if frame.empty:
        raise RequestError("there is nothing to draw: no score was moved by anything")
    labels = (frame["name"] + "\t" + frame["node"]).tolist()
    labelled = frame.assign(label=labels)
    order = (
        labelled.groupby("label")["mean_absolute"].max().sort_values(ascending=False).index[:most]
    )
    groups = {
        str(scenario) or "all": part.set_index("label")
        for scenario, part in labelled.groupby("scenario")
    }
    bars = Bars(
        labels=[str(label).partition("\t")[0] for label in order],
        values={name: _column(part, order, "mean_absolute") for name, part in groups.items()},
        marks={name: _column(part, order, "mean") for name, part in groups.items()},
        title=title or "What moved the scores",
        axis="mean contribution to a score (bar: its size; tick: with its sign)",
    )
    return draw_bars(bars, given_path(path, "path"))


def _column(part: pd.DataFrame, order: pd.Index[str], column: str) -> list[float]:
    return [float(value) for value in part[column].reindex(order).fillna(0.0)]
