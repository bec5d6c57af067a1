"""What the columns of a table seem to hold, by their names, or by their values where they have no
names that are known."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from loaders.mapping.draft.look import Column, Table
from loaders.mapping.draft.names import Role, rank
from loaders.mapping.draft.times import time_fields

_FEW: Final = 25  # kinds of events, steps of a rating
_FILLED: Final = 0.9  # share of rows with a value, in columns that are preferred
_WIDE: Final = 15  # columns without names, above which rows are no events
_MANY: Final = 5  # rows of a table of users or items
_SMALL: Final = 100  # the greatest rating
_WORD: Final = re.compile(r"[A-Za-z][A-Za-z _-]{0,20}")


@dataclass
class Roles:
    """The columns of a table by their roles; ``reasons`` say why, ``sure`` is False where names
    say nothing."""

    columns: dict[Role, Column] = field(default_factory=dict)
    reasons: dict[Role, str] = field(default_factory=dict)
    sure: bool = True

    @property
    def pairs(self) -> bool:
        """Whether there are users and items."""
        return Role.USER in self.columns and Role.ITEM in self.columns

    def give(self, role: Role, column: Column, reason: str) -> None:
        """Give a column a role."""
        self.columns[role], self.reasons[role] = column, reason


def roles_by_name(table: Table) -> Roles:
    """Roles whose names are known and whose values fit."""
    found = Roles()
    if table.headerless:
        return found
    for role in Role:
        ranked = [
            (column.filled < _FILLED * column.rows, place, column)
            for column in table.columns
            if (place := rank(column.name, role)) is not None
            and column not in found.columns.values()
            and fits(role, column)
        ]
        if ranked:
            found.give(role, min(ranked, key=lambda one: one[:2])[2], "by its name")
    return found


def fits(role: Role, column: Column) -> bool:
    """Whether the values of a column can have a role."""
    if column.listed or not column.filled:
        return False
    if role is Role.RATING:
        return column.numbers is not None
    if role is Role.TIME:
        return time_fields(column) is not None
    if role is Role.EVENT:
        return len(column.values) <= _FEW
    if role is Role.SPLIT:
        return set(column.values.to_pylist()) <= {"train", "valid", "test"}
    return role is not Role.TEXT or column.length > 10


def roles_by_value(table: Table, named: Roles) -> Roles:
    """Users, items, times, events and ratings by what the values look like, in place of those that
    names say nothing of: the first two columns that may be ids are users and items."""
    found = Roles(dict(named.columns), dict(named.reasons), sure=False)
    if (table.headerless and len(table.columns) > _WIDE) or _has_row_for_each(table, named):
        return found
    wanted = [role for role in (Role.USER, Role.ITEM) if role not in found.columns]
    ids: list[Column] = []
    for column in table.columns:
        if column in found.columns.values() or column.listed or column.long or not column.filled:
            continue
        if column.example.startswith(("http://", "https://", "{")) or _is_constant(column):
            continue
        enough = len(ids) >= len(wanted) or _has_points(column)
        role = _role(column, bool(ids), enough)
        if role is None and not enough:
            ids.append(column)
        elif role is not None and role not in found.columns:
            found.give(role, column, f"its values look so, such as {column.example!r}")
    if len(ids) == len(wanted) and (ids or not wanted) and _can_be_events(ids, table, found):
        for role, column, place in zip(wanted, ids, ("first", "second"), strict=False):
            found.give(role, column, f"not sure: the {place} column that may be an id")
    points = [one for one in table.columns if _has_points(one) and _is_small(one)]
    if table.headerless and Role.RATING not in found.columns and len(points) == 1:
        found.give(Role.RATING, points[0], "not sure: the numbers with a point")
    return found


def _is_constant(column: Column) -> bool:
    """Whether many rows have the same value, which is no id of users or items."""
    return column.rows >= _MANY and len(column.values) == 1


def _has_row_for_each(table: Table, named: Roles) -> bool:
    """Whether a column that is called as the id of a user or an item has a value of its own in each
    of many rows: a table of users or items."""
    ids = [named.columns[role] for role in (Role.USER, Role.ITEM) if role in named.columns]
    return table.rows >= _MANY and any(column.unique for column in ids)


def _can_be_events(ids: list[Column], table: Table, found: Roles) -> bool:
    """Whether rows can be events of users: a time or a rating, or ids that come again."""
    measured = Role.TIME in found.columns or Role.RATING in found.columns
    if not table.headerless and any(len(one.values) <= _FEW < one.rows for one in ids):
        return False  # such as a position in a list
    return (measured and table.headerless) or not ids[0].unique


def _role(column: Column, after_first: bool, after_ids: bool) -> Role | None:
    """The role of a column that is no id; None for one that may be an id."""
    if time_fields(column) is not None:
        return Role.TIME
    few = len(column.values) <= _FEW
    if few and after_first and all(map(_WORD.fullmatch, column.values.to_pylist())):
        return Role.EVENT
    return Role.RATING if few and after_ids and _is_scale(column) else None


def _has_points(column: Column) -> bool:
    """Whether the values are numbers that are written with a point, which no ids are."""
    if column.numbers is None:
        return False
    return all("." in text for text in column.values.to_pylist())


def _is_small(column: Column) -> bool:
    numbers = column.numbers
    return numbers is not None and bool(np.abs(numbers).max() <= _SMALL)


def _is_scale(column: Column) -> bool:
    """Whether the numbers are steps of a scale such as 1 to 5."""
    numbers = column.numbers
    if numbers is None or len(numbers) < 2:
        return False
    return bool(numbers.max() <= 100 and numbers.min() >= -1)
