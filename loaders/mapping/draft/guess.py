"""The tables of a mapping, guessed from what the files hold."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from loaders.mapping.draft.kinds import (
    as_layout,
    is_triples,
    layout,
    other_folds,
    properties,
    split_of,
    triples,
    with_splits,
    without_profiles,
)
from loaders.mapping.draft.look import Column, Looked, Table
from loaders.mapping.draft.names import FACTS, FRIENDS, SIMILAR, VALUES, Role, plain, rank
from loaders.mapping.draft.roles import Roles, fits, roles_by_name, roles_by_value
from loaders.mapping.draft.times import time_fields
from loaders.mapping.draft.toml import DraftTable, listed
from loaders.recognition import is_network

_ABSENT: Final = ("NULL", "null", "NA", "N/A", "None", "nan", "NaN")
_NO_VALUES: Final = ("http://", "https://", "{", "[{")  # begin addresses, and objects as text
_OVERLAP: Final = 0.05  # of the ids of a table with those of interactions
_HALF: Final = 0.5  # of the ids of interactions, in a first column whose name says nothing
_MOSTLY: Final = 0.98  # share of rows with an id of their own, in a table of users or items
_NODES: Final = {Role.USER: "users", Role.ITEM: "items"}


@dataclass
class Guess:
    """The tables guessed, and why files and columns are left out."""

    tables: list[DraftTable] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)


def guess(looked: Looked) -> Guess:
    """Guess the tables of a mapping."""
    found = Guess(left_out=dict(looked.others))
    named = {table.name: roles_by_name(table) for table in looked.tables}
    pairs = _pairs(looked.tables, named)
    for name in other_folds(list(pairs)):
        found.left_out[name] = "another fold, which has the same ratings"
        del pairs[name]
    events = [table for table in looked.tables if table.name in pairs]
    if not events:
        return found
    ids = {role: _all_values([pairs[one.name].columns[role] for one in events]) for role in _NODES}
    groups = _alike(events)
    split = len({split_of(group[0].name) for group in groups} - {None}) > 1
    for group in groups:
        drafts = _events(group[0], pairs[group[0].name], several=len(groups) > 1, split=split)
        for draft in drafts:
            draft.more = [table.name for table in group[1:]]
        found.tables += drafts
    rest = [one for one in looked.tables if one.name not in {*pairs, *found.left_out}]
    known, rest = _nodes(rest, named, ids, pairs, found)
    if "items" not in known:
        found.tables += _items_of_events(events[0], pairs[events[0].name])
    _facts(rest, named, ids, found)
    return found


def _pairs(tables: tuple[Table, ...], named: dict[str, Roles]) -> dict[str, Roles]:
    """The tables with users and items: by names; by values where there are no names, or where no
    table has known ones."""
    found = {name: roles for name, roles in named.items() if roles.pairs}
    _same_users(found, tables)
    sure = set(found)
    for table in tables:
        if table.name in found or layout(table) is not None:
            continue
        if is_triples(table) or (table.headerless and is_network(table.name)):
            continue
        by_value = table.headerless or not found
        roles = roles_by_value(table, named[table.name]) if by_value else Roles()
        if roles.pairs:
            found[table.name] = roles
    return with_splits(without_profiles(found, sure), tables)


def _same_users(found: dict[str, Roles], tables: tuple[Table, ...]) -> None:
    """Use one column of users where tables name several that all have, such as sessionId and
    userId: the one with the fewest absent values."""
    names = {plain(roles.columns[Role.USER].name): None for roles in found.values()}
    own = {one.name: {plain(c.name): c for c in one.columns} for one in tables}
    columns = {name: [own[table].get(name) for table in found] for name in names}
    filled = {
        name: min((one.filled / one.rows for one in given if one is not None), default=0)
        for name, given in columns.items()
        if all(one is not None and fits(Role.USER, one) for one in given)
    }
    if len(names) < 2 or not filled:
        return
    best = max(filled, key=lambda name: filled[name])
    for roles, column in zip(found.values(), columns[best], strict=True):
        if column is not None and column not in roles.columns.values():
            roles.give(Role.USER, column, "by its name; all files have it")


def _alike(tables: list[Table]) -> list[list[Table]]:
    """Tables of the same columns whose names differ in their numbers alone."""
    groups: dict[Any, list[Table]] = {}
    for table in tables:
        columns = tuple(column.name for column in table.columns)
        groups.setdefault((re.sub(r"[0-9]+", "", table.name), columns, table.form), []).append(
            table
        )
    return list(groups.values())


def _all_values(columns: list[Column]) -> Any:
    return pc.unique(pa.concat_arrays([column.values for column in columns]))


def _id(column: Column) -> Any:
    return column.name


def _value(column: Column, **fields: Any) -> Any:
    """A column as a value of the mapping, with words where another program wrote an absent one."""
    absent = [word for word in _absent_words(column) if word]
    if column.decimal_comma:
        fields["decimal"] = ","
    if absent:
        fields["words"] = dict.fromkeys(absent, "")
    return {"column": column.name, **fields} if fields else column.name


def _events(table: Table, roles: Roles, *, several: bool, split: bool) -> list[DraftTable]:
    draft = DraftTable("interactions", table)
    if not roles.sure:
        draft.notes.append("Not sure: the names of the columns say little. Check each of them.")
    for role in (Role.USER, Role.ITEM):
        draft.columns[role] = (_id(roles.columns[role]), roles.reasons[role])
    _measures(draft, roles)
    stem = _stem(table)
    part = split_of(table.name) if split else None
    if part is not None and Role.SPLIT not in roles.columns:
        draft.columns["split"] = ({"value": part}, "by the name of the file")
    elif several and Role.EVENT not in roles.columns:
        draft.columns["event"] = ({"value": stem}, "the file; give it a better name")
    used = {column.name for column in roles.columns.values()}
    left = [column.name for column in table.columns if column.name not in used]
    if left:
        draft.notes.append(f"Not read: {listed(left)}; name in attributes what is to be kept.")
    draft.fields |= _without_empty_ids(roles)
    reviews = _reviews(table, roles)
    return [draft, *reviews]


def _stem(table: Table) -> str:
    """The name of a file without its ends."""
    return PurePath(table.name).name.split(".")[0]


def _measures(draft: DraftTable, roles: Roles) -> None:
    """Ratings, times, events and splits."""
    for role in (Role.RATING, Role.TIME, Role.EVENT, Role.SPLIT):
        if role not in roles.columns or (role is Role.EVENT and draft.frame == "reviews"):
            continue
        if role is Role.SPLIT and draft.frame == "reviews":
            continue
        column, reason = roles.columns[role], roles.reasons[role]
        fields: dict[str, Any] = {}
        if role is Role.TIME:
            fields |= time_fields(column) or {}
        if role is Role.RATING and column.numbers is not None:
            least, most = column.numbers.min(), column.numbers.max()
            reason += f"; from {least:g} to {most:g}"
            if least in (0, -1):
                reason += f", where {least:g} may say that there is none"
        if role is Role.EVENT:
            reason += f": {', '.join(column.values.to_pylist()[:5])}"
        draft.columns[role] = (_value(column, **fields), " ".join(reason.split()))


def _without_empty_ids(roles: Roles) -> dict[str, Any]:
    """The condition that leaves out rows without a user or an item, where there are some."""
    found = {}
    for role in (Role.USER, Role.ITEM):
        column = roles.columns[role]
        absent = _absent_words(column)
        if absent:
            found[column.name] = {"not": absent}
    return {"where": found} if found else {}


def _absent_words(column: Column) -> list[str]:
    return [word for word in ("", *_ABSENT) if pc.any(pc.equal(column.texts, word)).as_py()]


def _reviews(table: Table, roles: Roles) -> list[DraftTable]:
    if Role.TEXT not in roles.columns:
        return []
    draft = DraftTable("reviews", table)
    for role in (Role.USER, Role.ITEM, Role.TEXT):
        draft.columns[role] = (_id(roles.columns[role]), roles.reasons[role])
    _measures(draft, roles)
    draft.fields |= _without_empty_ids(roles)
    return [draft]


def _nodes(
    tables: list[Table],
    named: dict[str, Roles],
    ids: dict[Role, Any],
    pairs: dict[str, Roles],
    found: Guess,
) -> tuple[set[str], list[Table]]:
    """Find the tables of users and items; return what was found, and the other tables."""
    words = {role: {_word(roles.columns[role].name) for roles in pairs.values()} for role in _NODES}
    best: dict[Role, tuple[float, Table, Column]] = {}
    for table in tables:
        friends = any(plain(column.name) in FRIENDS for column in table.columns[1:2])
        if friends or layout(table) is not None or is_triples(table):
            continue
        if table.headerless and is_network(table.name):
            continue
        for column in table.columns:
            for role in _NODES:
                score = _score(table, column, role, ids[role], words[role])
                if score is not None and (role not in best or score > best[role][0]):
                    best[role] = (score, table, column)
    if len(best) == 2 and best[Role.USER][1] is best[Role.ITEM][1]:
        lower = min(best, key=lambda role: best[role][0])
        del best[lower]
    for role, (_, table, column) in sorted(best.items(), reverse=True):
        found.tables += _node(table, column, role, named[table.name], ids[role])
    used = [table for _, table, _ in best.values()]
    return {_NODES[role] for role in best}, [table for table in tables if table not in used]


def _word(name: str) -> str:
    """What a column of ids is about: user of userId."""
    return plain(name).removesuffix("id").removesuffix("idx") or plain(name)


def _score(table: Table, column: Column, role: Role, ids: Any, words: set[str]) -> float | None:
    """How well a column is the id of users or items; None if it isn't."""
    if column.listed or len(column.values) < _MOSTLY * column.filled or not column.filled:
        return None
    if not _contains(ids, column):
        return None
    both = pc.sum(pc.is_in(column.values, value_set=ids)).as_py()
    shared = both / (len(ids) + len(column.values) - both)
    stem = plain(_stem(table))
    bare = plain(column.name) == "id"
    same_name = _word(column.name) in words or rank(column.name, role) is not None
    if plain(column.name).endswith("id") and not bare and not same_name:
        return None  # of something else
    first = (bare or column is table.columns[0]) and both >= _HALF * len(ids)
    by_file = bare and any(word and word in stem for word in words)
    if not (same_name or by_file or first):
        return None
    titled = role is Role.ITEM and any(
        rank(one.name, Role.TITLE) is not None for one in table.columns
    )
    return float(shared + 2 * (same_name or by_file) + titled)


