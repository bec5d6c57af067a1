"""Users, items, entities and scenarios that no file lists: they are added with their ids."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from graph_schema.build import derive_frame
from graph_schema.frames import SPECS, empty_table
from graph_schema.names import KEY_COLUMNS
from graph_schema.report import shown
from loaders.builder import FramePart
from loaders.mapping.counting import left_out
from loaders.mapping.table import Part
from loaders.report import LoadReport

_NODES: Final = ("users", "items", "entities", "scenarios")


def only_listed(frames: Mapping[str, list[Part]], report: LoadReport) -> dict[str, list[Part]]:
    """Leave out the rows that name a user or an item which no file lists, in the tables for which
    the mapping says ``listed``. Where no file lists them, those of interactions are listed."""
    known = {name: _listed_ids(name, frames) for name in ("users", "items", "entities")}
    made = {}
    for frame, parts in frames.items():
        made[frame] = [
            _without_unlisted(frame, part, known, report) if part.listed else part for part in parts
        ]
    return made


def _listed_ids(name: str, frames: Mapping[str, list[Part]]) -> Any:
    """The ids in the table of this name, else in the interactions; None if any will do."""
    key = KEY_COLUMNS[name]
    if name in frames:
        return _ids(frames[name], key)
    events = [part for part in frames.get("interactions", []) if not part.listed]
    return _ids(events, key) if name != "entities" and events else None


def _without_unlisted(frame: str, part: Part, known: Mapping[str, Any], report: LoadReport) -> Part:
    columns = set(part.table.column_names)
    for name, ids in known.items():
        kept = np.ones(part.table.num_rows, dtype=bool)
        if ids is None:
            continue
        if KEY_COLUMNS[name] in columns and frame not in (name, "entities"):
            kept &= _among(part.table.column(KEY_COLUMNS[name]), ids)
        for end in ("head", "tail") if frame == "facts" else ():
            other = pc.not_equal(part.table.column(f"{end}_type"), KEY_COLUMNS[name][:-3])
            kept &= other.to_numpy() | _among(part.table.column(end), ids)
        file = report.file(part.place.name)
        left_out(file, part.place.rows, kept, f"{name} that are not listed")
        part = part.filtered(kept)
    return part


def _among(column: Any, ids: Any) -> np.ndarray:
    return np.asarray(pc.is_in(column, value_set=ids).to_numpy(), dtype=bool)


def with_entities(parts: list[Part], facts: list[Part]) -> list[Part]:
    """The parts of the entities, and those that facts name: the first name of each, all its
    kinds."""
    found = [_named(part) for part in facts if part.entities is not None]
    if not found:
        return parts
    named = pa.concat_tables(found)
    listed = _ids(parts, "entity_id")
    named = named.filter(pc.invert(pc.is_in(named.column("entity_id"), value_set=listed)))
    if not named.num_rows:
        return parts
    frame: pd.DataFrame = named.to_pandas()
    ids = frame["entity_id"].drop_duplicates().tolist()
    first = frame[frame["name"] != ""].drop_duplicates("entity_id")
    names = dict(zip(first["entity_id"], first["name"], strict=True))
    kinds = _kinds(frame)
    made = pa.table(
        {
            "entity_id": pa.array(ids, pa.string()),
            "name": pa.array([names.get(one, "") for one in ids], pa.string()),
            "kind": pa.array(["|".join(kinds.get(one, ())) for one in ids], pa.string()),
        }
    )
    return [*parts, _added(made, facts[0].place.path)]


def _named(part: Part) -> Any:
    """The entities of a part that its facts still name."""
    ends = [part.table.column("head"), part.table.column("tail")]
    ids = pa.chunked_array([chunk for end in ends for chunk in end.chunks], pa.string())
    entities: Any = part.entities
    return entities.filter(pc.is_in(entities.column("entity_id"), value_set=pc.unique(ids)))


def _kinds(frame: pd.DataFrame) -> dict[str, list[str]]:
    """All kinds of each entity."""
    pairs = frame.loc[frame["kind"] != "", ["entity_id", "kind"]].drop_duplicates()
    found: dict[str, list[str]] = {}
    for one, kind in zip(pairs["entity_id"], pairs["kind"], strict=True):
        found.setdefault(one, []).append(kind)
    return found


def _ids(parts: list[Part], key: str) -> Any:
    arrays = [chunk for part in parts for chunk in part.table.column(key).chunks]
    return pc.unique(pa.chunked_array(arrays, pa.string()))


def _added(table: pa.Table, path: str) -> Part:
    rows = np.arange(table.num_rows, dtype=np.int64)
    return Part(table, table, FramePart(path, "", rows))


def complete(
    frames: Mapping[str, list[Part]], tables: Mapping[str, pa.Table], report: LoadReport
) -> dict[str, list[Part]]:
    """Add to each table of nodes that the mapping gives the ids that only other tables name."""
    ids = {name: _known(name, tables) for name in SPECS}
    made = {name: list(parts) for name, parts in frames.items()}
    for name in _NODES:
        if name not in made:
            continue
        key = KEY_COLUMNS[name]
        mentioned = derive_frame(name, ids)
        listed = _ids(made[name], key)
        missing = mentioned.filter(pc.invert(pc.is_in(mentioned.column(key), value_set=listed)))
        if not missing.num_rows:
            continue
        first = missing.column(key)[0].as_py()
        report.notes.append(
            f"{missing.num_rows:,} {name} that other tables name are in no file of {name}; they "
            f"were added with their ids alone, the first is {shown(first)}."
        )
        path = made[name][0].place.path
        made[name].append(_added(missing.select([key]), path))
    return made


def _known(name: str, tables: Mapping[str, pa.Table]) -> pa.Table:
    if name not in tables:
        return empty_table(name)
    table = tables[name]
    return table.select([one for one in table.column_names if one in SPECS[name].by_name])
