"""k-anonymity of users: coarser attributes, so that at least k users have each combination.

The method is full-domain generalisation with suppression (Samarati, IEEE TKDE 2001; Sweeney 2002):
every value of a column is generalised to the same level, and the few users whose combination is
still rare get "other" in all columns. Of the levels that suppress no more than is allowed, those
with the least loss of information are taken; up to 4,096 combinations of levels all are compared.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from itertools import product
from math import prod
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from graph_schema.catalog import Catalog
from graph_schema.errors import RequestError
from graph_schema.privacy.levels import OTHER, Level, Method, levels_of, method_of
from graph_schema.report import shown
from graph_schema.vectors import vector_columns

_COMPARED: Final = 4_096
MAX_SUPPRESSED: Final = 0.05


@dataclass(frozen=True)
class ColumnLoss:
    """What became of a column: ``loss`` is its users' mean normalised certainty penalty, 0 to 1."""

    column: str
    method: str
    level: str
    loss: float


@dataclass(frozen=True)
class AnonymityReport:
    """What generalisation did.

    Attributes
    ----------
    k : int
        The least number of users with each combination of values, as asked for.
    users, suppressed : int
        All users, and those who got "other" in all columns.
    smallest_group : int
        The least number of users with a combination afterwards.
    unique_before, small_before : float
        Shares of users who were alone with their combination, and with fewer than k.
    loss : float
        The mean of the columns' losses.
    columns : tuple of ColumnLoss
        The columns in the order given.
    untouched : tuple of str
        Other attributes of users, which stay as they are.
    """

    k: int
    users: int
    suppressed: int
    smallest_group: int
    unique_before: float
    small_before: float
    loss: float
    columns: tuple[ColumnLoss, ...]
    untouched: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """The report as plain values."""
        return asdict(self)

    def __str__(self) -> str:
        lines = [
            f"{self.k}-anonymity of {self.users:,} users: the smallest group has "
            f"{self.smallest_group:,}; before, {self.unique_before:.1%} of the users were alone "
            f"with their values and {self.small_before:.1%} in groups under {self.k}.",
            f"Loss of information {self.loss:.3f} (0: none, 1: all); {self.suppressed:,} users "
            f"({self.suppressed / max(self.users, 1):.1%}) have {OTHER} in all columns.",
        ]
        lines += [f"  {one.column}: {one.level}, loss {one.loss:.3f}" for one in self.columns]
        if self.untouched:
            lines.append(f"  as they are: {', '.join(self.untouched)}")
        return "\n".join(lines)


@dataclass(frozen=True, eq=False)
class _Choice:
    """Levels of all columns; ``suppressed`` (bool ``[n]``) marks users in groups that are small."""

    levels: tuple[Level, ...]
    suppressed: np.ndarray
    smallest: int
    loss: float


def anonymise(
    catalog: Catalog,
    k: int,
    quasi: Sequence[str],
    *,
    max_suppressed: float = MAX_SUPPRESSED,
) -> tuple[Catalog, AnonymityReport]:
    """Make attributes of users coarser until at least k users have each combination of them.

    Parameters
    ----------
    catalog : Catalog
        All users who are to be indistinguishable: the promise holds among them.
    k : int
        At least 2.
    quasi : sequence of str
        Columns of ``users`` by which somebody may be known, such as "age" and "zip". A column may
        have its method: "zip:prefix", "age:range", "job:value".
    max_suppressed : float
        The largest share of users who may get "other" in all columns, 0 to 1.

    Returns
    -------
    catalog : Catalog
        With coarser columns, as text; one that would be "other" for everybody is left out.
    report : AnonymityReport
        The levels and what was lost.

    Raises
    ------
    RequestError
        For an unknown column or method, a k below 2, or fewer than k users.
    """
    users = catalog.tables["users"]
    named = [_parsed(one, users) for one in quasi]
    _check(k, [name for name, _ in named], users.num_rows, max_suppressed)
    methods = [method or method_of(users.column(name)) for name, method in named]
    ladders = [
        levels_of(users.column(name), method, k)
        for (name, _), method in zip(named, methods, strict=True)
    ]
    best = _best(ladders, k, max_suppressed)
    names = [name for name, _ in named]
    changed = _applied(users, names, ladders, best)
    sizes = group_sizes([ladder[0].codes for ladder in ladders])
    report = AnonymityReport(
        k=k,
        users=users.num_rows,
        suppressed=int(best.suppressed.sum()),
        smallest_group=best.smallest,
        unique_before=float(np.mean(sizes == 1)),
        small_before=float(np.mean(sizes < k)),
        loss=best.loss,
        columns=tuple(
            ColumnLoss(name, str(method), level.words, _loss((level,), best.suppressed))
            for name, method, level in zip(names, methods, best.levels, strict=True)
        ),
        untouched=tuple(n for n in users.column_names if n not in (*names, "user_id")),
    )
    return replace(catalog, tables={**catalog.tables, "users": changed}), report