def _node(table: Table, key: Column, role: Role, roles: Roles, ids: Any) -> list[DraftTable]:
    draft = DraftTable(_NODES[role], table)
    both = pc.sum(pc.is_in(ids, value_set=key.values)).as_py() or 0
    reason = f"{both:,} of {len(ids):,} ids of interactions are here"
    draft.columns[role] = (key.name, reason)
    if key.filled < key.rows:
        draft.fields["where"] = {key.name: {"not": _absent_words(key)}}
    if len(key.values) < key.filled:
        draft.fields["first"] = True
        draft.notes.append("Some ids have several rows: the first of each is read.")
    if plain(key.name) == "id" and key.numbers is not None:
        draft.notes.append(
            f"Not sure: check that the numbers of {key.name} are those of the interactions."
        )
    title = roles.columns.get(Role.TITLE)
    if role is Role.ITEM and title is not None and title is not key:
        draft.columns["title"] = (title.name, roles.reasons[Role.TITLE])
    facts = []
    left = []
    for column in table.columns:
        if column is key or (title is not None and column is title and role is Role.ITEM):
            continue
        if not len(column.values) or column.example.startswith(_NO_VALUES):
            left.append(column.name)
            continue
        if column.decimal_comma:
            draft.columns[column.name] = (_value(column), "numbers with a decimal comma")
        elif column.separator and not column.long and time_fields(column) is None:
            draft.columns[column.name] = (_value(column, separator=column.separator), "")
        elif plain(column.name) != "id":
            draft.attributes.append(column.name)
        if role is Role.ITEM:
            facts += _facts_of(table, key, column, ids)
    if left:
        draft.notes.append(f"Not read, since empty, addresses or objects: {listed(left)}.")
    return [draft, *facts]


