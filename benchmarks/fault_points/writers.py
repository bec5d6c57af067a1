"""Several processes that write to one place at once: nothing reported as done may be missing."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pandas as pd

import loaders
from benchmarks.fault_points.children import COMPLETED, REFUSED, Ended, start, wait_for, workers_of
from benchmarks.fault_points.contents import (
    Content,
    export_content,
    model_content,
    names_below,
    store_content,
)
from benchmarks.fault_points.kills import Tally
from benchmarks.fault_points.operations import base, models
from graph_schema import Catalog
from graph_schema.errors import StoreError
from kgrec.stores import EmbeddedStore

WRITERS: Final = 6
ROWS: Final = 50  # of each write
_BUSY: Final = "another writer"


def into_one_store(rounds: int, folder: Path) -> Tally:
    """Each process writes rows of its own, so many times; others' turns end in an error."""
    tally = Tally(f"{WRITERS} writers, one store")
    path = folder / "graph.kgl"
    folder.mkdir(parents=True)
    with EmbeddedStore(path) as store:
        store.write(base())
        before = len(store.read_nodes("User"))

    def writer(number: int) -> Callable[[Path], None]:
        def step(_: Path) -> None:
            with EmbeddedStore(path) as store:
                for turn in range(rounds):
                    _write_turn(store, _rows(number, turn), folder / f"{number}.{turn}.done")

        return step

    ended = _at_once([writer(number) for number in range(WRITERS)], folder)
    tally.points = WRITERS * rounds
    done = {path.name.removesuffix(".done") for path in folder.glob("*.done")}
    tally.found["new"] = len(done)
    tally.found["old"] = tally.points - len(done)
    for end in ended:
        if end.code != COMPLETED:
            tally.problems.append(f"a writer ended with {end.code}: {end.words}")
    with EmbeddedStore(path) as store:
        users = set(store.read_nodes("User")["id"].to_pylist())
        store_content(store)
    for number in range(WRITERS):
        for turn in range(rounds):
            there = len(users & _users(number, turn))
            expected = ROWS if f"{number}.{turn}" in done else 0
            if there != expected:
                tally.problems.append(f"{there} of {expected} users of write {number}.{turn}")
    if len(users) != before + ROWS * len(done):
        tally.problems.append(f"{len(users)} users after {len(done)} writes of {ROWS}")
    return tally


def _write_turn(store: EmbeddedStore, catalog: Catalog, done: Path) -> None:
    """Write; where another writer has the store, that is said. Other errors pass through."""
    try:
        store.write(catalog)
    except StoreError as error:
        if _BUSY not in str(error):
            raise
    else:
        done.touch()


def _users(number: int, turn: int) -> set[str]:
    return {f"writer{number}.{turn}.{row}" for row in range(ROWS)}


def _rows(number: int, turn: int) -> Catalog:
    users = sorted(_users(number, turn))
    return Catalog.from_frames(interactions=pd.DataFrame({"user_id": users, "item_id": "i1"}))


def into_one_folder(rounds: int, folder: Path) -> list[Tally]:
    """Each process saves a model, exports tables, or writes a catalog, all to one folder."""
    small = Catalog.from_frames(interactions=base().interactions)
    catalogs = base(), small

    def save(number: int, place: Path) -> None:
        models()[number % 2].save(place)

    def export(number: int, place: Path) -> None:
        loaders.to_csv_folder(catalogs[number % 2], place, compress=number % 3 == 0)

    def to_parquet(number: int, place: Path) -> None:
        catalogs[number % 2].to_parquet(place)

    models()
    return [
        _folder("save", save, model_content, rounds, folder),
        _folder("export csv", export, export_content, rounds, folder),
        _folder("export parquet", to_parquet, export_content, rounds, folder),
    ]


def _folder(
    name: str,
    write: Callable[[int, Path], None],
    read: Callable[[Path], Content],
    rounds: int,
    folder: Path,
) -> Tally:
    tally = Tally(f"{WRITERS} writers, {name}")
    place = folder / "place"
    known, names = [], []
    for number in range(WRITERS):
        write(number, place)
        known.append(read(place))
        names.append(names_below(folder))
        shutil.rmtree(folder)
        folder.mkdir()
    for _ in range(rounds):
        tally.points += WRITERS
        ended = _at_once([_call(write, number, place) for number in range(WRITERS)], folder)
        tally.found["new"] += sum(end.code == COMPLETED for end in ended)
        tally.found["old"] += sum(end.code == REFUSED for end in ended)
        tally.problems += [end.words for end in ended if not _is_clear(end)]
        with tally.noting("read"):
            done = [one for one, end in zip(known, ended, strict=True) if end.code == COMPLETED]
            found = read(place)
            if found not in done:
                tally.problems.append(f"the folder holds {found}, which no completed writer wrote")
        if names_below(folder) not in names:
            tally.problems.append(f"files left: {sorted(names_below(folder))[:8]}")
        shutil.rmtree(folder)
        folder.mkdir()
    return tally


def _call(write: Callable[[int, Path], None], number: int, place: Path) -> Callable[[Path], None]:
    return lambda _: write(number, place)


def _is_clear(ended: Ended) -> bool:
    return ended.code == COMPLETED or (ended.code == REFUSED and _BUSY in ended.words)


def _at_once(steps: list[Callable[[Path], None]], folder: Path) -> list[Ended]:
    """The steps, each in a process; all begin when the last one is ready."""
    reader, writer = os.pipe()

    def wait() -> None:
        os.close(writer)
        os.read(reader, 1)  # ends when the parent closes its end

    children = [start([step], folder, prepare=wait) for step in steps]
    os.close(writer)
    os.close(reader)
    ended = [child.end() for child in children]
    for child in children:
        wait_for(workers_of(child.pid))
    return ended
