"""Whether a mapping names what is there: every column of every file, before a row is read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from graph_schema.frames import SPECS, Kind
from graph_schema.names import KEY_COLUMNS
from loaders.mapping.files import Block, Source, Tables
from loaders.mapping.model import TableMapping
from loaders.mapping.problems import Problems, nearest
from loaders.tables.tabular import delimiter_hint

_DELIMITER: Final = "write delimiter = {} in the mapping"
# The types of a fact's ends where the mapping says nothing.
FACT_DEFAULTS: Final = {"head_type": "item", "tail_type": "entity"}
# Columns of a fact that belong to the entity at its end.
END_COLUMNS: Final = ("head_name", "head_kind", "tail_name", "tail_kind")
EDGES: Final = ("interactions", "facts")  # in which lists of a row make several rows


def check_block(block: Block, tables: Tables, problems: Problems) -> None:
    """Add every name of the block's mapping that its files don't have, and every column of kgrec
    that is missing or can't be made so. Raises SourceError for a file that can't be read."""
    _check_frame(block, problems)
    joined = _joined_columns(block, tables, problems)
    for source in block.sources:
        own = tables.columns(source)
        _check_join_keys(block, source, own, problems)
        twice = [name for name in joined if name in own]
        for name in twice:
            problems.add(
                f"{block.field}.join",
                f"{source.name} has a column {name!r} too; give prefix for those that are joined.",
            )
        _check_columns(block, source, [*own, *joined], problems)


def _check_frame(block: Block, problems: Problems) -> None:
    spec, table = SPECS[block.frame], block.table
    given = {*table.columns, *(FACT_DEFAULTS if block.frame == "facts" else ())}
    for name in spec.required:
        if name not in given:
            problems.add(
                f"{block.field}.columns",
                f"{name} is missing; say which column it is, or give {{ value = ... }}.",
            )
    for name, value in table.columns.items():
        known = spec.by_name.get(name)
        zipped = block.frame in EDGES and (known is not None or name in END_COLUMNS)
        if value.several and known is not None and not zipped:
            problems.add(
                f"{block.field}.columns.{name}",
                "one value a row is needed; join them, or give one.",
            )
        timed = value.unit is not None or value.format is not None
        if timed and known is not None and known.kind is not Kind.TIME:
            problems.add(f"{block.field}.columns.{name}", "format and unit are for times.")
    if table.first and (block.frame not in KEY_COLUMNS or KEY_COLUMNS[block.frame] not in given):
        problems.add(f"{block.field}.first", "it needs the id of a row, as users and items have.")


def _joined_columns(block: Block, tables: Tables, problems: Problems) -> list[str]:
    """The columns that joins add."""
    added: list[str] = []
    for join, source in zip(block.table.join, block.joins, strict=True):
        there = tables.columns(source)
        _need(join.keys.values(), there, f"{block.field}.join.on", source, problems)
        names = [join.prefix + name for name in there if name not in join.keys.values()]
        for name in names:
            if name in added:
                problems.add(
                    f"{block.field}.join",
                    f"two joined files have a column {name!r}; give prefix to one.",
                )
        added += names
    return added


def _check_join_keys(block: Block, source: Source, own: list[str], problems: Problems) -> None:
    for join in block.table.join:
        _need(join.keys, own, f"{block.field}.join.on", source, problems)


def _check_columns(block: Block, source: Source, here: list[str], problems: Problems) -> None:
    for field, names in _named(block.table).items():
        _need(names, here, f"{block.field}.{field}", source, problems)


def _named(table: TableMapping) -> Mapping[str, Iterable[str]]:
    """The columns that a mapping names, by the field that names them."""
    found: dict[str, Iterable[str]] = {
        f"columns.{name}": value.sources for name, value in table.columns.items()
    }
    found["where"] = table.where
    found["attributes"] = () if table.attributes == "all" else table.attributes
    return found


def _need(
    names: Iterable[str], here: list[str], field: str, source: Source, problems: Problems
) -> None:
    for name in names:
        if name not in here:
            hint = delimiter_hint(here, source.form.delimiter, _DELIMITER)
            problems.add(
                field, f"{source.name} has no column {name!r}; {nearest(name, here)}.{hint}"
            )