def _facts_of(table: Table, key: Column, column: Column, ids: Any) -> list[DraftTable]:
    """Facts of a column of the items."""
    word = plain(column.name)
    if any(part in word for part in SIMILAR) and _contains(ids, column):
        draft = DraftTable("facts", table)
        fields = {"separator": column.separator} if column.separator else {}
        draft.columns["head"] = (key.name, "")
        draft.columns["relation"] = ({"value": column.name}, "the column; give it a better name")
        draft.columns["tail"] = (_value(column, **fields), "")
        draft.columns["tail_type"] = ({"value": "item"}, "")
        draft.fields["listed"] = True
        return [draft]
    return [] if _fact_name(column) is None else [_fact(table, key, column)]


def _fact_name(column: Column) -> tuple[str, str] | None:
    return FACTS.get(plain(column.name.split(".")[-1])) or FACTS.get(plain(column.name))


def _fact(table: Table, key: Column, column: Column) -> DraftTable:
    relation, kind = _fact_name(column) or (f"has_{_word(column.name)}", _word(column.name))
    draft = DraftTable("facts", table)
    draft.columns["head"] = (key.name, "")
    draft.columns["relation"] = ({"value": relation}, "by the name of the column")
    fields = {"separator": column.separator} if column.separator else {}
    draft.columns["tail"] = (_value(column, **fields, prefix=f"{kind}:"), "")
    draft.columns["tail_kind"] = ({"value": kind}, "")
    return draft


