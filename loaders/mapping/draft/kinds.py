"""Tables that are no events of unnamed columns: those of the layout, triples, networks of users,
tables of users or of properties, and further parts of a split."""

from __future__ import annotations

import re
from pathlib import PurePath
from typing import Any, Final

import pyarrow.compute as pc

from graph_schema.frames import SPECS
from loaders.graph_formats.triples import HEADERS, may_be_triples
from loaders.mapping.draft.look import Column, Table
from loaders.mapping.draft.names import VALUES, Role, plain, rank
from loaders.mapping.draft.roles import Roles
from loaders.mapping.draft.toml import DraftTable
from loaders.recognition import plain_name

_SPLITS: Final = {
    **dict.fromkeys(("train", "training", "base"), "train"),
    **dict.fromkeys(("valid", "validation", "val", "dev"), "valid"),
    **dict.fromkeys(("test", "testing"), "test"),
}
_GRAPH: Final = re.compile(r"(kg|triples?|facts)(_\w+)?\.[a-z]+|\w+2id\.txt")
_RELATION: Final = r"[/.:]|^_"  # signs of the names of relations
_PROPERTIES: Final = ("property", "attribute", "propertyname", "attributename", "feature")
_LAYOUT: Final = ("facts", "entities", "scenarios")  # tables that may have kgrec's own columns
_FOLD: Final = re.compile(r"u([0-9ab])\.(base|test)")  # of MovieLens 100K


def split_of(name: str) -> str | None:
    """The part of a split that a file of this name holds."""
    words = re.split(r"[^a-z]+", PurePath(name).name.lower())
    return next((split for word, split in _SPLITS.items() if word in words), None)


def layout(table: Table) -> str | None:
    """kgrec's table whose columns a file has, by their own names."""
    names = {column.name for column in table.columns}
    return next((one for one in _LAYOUT if set(SPECS[one].required) <= names), None)


def as_layout(table: Table) -> list[DraftTable]:
    """A table that has kgrec's columns."""
    frame = layout(table)
    if frame is None:
        return []
    draft = DraftTable(frame, table)
    for column in table.columns:
        if column.name in SPECS[frame].by_name:
            draft.columns[column.name] = (column.name, "")
        elif plain(column.name) != "id":
            draft.attributes.append(column.name)
    return [draft]


def is_triples(table: Table) -> bool:
    """Whether the rows are a head, a relation and a tail."""
    names = tuple(column.name.lower() for column in table.columns)
    if len(names) != 3 or any(column.listed for column in table.columns):
        return False
    if not table.headerless or _GRAPH.fullmatch(plain_name(table.name)):
        return table.headerless or names in HEADERS
    if any(column.numbers is not None for column in table.columns):
        return False
    relations = table.columns[1].values
    words = pc.any(pc.match_substring_regex(relations, _RELATION)).as_py()
    return bool(words or may_be_triples([plain_name(table.name)]))


def triples(table: Table, items: Any) -> list[DraftTable]:
    """Facts of triples of which one end has ids of items."""
    if not is_triples(table):
        return []
    head, relation, tail = table.columns
    ends = [_has(one, items) for one in (head, tail)]
    if not any(ends):
        return []
    draft = DraftTable("facts", table)
    draft.notes.append("Not sure: triples, one end of which has values that are ids of items.")
    kinds = [{"value": "item" if one else "entity"} for one in ends]
    draft.columns |= {
        "head": (head.name, ""),
        "head_type": (kinds[0], "; check that all heads are of it"),
        "relation": (relation.name, ""),
        "tail": (tail.name, ""),
        "tail_type": (kinds[1], "; check that all tails are of it"),
    }
    return [draft]


def properties(table: Table, items: Any) -> list[DraftTable]:
    """Facts of a table with an item, the name of a property and its value in each row."""
    named = {plain(column.name): column for column in table.columns}
    relation = next((named[one] for one in _PROPERTIES if one in named), None)
    value = next((named[one] for one in VALUES if one in named), None)
    keys = [c for c in table.columns if rank(c.name, Role.ITEM) is not None and _has(c, items)]
    if table.headerless or relation is None or value is None or not keys:
        return []
    draft = DraftTable("facts", table)
    words = [one for one in relation.values.to_pylist() if any(map(str.isalpha, one))]
    draft.notes.append(
        f"Not sure: each row is a property of an item, of {len(relation.values):,} properties that "
        "were seen; where says which of them become facts."
    )
    draft.columns |= {
        "head": (keys[0].name, "by its name"),
        "relation": (relation.name, ""),
        "tail": ({"columns": [relation.name, value.name], "join": ":"}, ""),
        "tail_kind": (relation.name, ""),
    }
    draft.fields |= {"where": {relation.name: words}} if words else {}
    draft.fields["listed"] = True
    return [draft]


def _has(column: Column, ids: Any) -> bool:
    return bool(pc.any(pc.is_in(column.values, value_set=ids)).as_py())


def without_profiles(pairs: dict[str, Roles], sure: set[str]) -> dict[str, Roles]:
    """The tables of events without those guessed by values that have a row for each user, where
    another table has several for the same users."""
    several = [roles for roles in pairs.values() if not roles.columns[Role.USER].unique]
    return {
        name: roles
        for name, roles in pairs.items()
        if name in sure
        or split_of(name) is not None
        or not roles.columns[Role.USER].unique
        or not any(_is_profile(roles, others) for others in several)
    }


def _is_profile(roles: Roles, events: Roles) -> bool:
    """Whether a table has the users of events and other values than their items."""
    shares = [_share(roles.columns[role], events.columns[role]) for role in (Role.USER, Role.ITEM)]
    return shares[0] >= 0.5 > shares[1]


def _share(column: Column, other: Column) -> float:
    both = pc.sum(pc.is_in(column.values, value_set=other.values)).as_py() or 0
    return float(both / max(len(column.values), 1))


def with_splits(pairs: dict[str, Roles], tables: tuple[Table, ...]) -> dict[str, Roles]:
    """The tables of events, and those without a header that are other parts of their split."""
    found = dict(pairs)
    for table in tables:
        if table.name in pairs or not table.headerless or split_of(table.name) is None:
            continue
        for other in tables:
            if other.name in pairs and _are_parts(table, other):
                own = {one.name: one for one in table.columns}
                roles = pairs[other.name]
                columns = {role: own[one.name] for role, one in roles.columns.items()}
                found[table.name] = Roles(columns, dict(roles.reasons), roles.sure)
                break
    return found


def _are_parts(table: Table, other: Table) -> bool:
    """Whether two files have equal columns and names that differ in the part of a split alone."""
    same = [one.name for one in table.columns] == [one.name for one in other.columns]
    return same and table.form == other.form and _bare(table.name) == _bare(other.name)


def _bare(name: str) -> list[str]:
    return [word for word in re.split(r"[^a-z0-9]+", name.lower()) if word not in _SPLITS]


def other_folds(names: list[str]) -> list[str]:
    """The files of MovieLens 100K's folds but the first: each fold has all ratings again."""
    folds = {name: found[1] for name in names if (found := _FOLD.fullmatch(name))}
    return [name for name, fold in folds.items() if fold != min(folds.values())]
