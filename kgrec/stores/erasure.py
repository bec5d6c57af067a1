"""The properties that a catalog with ``erase_empty`` erases: those of nodes that it has empty."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow.compute as pc

from graph_schema.frames import SPECS
from graph_schema.names import ENTITY, ITEM, KEY_COLUMNS, LABEL_FRAMES, SCENARIO, USER

if TYPE_CHECKING:
    from graph_schema.catalog import Catalog


@dataclass(frozen=True)
class EmptyProperty:
    """The property ``name`` of the nodes ``ids`` of a label."""

    label: str
    name: str
    ids: list[str]


def empty_properties(catalog: Catalog) -> list[EmptyProperty]:
    """The attributes and vectors of users, items, entities and scenarios that are given empty.

    Titles, names, kinds and descriptions are none of them: a catalog holds them as "" where nothing
    is known.
    """
    found = []
    for label in (USER, ITEM, ENTITY, SCENARIO):
        frame = LABEL_FRAMES[label]
        table = catalog.tables[frame]
        ids = table.column(KEY_COLUMNS[frame])
        for name in table.column_names:
            if name in SPECS[frame].by_name or not table.column(name).null_count:
                continue
            empty = ids.filter(pc.is_null(table.column(name)))
            found.append(EmptyProperty(label, name, empty.to_pylist()))
    return found