def _items_of_events(table: Table, roles: Roles) -> list[DraftTable]:
    """Items whose titles are among the interactions."""
    key, title = roles.columns[Role.ITEM], roles.columns.get(Role.TITLE)
    if title is None:
        return []
    draft = DraftTable("items", table)
    draft.columns["item_id"] = (key.name, roles.reasons[Role.ITEM])
    draft.columns["title"] = (title.name, roles.reasons[Role.TITLE])
    draft.fields |= {**_without_empty_ids(roles), "first": True}
    draft.notes.append("Titles are among the interactions: the first row of each item is read.")
    facts = [
        _fact(table, key, column)
        for column in table.columns
        if column is not key and column is not title and _fact_name(column) is not None
    ]
    return [draft, *facts]


def _facts(
    tables: list[Table], named: dict[str, Roles], ids: dict[Role, Any], found: Guess
) -> None:
    """Facts of the tables that are left, names of their entities, and reasons for the tables that
    are left out."""
    for table in tables:
        drafts = (
            as_layout(table)
            or _friends(table, ids[Role.USER])
            or triples(table, ids[Role.ITEM])
            or properties(table, ids[Role.ITEM])
            or _of_items(table, ids[Role.ITEM], found)
        )
        found.tables += drafts
        if not drafts:
            found.left_out[table.name] = _why_left_out(table, named[table.name])
    for table in tables:
        draft = _entities(table, [one for one in found.tables if one.frame == "facts"])
        if draft is not None and table.name in found.left_out:
            found.tables.append(draft)
            del found.left_out[table.name]


def _why_left_out(table: Table, roles: Roles) -> str:
    names = listed([column.name for column in table.columns])
    key = next((roles.columns[role].name for role in _NODES if role in roles.columns), None)
    if key is None:
        return f"no users and items are seen in it (columns: {names})"
    return (
        f"{key} seems to name {'items' if Role.ITEM in roles.columns else 'users'}, but what the "
        "other columns are is not known; join them, or read them as facts "
        f"(columns: {names})"
    )


def _entities(table: Table, facts: list[DraftTable]) -> DraftTable | None:
    """The names of the entities of facts, from a table with a row for each of them."""
    for fact in facts:
        tail = fact.columns["tail"][0]
        if not isinstance(tail, dict) or "prefix" not in tail:
            continue
        word = plain(tail["column"].split(".")[-1])
        key = next((one for one in table.columns if plain(one.name) == word and one.unique), None)
        if key is None:
            continue
        wanted = [_word(word) + value for value in VALUES] + list(VALUES)
        name = next((one for one in table.columns if plain(one.name) in wanted), None)
        if name is None:
            continue
        draft = DraftTable("entities", table)
        value = {"column": key.name, "prefix": tail["prefix"]}
        draft.columns["entity_id"] = (value, f"as in {fact.source.name}")
        draft.columns["name"] = (name.name, "")
        draft.columns["kind"] = fact.columns["tail_kind"]
        return draft
    return None


