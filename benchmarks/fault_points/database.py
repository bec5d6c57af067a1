"""Operations on a Neo4j, and a server that is killed in the middle of a load."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from benchmarks.fault_points.children import COMPLETED, REFUSED, Ended, Step, start
from benchmarks.fault_points.contents import NOTHING, Content, is_between, store_content
from benchmarks.fault_points.kills import Tally, state_of
from benchmarks.fault_points.operations import REMOVED, Operation, base, load_catalogs, news
from graph_schema import Catalog
from kgrec import connect
from tests.neo4j_server import Server, emptied, java_server, restarted, stop

_PLACE = "neo4j"


def operations(server: Server, edges: int) -> list[Operation]:
    """Load, update and remove on a server whose data is deleted."""
    parts = load_catalogs(edges)

    def full(_: Path) -> None:
        emptied(server)
        _write(server, base())

    def remove(_: Path) -> None:
        with connect(server.uri, auth=server.auth) as store:
            store.remove(users=REMOVED, missing="ignore")

    def read(_: Path) -> Mapping[str, Content]:
        return read_server(server)

    counted = frozenset({_PLACE})
    load = (writing(server, parts[0]), writing(server, parts[1]))

    def operation(
        name: str, prepare: Step, steps: tuple[Step, ...], several: frozenset[str]
    ) -> Operation:
        return Operation(
            f"{name} (Neo4j)",
            prepare,
            steps,
            read,
            counted=several,
            kills=("time",),
            on_server=True,
        )

    return [
        operation("load", lambda _: emptied(server), load, counted),
        operation("update", full, (writing(server, news()),), counted),
        operation("remove", full, (remove,), frozenset()),
    ]


def writing(server: Server, catalog: Catalog) -> Step:
    return lambda _: _write(server, catalog)


def _write(server: Server, catalog: Catalog) -> None:
    with connect(server.uri, auth=server.auth) as store:
        store.write(catalog)


def read_server(server: Server) -> Mapping[str, Content]:
    """Read until two readings agree: the server may still commit what a killed process has sent,
    between two queries of one reading."""
    with connect(server.uri, auth=server.auth) as store:
        found = store_content(store)
        while (again := store_content(store)) != found:
            found = again
    return {_PLACE: found}


def lost_server(points: int, edges: int, folder: Path, rng: np.random.Generator) -> Tally:
    """Kill the server's process in the middle of a load, start it again, and load again."""
    tally = Tally("load, the server is killed")
    catalog = load_catalogs(edges)[0]
    with ExitStack() as stack:
        server = stack.enter_context(java_server())
        _write(server, catalog)
        expected, seconds = read_server(server)[_PLACE], _seconds(server, catalog)
        for _ in range(points):
            emptied(server)
            at = float(rng.random() * seconds)
            ended = _killed(server, catalog, at, folder)
            server = stack.enter_context(restarted(server))
            found = read_server(server)[_PLACE]
            _write(server, catalog)
            after = read_server(server)[_PLACE]
            tally.points += 1
            tally.stopped += ended.code == REFUSED
            tally.found[state_of(found, NOTHING, expected, ended.code == REFUSED)] += 1
            tally.problems += [
                f"{at:.3f}: {problem}" for problem in _problems(ended, found, after, expected)
            ]
    return tally


def _killed(server: Server, catalog: Catalog, at: float, folder: Path) -> Ended:
    """How the load ends whose server is killed after so many seconds."""
    assert server.process is not None
    child = start([writing(server, catalog)], folder)
    time.sleep(at)
    stop(server.process, kill=True)
    return child.end()


def _problems(ended: Ended, found: Content, after: Content, expected: Content) -> Iterator[str]:
    """``found`` after the restart, ``after`` the load is run again."""
    if ended.code == COMPLETED:
        if found != expected:
            yield f"a load that had returned is not there: {found}"
    elif ended.code != REFUSED or not ended.words.startswith("StoreConnectionError"):
        yield f"no StoreConnectionError: {ended.words}"
    if not is_between(found, NOTHING, expected):
        yield f"the server holds {found}"
    if after != expected:
        yield f"the completion gives {after}, not {expected}"


def _seconds(server: Server, catalog: Catalog) -> float:
    emptied(server)
    started = time.perf_counter()
    _write(server, catalog)
    return time.perf_counter() - started
