"""Fold: the records of a log become part of a model's graph, in a new model.

A process of its own runs it (``python -m kgrec.serving.fold ROOT MODEL NEW UNTIL``), as it takes
seconds. The parameters stay the same; vectors of new items, indexes and what else depends on the
graph are computed anew.
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import Any

import pandas as pd

from graph_schema import Catalog
from graph_schema.names import CHANGED, KEY_COLUMNS, LABEL_FRAMES, RECORD
from graph_schema.output.printable import printable
from kgrec.errors import CatalogError, KgrecError, ModelError, RequestError
from kgrec.feedback import EventWeights
from kgrec.graph.news import updated
from kgrec.graph.snapshot import GraphSnapshot
from kgrec.recommender import Recommender
from kgrec.serving.event_log import Record, records_of
from kgrec.serving.live_graph import (
    EVENT,
    FACTS,
    NO_FACTS,
    NO_NODE,
    NODE,
    TAKEN_BACK,
    allowed,
    without_erased,
)
from kgrec.serving.registry import Root
from kgrec.stores.people.erased_people import Tombstones

_COLUMNS = ("user_id", "item_id", "event", "timestamp", "rating", "scenario", RECORD, CHANGED)


def fold(root: Root, name: str, new: str, until: int) -> list[str]:
    """Make the model ``new`` of the model ``name`` and the records until number ``until``.

    Returns
    -------
    list of str
        Which records do not fit the graph, and why; they are left out.

    Raises
    ------
    KgrecError
        Where the model can't be read or written; then nothing has changed.
    """
    entry = root.read().entry(name)
    tombstones = Tombstones.read(root.tombstones)
    model = Recommender.load(root.folder_of(entry))
    without_erased(model, tombstones)
    records = [
        record
        for record in allowed(records_of(root.log, after=entry.folded_until), tombstones)
        if record["number"] <= until
    ]
    refused = [f"record {number}: {why}" for number, why in add_records(model, records).items()]
    model = learned(with_weights(model))
    folder = root.new_folder(new)
    model.save(folder)
    left_out = f"; {len(refused)} do not fit" if refused else ""
    note = f"{name} with the records until {until}{left_out}"
    root.add(new, folder, note, until, made_from=entry.origin)
    return refused


def with_weights(model: Recommender) -> Recommender:
    """The model whose closed-form parts count all of its graph; itself where it can't do so."""
    with suppress(ModelError, RequestError):
        return Recommender.of(model.state.with_added_weights())
    return model


def learned(model: Recommender) -> Recommender:
    """The model with what a service would learn after each load, which is saved with it."""
    return Recommender.of(replace(model.state, engine=model.state.engine.learned()))


def add_records(model: Recommender, records: Iterable[Record]) -> dict[int, str]:
    """Update a recommender with records, in their order.

    Returns why some do not fit the graph, by their numbers. Raises RequestError where a rule of the
    model has lost what it reads.
    """
    refused: dict[int, str] = {}
    for removes, part in _runs(records):
        if removes:
            model.remove(**removal_of(part), missing="ignore")
            continue
        try:
            model.update(catalog_of(part))
        except (CatalogError, RequestError):
            feedback = model.state.engine.model.shape.feedback
            fitting = list(_fitting(model.state.full_snapshot, feedback, part, refused))
            if fitting:
                model.update(catalog_of(fitting))
    return refused


def _fitting(
    graph: GraphSnapshot,
    feedback: EventWeights | None,
    records: list[Record],
    refused: dict[int, str],
) -> Iterator[Record]:
    """The records that fit the graph; why others don't is added to ``refused``.

    One wrong record must not keep the others out for ever: halves are tried apart.
    """
    try:
        new = updated(graph, catalog_of(records))
        if feedback is not None:  # raises for a kind of event without a weight
            feedback.of_interactions(new.interactions)
    except (CatalogError, RequestError) as error:
        if len(records) == 1:
            refused[records[0]["number"]] = str(error)
            return
        middle = len(records) // 2
        yield from _fitting(graph, feedback, records[:middle], refused)
        yield from _fitting(graph, feedback, records[middle:], refused)
    else:
        yield from records


def _runs(records: Iterable[Record]) -> Iterator[tuple[bool, list[Record]]]:
    """Records in runs that all add, or all remove. Events that were taken back are left out."""
    kept = list(records)
    gone = {record["of"] for record in kept if record["kind"] == TAKEN_BACK}
    return runs((one for one in kept if one["number"] not in gone), (NO_NODE, NO_FACTS))


def runs(
    records: Iterable[Record], removals: Collection[str]
) -> Iterator[tuple[bool, list[Record]]]:
    """Records in runs that all add, or all are of the kinds ``removals``. Those of other kinds,
    such as impressions, are left out."""
    wanted = (one for one in records if one["kind"] in (EVENT, NODE, FACTS, *removals))
    for removes, run in groupby(wanted, lambda one: one["kind"] in removals):
        yield removes, list(run)


def catalog_of(records: Sequence[Record], split: str | None = None) -> Catalog:
    """What the records add, as tables; ``split`` marks their events. Raises CatalogError."""
    frames: dict[str, list[dict[str, Any]]] = {}
    for record in records:
        if record["kind"] == EVENT:
            marked = {} if split is None else {"split": split}
            frames.setdefault("interactions", []).append({**_interaction(record), **marked})
        elif record["kind"] == NODE:
            frame = LABEL_FRAMES[record["label"]]
            key = KEY_COLUMNS[frame]
            frames.setdefault(frame, []).append({key: record["id"], **record["attributes"]})
        else:
            frames.setdefault("facts", []).extend(record["facts"])
    tables: dict[str, Any] = {name: _frame(name, rows) for name, rows in frames.items()}
    return Catalog.from_frames(**tables)


def removal_of(records: Iterable[Record]) -> dict[str, Any]:
    """The nodes and facts that records remove, as ``remove`` takes them."""
    ids: dict[str, list[str]] = {"items": [], "users": [], "entities": []}
    facts: list[dict[str, Any]] = []
    for record in records:
        if record["kind"] == NO_NODE:
            ids[LABEL_FRAMES[record["label"]]].append(record["id"])
        else:
            facts.extend(record["facts"])
    return {**ids, "facts": pd.DataFrame(facts) if facts else None}


def _interaction(record: Record) -> dict[str, Any]:
    names = {"user_id": "user", "item_id": "item"}
    return {column: record.get(names.get(column, column)) for column in _COLUMNS}


def _frame(name: str, rows: list[dict[str, Any]]) -> pd.DataFrame:
    """Rows of one table; of several for one node each attribute has its last value."""
    frame = pd.DataFrame(rows)
    if name in ("items", "users", "entities"):
        key = frame.columns[0]
        frame = frame.groupby(key, as_index=False, sort=False).last()
    return frame.dropna(axis=1, how="all")


def main(arguments: list[str]) -> int:
    """Run ``fold``; says on stderr what was left out; an error is the exit code 1."""
    folder, name, new, until = arguments
    try:
        refused = fold(Root(Path(folder)), name, new, int(until))
    except KgrecError as error:
        print(printable(str(error)), file=sys.stderr)
        return 1
    for one in refused:
        print(printable(str(one)), file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