def _parsed(text: str, users: pa.Table) -> tuple[str, Method | None]:
    name, _, word = text.partition(":")
    vectors = vector_columns(users)
    known = [one for one in users.column_names if one != "user_id" and one not in vectors]
    if name not in known:
        raise RequestError(
            f"the users have no attribute {shown(name)}; they have: {', '.join(known) or 'none'}."
        )
    if word and word not in list(Method):
        raise RequestError(
            f"{shown(word)} of {shown(text)} is no method; give one of {', '.join(Method)}."
        )
    method = Method(word) if word else None
    if method is Method.RANGE and method_of(users.column(name)) is not Method.RANGE:
        raise RequestError(
            f"{name} has no numbers, so it has no ranges; write {name}:prefix or {name}:value."
        )
    return name, method


def _check(k: int, names: list[str], users: int, max_suppressed: float) -> None:
    if k < 2:
        raise RequestError(f"k is {k}; with fewer than 2 users to a group nobody is hidden.")
    if users < k:
        raise RequestError(
            f"there are {users} users, fewer than k = {k}; give a smaller k, or load all users."
        )
    if not names or len(set(names)) < len(names):
        raise RequestError("name each attribute that is to be coarser once, such as age,zip.")
    if not 0 <= max_suppressed <= 1:
        raise RequestError(f"max_suppressed is {max_suppressed}; give a share from 0 to 1.")


def _best(ladders: list[list[Level]], k: int, max_suppressed: float) -> _Choice:
    if prod(map(len, ladders)) > _COMPARED:
        return _climbed(ladders, k, max_suppressed)
    found = (_choice(levels, k) for levels in product(*ladders))
    allowed = [one for one in found if one.suppressed.mean() <= max_suppressed]
    return min(allowed, key=lambda one: (one.loss, int(one.suppressed.sum())))


def _climbed(ladders: list[list[Level]], k: int, max_suppressed: float) -> _Choice:
    """Raise one column after another, each time that which leaves the fewest users in small groups
    (Sweeney's Datafly chooses by distinct values instead)."""
    at = [0] * len(ladders)
    current = _choice(tuple(ladder[0] for ladder in ladders), k)
    while current.suppressed.mean() > max_suppressed:
        tried = []
        for place, ladder in enumerate(ladders):
            if at[place] + 1 < len(ladder):
                higher = [level + (place == other) for other, level in enumerate(at)]
                tried.append((_at(ladders, higher, k), higher))
        current, at = min(tried, key=lambda one: (int(one[0].suppressed.sum()), one[0].loss))
    return current


def _at(ladders: list[list[Level]], at: list[int], k: int) -> _Choice:
    return _choice(tuple(ladder[place] for ladder, place in zip(ladders, at, strict=True)), k)


def _choice(levels: tuple[Level, ...], k: int) -> _Choice:
    sizes = group_sizes([level.codes for level in levels])
    suppressed = sizes < k
    count = int(suppressed.sum())
    if 0 < count < k:  # they would be a small group of their own: the next smallest joins them
        suppressed = sizes <= sizes[~suppressed].min()
    left = sizes[~suppressed]
    groups = [int(left.min())] if len(left) else []
    groups += [int(suppressed.sum())] if suppressed.any() else []
    return _Choice(levels, suppressed, min(groups), _loss(levels, suppressed))


def _loss(levels: tuple[Level, ...], suppressed: np.ndarray) -> float:
    return float(np.mean([np.where(suppressed, 1.0, level.loss).mean() for level in levels]))


def group_sizes(codes: Sequence[np.ndarray]) -> np.ndarray:
    """How many rows have the same codes in all columns, int64 ``[n]``."""
    group = codes[0]
    for other in codes[1:]:
        joined = group * (int(other.max()) + 1) + other
        group = np.unique(joined, return_inverse=True)[1]
    return np.asarray(np.bincount(group)[group])


def _applied(
    users: pa.Table, names: list[str], ladders: list[list[Level]], best: _Choice
) -> pa.Table:
    rows = best.suppressed
    for name, ladder, level in zip(names, ladders, best.levels, strict=True):
        position = users.column_names.index(name)
        if level is ladder[-1]:
            users = users.remove_column(position)
        elif level is not ladder[0] or rows.any():
            users = users.set_column(position, name, _column(users.column(name), level, rows))
    return users


def _column(given: pa.ChunkedArray, level: Level, suppressed: np.ndarray) -> pa.Array:
    """The column at a level. Numbers as they are stay numbers, absent for those suppressed."""
    if level.words == "as it is" and not pa.types.is_string(given.type):
        kept = pa.array(~suppressed)
        return pc.if_else(kept, given.combine_chunks(), pa.scalar(None, given.type))
    texts = pa.array(level.values, pa.string()).take(pa.array(level.codes))
    return pc.if_else(pa.array(suppressed), OTHER, texts)
