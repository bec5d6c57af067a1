"""The columns of each frame of a catalog: their names, their kinds, and which are required.

Every other column is an attribute. It keeps its name and becomes a property of the node or edge.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Final

import pyarrow as pa


class Kind(StrEnum):
    """The kind of values of a known column."""

    ID = "id"  # string, never absent or empty
    OPTIONAL_ID = "optional id"  # string, may be absent
    TEXT = "text"  # string, "" where absent
    WORD = "word"  # short string, may be absent
    NUMBER = "number"  # float64, finite, may be absent
    TIME = "time"  # int64 unix seconds, may be absent


ARROW_TYPES: Final = {
    Kind.ID: pa.string(),
    Kind.OPTIONAL_ID: pa.string(),
    Kind.TEXT: pa.string(),
    Kind.WORD: pa.string(),
    Kind.NUMBER: pa.float64(),
    Kind.TIME: pa.int64(),
}


@dataclass(frozen=True)
class Column:
    """A known column. ``required``: the caller must give it. ``always``: every catalog has it."""

    name: str
    kind: Kind
    required: bool = False
    always: bool = False


@dataclass(frozen=True)
class FrameSpec:
    """The known columns of one frame, in the order in which a catalog holds them."""

    name: str
    columns: tuple[Column, ...]

    @cached_property
    def by_name(self) -> dict[str, Column]:
        """The known columns by their names."""
        return {column.name: column for column in self.columns}

    @property
    def required(self) -> tuple[str, ...]:
        """The names of the required columns."""
        return tuple(column.name for column in self.columns if column.required)

    @property
    def schema(self) -> pa.Schema:
        """The schema of an empty frame."""
        return pa.schema(
            [(c.name, ARROW_TYPES[c.kind]) for c in self.columns if c.required or c.always]
        )


def _key(name: str) -> Column:
    return Column(name, Kind.ID, required=True)


def _always(name: str, kind: Kind) -> Column:
    return Column(name, kind, always=True)


SPECS: Final[dict[str, FrameSpec]] = {
    spec.name: spec
    for spec in (
        FrameSpec("users", (_key("user_id"),)),
        FrameSpec("items", (_key("item_id"), _always("title", Kind.TEXT))),
        FrameSpec(
            "entities",
            (_key("entity_id"), _always("name", Kind.TEXT), _always("kind", Kind.TEXT)),
        ),
        FrameSpec(
            "interactions",
            (
                _key("user_id"),
                _key("item_id"),
                Column("rating", Kind.NUMBER),
                Column("timestamp", Kind.TIME),
                Column("event", Kind.WORD),
                Column("scenario", Kind.OPTIONAL_ID),
                Column("split", Kind.WORD),
            ),
        ),
        FrameSpec(
            "facts",
            (
                _key("head"),
                _key("head_type"),
                _key("relation"),
                _key("tail"),
                _key("tail_type"),
            ),
        ),
        FrameSpec(
            "reviews",
            (
                _always("review_id", Kind.ID),
                _key("user_id"),
                _key("item_id"),
                Column("text", Kind.TEXT, required=True),
                Column("rating", Kind.NUMBER),
                Column("timestamp", Kind.TIME),
            ),
        ),
        FrameSpec(
            "queries",
            (
                _always("query_id", Kind.ID),
                Column("text", Kind.TEXT, required=True),
                _always("user_id", Kind.OPTIONAL_ID),
                _always("item_id", Kind.OPTIONAL_ID),
                Column("timestamp", Kind.TIME),
                Column("scenario", Kind.OPTIONAL_ID),
            ),
        ),
        FrameSpec("scenarios", (_key("scenario_id"), _always("description", Kind.TEXT))),
    )
}

FACT_KEY: Final = ("head_type", "head", "relation", "tail_type", "tail")
# Names that an attribute can't have, because the graph uses them.
RESERVED_COLUMNS: Final = {
    "users": ("id",),
    "items": ("id",),
    "entities": ("id",),
    "interactions": ("source", "target"),
    "facts": ("source", "target"),
    "reviews": ("id",),
    "queries": ("id",),
    "scenarios": ("id",),
}
MAX_ID_BYTES: Final = 8_000  # Neo4j's range index holds keys of at most 8,167 bytes
MAX_NAME_BYTES: Final = 1_000  # relation and column names


def empty_table(name: str) -> pa.Table:
    """Return a frame without rows, with the columns that every catalog has."""
    return SPECS[name].schema.empty_table()