def _friends(table: Table, users: Any) -> list[DraftTable]:
    """Facts between users, such as friends."""
    known = [column for column in table.columns if _contains(users, column)]
    others = [column for column in table.columns if plain(column.name) in FRIENDS]
    if table.headerless and is_network(table.name):
        others = known[1:2]
    if not others or not known or known[0] is others[0]:
        return []
    head, tail = known[0], others[0]
    draft = DraftTable("facts", table)
    kind = _word(tail.name).removesuffix("list").removesuffix("s")
    relation = (f"has_{kind}", "by the name of the column")
    if table.headerless:
        relation = (_stem(table), "the file; give it a better name")
        draft.notes.append("Not sure: by its name the file says which users know which others.")
    fields = {"separator": tail.separator} if tail.separator else {}
    draft.columns["head"] = (head.name, "")
    draft.columns["head_type"] = ({"value": "user"}, "")
    draft.columns["relation"] = ({"value": relation[0]}, relation[1])
    draft.columns["tail"] = (_value(tail, **fields), "")
    draft.columns["tail_type"] = ({"value": "user"}, "")
    return [draft]


def _contains(ids: Any, column: Column) -> bool:
    """Whether many values of a column are among these ids."""
    both = _shared(ids, column)
    return bool(both >= max(_OVERLAP * min(len(ids), len(column.values)), 1))


def _shared(ids: Any, column: Column) -> int:
    """How many values of a column are among these ids."""
    return int(pc.sum(pc.is_in(column.values, value_set=ids)).as_py() or 0)


def _of_items(table: Table, items: Any, found: Guess) -> list[DraftTable]:
    """Facts of a table with an item and something else in each row."""
    key = table.columns[0]
    if key.listed:
        return []
    join = _join_of_items(key, found, more_than=_shared(items, key))
    if join is None and not _contains(items, key):
        return []
    drafts = []
    for column in table.columns[1:]:
        if _fact_name(column) is None and not _has_name(table, column):
            continue
        draft = _fact(table, key, column)
        if join is None:
            draft.notes.append(f"Not sure: {key.name} has values that are ids of items.")
        else:
            item = join["prefix"] + join["item"]
            draft.columns["head"] = (item, f"through {join['file']}")
            draft.fields["join"] = {name: join[name] for name in join if name != "item"}
        name = _name_of(table, column)
        if name is not None:
            draft.columns["tail_name"] = (name.name, "")
        drafts.append(draft)
    return drafts


def _join_of_items(key: Column, found: Guess, *, more_than: int) -> dict[str, Any] | None:
    """The join that gives the items of another id of theirs, which the table of items has too, and
    which has more of the values than their ids have; ``item`` is the column of their ids there."""
    items = next((one for one in found.tables if one.frame == "items"), None)
    if items is None or items.source.headerless:
        return None
    for other in items.source.columns:
        if other.name == items.columns["item_id"][0] or _shared(other.values, key) <= more_than:
            continue
        if plain(other.name) == plain(key.name) and other.unique and _contains(other.values, key):
            join = {"file": items.source.name, "on": {key.name: other.name}, "prefix": "item."}
            form = items.source.form
            own = {} if form is None else {"delimiter": form.delimiter, "encoding": form.encoding}
            return {**join, **own, "item": items.columns["item_id"][0]}
    return None


def _has_name(table: Table, column: Column) -> bool:
    return plain(column.name).endswith("id") and _name_of(table, column) is not None


def _name_of(table: Table, column: Column) -> Column | None:
    """The column that has the names of a column of ids: directorName of directorID."""
    word = _word(column.name)
    if not plain(column.name).endswith("id"):
        return None
    return next((one for one in table.columns if plain(one.name) == f"{word}name"), None)
