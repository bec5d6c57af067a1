"""The store gets every acknowledged record once, and what others write there comes into the log."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from typer.testing import CliRunner

from graph_schema import Catalog
from graph_schema.names import CHANGED, RECORD
from kgrec import GraphStore, Recommender, connect
from kgrec.cli import app
from kgrec.errors import ServiceError, StoreBusyError, StoreConnectionError, StoreFileError
from kgrec.graph.read import read_snapshot
from kgrec.serving.config import ServiceConfig
from kgrec.serving.event_log import EventLog, LogPlace, Record, records_of
from kgrec.serving.registry import Root
from kgrec.serving.store_sync.graph_events import graph_has_until
from kgrec.serving.store_sync.opened_store import OpenedStore
from kgrec.serving.store_sync.position import Position, Positions
from kgrec.serving.store_sync.refused import RefusedRecords
from kgrec.serving.store_sync.writing import StoreWriter
from kgrec.stores.base import EdgeType
from kgrec.stores.people.erased_people import Tombstones
from tests.recommender import catalogs
from tests.serving.running import Running, new_root, running_here, until

_QUICK = ServiceConfig(store_write_seconds=0.05, store_follow_seconds=0.2)
_EDGE = EdgeType("User", "INTERACTED", "Item")
_NOW = int(time.time())


def event(user: str, item: str, **more: Any) -> Record:
    """The record of an event."""
    said = {"kind": "event", "user": user, "item": item, "timestamp": _NOW, "received": _NOW}
    return {**said, **more}


def node(label: str, node_id: str, **attributes: Any) -> Record:
    return {"kind": "node", "label": label, "id": node_id, "attributes": attributes}


def fact(head: str, tail: str) -> Record:
    row = {"head": head, "head_type": "item", "relation": "made_by", "tail": tail}
    return {"kind": "facts", "facts": [{**row, "tail_type": "entity"}]}


def events_of(store: GraphStore, user: str) -> list[str]:
    """The items of a user's interactions in a store."""
    table = store.read_edges(_EDGE, ["timestamp"]).to_pylist()
    return sorted(row["target"] for row in table if row["source"] == user)


class Place:
    """The folder of a log, with a store."""

    def __init__(self, folder: Path, store: GraphStore) -> None:
        self.folder, self.store = folder, store
        self.log = EventLog(folder / "events.log")
        self.tombstones: Tombstones | None = None

    def append(self, *records: Record) -> None:
        self.log.append(records).result()

    def writer(self) -> StoreWriter:
        """One as a process has it that has just started."""
        return StoreWriter(
            self.log,
            OpenedStore.of(self.store),
            self.folder / "store.json",
            RefusedRecords(self.folder / "refused.jsonl"),
            lambda: self.tombstones,
        )


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with connect(tmp_path / "catalog.kgl") as store:
        found = Place(tmp_path, store)
        yield found
        found.log.close()


def test_every_kind_of_record_is_written(place: Place) -> None:
    place.append(
        node("Item", "i1", title="One", year=1999),
        node("User", "u1", age=30),
        node("Entity", "e1", name="Ann"),
        fact("i1", "e1"),
        event("u1", "i1", rating=4.0, event="buy"),
        event("u2", "i2"),
        {"kind": "impressions", "list_id": "l", "items": ["i1"], "received": _NOW},
    )
    writer = place.writer()
    assert writer.step() == 7
    assert writer.position.written_until == 7
    assert place.store.row_counts() == {
        **dict.fromkeys(("reviews", "queries", "scenarios"), 0),
        "users": 2,
        "items": 2,
        "entities": 1,
        "interactions": 2,
        "facts": 1,
    }
    items = {row["id"]: row for row in place.store.read_nodes("Item").to_pylist()}
    assert (items["i1"]["title"], items["i1"]["year"]) == ("One", 1999)
    rows = place.store.read_edges(_EDGE).to_pylist()
    bought = next(row for row in rows if row["source"] == "u1")
    assert (bought["event"], bought["rating"], bought["timestamp"]) == ("buy", 4.0, _NOW)
    place.append(
        {"kind": "taken back", "user": "u1", "of": 5, "received": _NOW},
        {"kind": "no facts", "facts": fact("i1", "e1")["facts"]},
        {"kind": "no node", "label": "User", "id": "u2"},
    )
    writer.step()
    counts = place.store.row_counts()
    assert [counts[name] for name in ("users", "interactions", "facts")] == [1, 0, 0]
    assert writer.step() == 0


def test_a_record_written_twice_counts_once_and_equal_events_count_each(place: Place) -> None:
    """As after a kill between the write and the note of the position."""
    place.append(event("u1", "i1"), event("u1", "i1"))
    place.writer().step()
    place.append(event("u1", "i1"), node("Item", "i1", title="One"))
    writer = place.writer()
    writer.step()
    assert events_of(place.store, "u1") == ["i1"] * 3
    writer.move(Position())  # the position is older than the store
    place.writer().step()
    assert events_of(place.store, "u1") == ["i1"] * 3
    again = pd.DataFrame([{"user_id": "u1", "item_id": "i1", "timestamp": _NOW}])
    place.store.write(Catalog.from_frames(interactions=again))  # kgrec load of the same event
    assert events_of(place.store, "u1") == ["i1"] * 3


def test_what_the_service_adds_to_a_store_is_no_attribute_of_a_model(place: Place) -> None:
    from kgrec.graph.read import read_snapshot

    place.append(node("Item", "i1", title="One"), node("Entity", "e1"), fact("i1", "e1"))
    place.append(event("u1", "i1"))
    place.writer().step()
    assert place.store.read_nodes("Item", [CHANGED])[CHANGED][0].as_py() >= _NOW
    assert place.store.read_edges(_EDGE, [RECORD])[RECORD][0].as_py()
    snapshot = read_snapshot(place.store)
    for table in (snapshot.items, snapshot.users, snapshot.entities):
        assert CHANGED not in table.attributes.columns


def test_a_refused_record_does_not_hold_up_the_others(place: Place) -> None:
    place.append(node("Item", "i1", year=1999))
    place.writer().step()
    place.append(event("u1", "i1"), node("Item", "i2", year="c. 1990"), node("Item", "i3", year=2))
    writer = place.writer()
    assert writer.step() == 3
    assert writer.refused.numbers == [3]
    line = json.loads((place.folder / "refused.jsonl").read_text())
    assert (line["number"], line["record"]["id"]) == (3, "i2")
    assert "c. 1990" in line["why"]
    assert set(place.store.read_nodes("Item", ()).column("id").to_pylist()) == {"i1", "i3"}
    assert events_of(place.store, "u1") == ["i1"]
    writer.move(Position(1))  # refused once more after a kill: it is in the file once
    place.writer().step()
    assert place.writer().refused.numbers == [3]
    assert (place.folder / "refused.jsonl").stat().st_mode & 0o077 == 0


def test_a_store_that_is_locked_or_full_refuses_no_record(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.append(event("u1", "i1"))
    place.writer().step()
    place.append(event("u1", "i2"), event("u1", "i3"))
    holder = (
        "import kglite, sys; graph = kglite.open(sys.argv[1], durable='off'); "
        "print('held', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", holder, place.store.uri]
    other = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        writer = place.writer()
        with pytest.raises(StoreBusyError, match="another writer"):
            writer.step()
        assert writer.refused.numbers == []
        assert writer.position.written_until == 1
    finally:
        other.communicate()
    assert writer.step() == 2
    assert events_of(place.store, "u1") == ["i1", "i2", "i3"]


def test_erased_people_are_never_written(place: Place) -> None:
    place.append(event("gone", "i1"), event("u1", "i1"), node("User", "gone", age=3))
    place.tombstones = Tombstones().with_users(["gone"])
    writer = place.writer()
    writer.step()
    assert place.store.read_nodes("User", ()).column("id").to_pylist() == ["u1"]
    writer.refused.add({"number": 9, **event("gone", "i1")}, "a reason")
    from kgrec.serving.live_graph import keeps

    writer.refused.keep(keeps((), "gone".__eq__))
    assert "gone" not in (place.folder / "refused.jsonl").read_text()


def test_a_log_is_read_from_a_place_also_after_it_was_rewritten(place: Place) -> None:
    place.append(*(event(f"u{number}", "i1") for number in range(4)))
    first, at = place.log.after(LogPlace(), 2)
    assert [record["user"] for record in first] == ["u0", "u1"]
    place.log.rewrite(lambda record: None if record["user"] == "u2" else record).result()
    place.append(event("u4", "i1"))
    rest, at = place.log.after(at, 10)
    assert [record["user"] for record in rest] == ["u3", "u4"]
    assert place.log.after(at, 10) == ([], at)


def test_positions_are_kept_and_another_log_begins_anew(place: Place) -> None:
    place.append(event("u1", "i1"))
    place.writer().step()
    file = place.folder / "store.json"
    kept = Positions.read(file)
    assert kept.of(place.store.uri).written_until == kept.written_until == 1
    kept.moved(place.store.uri, Position(7)).write(file)  # the log was put back from an older copy
    fresh = place.writer()
    assert fresh.position == Position()
    assert fresh.positions.service == kept.service
    fresh.step()
    assert events_of(place.store, "u1") == ["i1"]
    file.write_text("{")
    with pytest.raises(ServiceError, match="put back a copy"):
        place.writer()


_KILLED = """
import os, sys
from pathlib import Path
from kgrec.stores.registry import connect
from kgrec.serving.event_log import EventLog
from kgrec.serving.store_sync.opened_store import OpenedStore
from kgrec.serving.store_sync.refused import RefusedRecords
from kgrec.serving.store_sync.writing import StoreWriter
folder = Path(sys.argv[1])
log = EventLog(folder / "events.log")
with connect(folder / "catalog.kgl") as store:
    writer = StoreWriter(log, OpenedStore.of(store), folder / "store.json",
                         RefusedRecords(folder / "refused.jsonl"), lambda: None)
    writer.move = lambda position: os.kill(os.getpid(), 9)
    writer.step()
"""


def test_a_kill_between_the_write_and_the_position_loses_and_doubles_nothing(place: Place) -> None:
    place.append(*(event("u1", f"i{number % 3}") for number in range(9)))
    place.log.close()
    killed = subprocess.run([sys.executable, "-c", _KILLED, str(place.folder)], check=False)
    assert killed.returncode == -9
    place.log = EventLog(place.folder / "events.log")
    assert len(events_of(place.store, "u1")) == 9
    writer = place.writer()
    assert writer.position.written_until == 0
    writer.step()
    assert len(events_of(place.store, "u1")) == 9


@pytest.fixture(scope="module")
def synced(
    tmp_path_factory: pytest.TempPathFactory, saved: Path
) -> Iterator[tuple[Running, Root, GraphStore]]:
    """A service with a store of its model's graph."""
    folder = tmp_path_factory.mktemp("synced")
    root = new_root(folder / "service", saved)
    with connect(folder / "catalog.kgl") as store:
        store.write(catalogs.catalog())
        with running_here(root, _QUICK, store=OpenedStore.of(store)) as service:
            yield service, root, store


def lacks(service: Running) -> int:
    return int(service.get("/v1/status").json["store"]["lacks"])


def test_acknowledged_records_come_to_the_store(
    synced: tuple[Running, Root, GraphStore],
) -> None:
    service, _, store = synced
    sent = [{"id": f"w{number}", "user": "w", "item": f"i{number}"} for number in range(5)]
    assert service.post("/v1/events", {"events": [*sent, sent[0]]}).json["accepted"] == 5
    service.ask("PUT", "/v1/items/new", {"attributes": {"title": "New"}})
    until(lambda: lacks(service) == 0, "the store has all")
    assert events_of(store, "w") == [f"i{number}" for number in range(5)]
    assert "new" in store.read_nodes("Item", ()).column("id").to_pylist()
    status = service.get("/v1/status").json["store"]
    assert (status["address"], "trouble" in status) == (store.uri, False)
    text = service.get("/metrics").content.decode()
    assert "kgrec_store_up 1.0" in text
    assert "kgrec_store_lag_records 0.0" in text
    service.ask("DELETE", "/v1/events/w1")
    until(lambda: "i1" not in events_of(store, "w"), "the event left")


def test_what_others_write_counts_once(synced: tuple[Running, Root, GraphStore]) -> None:
    service, root, store = synced
    until(lambda: lacks(service) == 0, "the store has all")
    at = int(time.time())  # the file is read long before
    rows = pd.DataFrame(
        [{"user_id": "other", "item_id": f"i{number}", "timestamp": at} for number in range(3)]
    )
    items = pd.DataFrame([{"item_id": "theirs", "title": "Theirs", CHANGED: int(time.time())}])
    ends = pd.DataFrame([{"item_id": one} for one in ("i0", "i1", "i2")])
    facts = pd.DataFrame([{**fact("theirs", "e-new")["facts"][0]}])
    store.write(Catalog.from_frames(items=pd.concat([items, ends]), interactions=rows, facts=facts))

    def history() -> list[str]:
        reply = service.get("/v1/users/other/events")
        return sorted(one["item"] for one in reply.json.get("events", []))

    until(lambda: history() == ["i0", "i1", "i2"], "the events are followed")
    title = until(
        lambda: service.get("/v1/items/theirs").json.get("attributes", {}).get("title"), "the item"
    )
    assert title == "Theirs"
    asked = "/v1/facts?head=theirs&relation=made_by"
    until(lambda: service.get(asked).json["total"] == 1, "the fact")
    before = list(records_of(root.log))
    assert all(one.get("from_store") for one in before if one.get("user") == "other")
    store.write(Catalog.from_frames(interactions=rows))  # another look at the same rows
    service.post("/v1/events", {"events": [{"user": "mark", "item": "i1"}]})
    until(lambda: events_of(store, "mark"), "the store was written and looked at again")
    until(lambda: lacks(service) == 0, "the store has all")
    time.sleep(0.5)
    assert history() == ["i0", "i1", "i2"]
    assert events_of(store, "other") == ["i0", "i1", "i2"]  # and is not written back
    assert len(list(records_of(root.log))) == len(before) + 1
    key = next(
        one["event_id"] for one in before if (one.get("user"), one.get("item")) == ("other", "i2")
    )
    assert service.ask("DELETE", f"/v1/events/{key}").status == 200
    until(lambda: events_of(store, "other") == ["i0", "i1"], "what was taken back leaves the store")


@pytest.mark.parametrize("command", ["load", "update"])
def test_what_the_commands_write_is_followed(
    command: str, synced: tuple[Running, Root, GraphStore], saved: Path, tmp_path: Path
) -> None:
    """New items with facts, and events of long ago."""
    service, _, store = synced
    until(lambda: lacks(service) == 0, "the store has all")
    item, user = f"of {command}", f"reader {command}"
    (tmp_path / "items.csv").write_text(f"item_id,title\n{item},Of a file\ni1,\n")
    (tmp_path / "facts.csv").write_text(
        f"head,head_type,relation,tail,tail_type\n{item},item,made_by,e-{command},entity\n"
    )
    (tmp_path / "interactions.csv").write_text(f"user_id,item_id,timestamp\n{user},i1,1000\n")
    arguments = [command, str(tmp_path), "--store", store.uri]
    if command == "load":
        arguments.append("--changed")
    else:
        arguments += ["--model", str(saved), "--out", str(tmp_path / "updated")]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.output
    asked = f"/v1/facts?head={item.replace(' ', '%20')}&relation=made_by"
    until(lambda: service.get(asked).json.get("total") == 1, "the fact")
    assert service.items("u1", candidates=[item]) == [item]
    events = f"/v1/users/{user.replace(' ', '%20')}/events"
    until(lambda: service.get(events).json.get("total") == 1, "the event")
    snapshot = read_snapshot(store)
    assert CHANGED not in snapshot.items.attributes.columns


def test_two_services_on_one_store(
    synced: tuple[Running, Root, GraphStore], tmp_path: Path, saved: Path
) -> None:
    """Each takes in once what the other was sent, and the store has it once."""
    service, _, store = synced
    other_root = new_root(tmp_path / "service", saved)
    with (
        connect(store.uri) as own,
        running_here(other_root, _QUICK, store=OpenedStore.of(own)) as other,
    ):
        time.sleep(0.3)
        for number in range(3):
            service.post("/v1/events", {"events": [{"user": "two", "item": f"i{number}"}]})
            other.post("/v1/events", {"events": [{"user": "two", "item": f"i{number + 5}"}]})
        expected = [f"i{number}" for number in (0, 1, 2, 5, 6, 7)]

        def histories() -> list[list[str]]:
            asked = [one.get("/v1/users/two/events").json for one in (service, other)]
            return [sorted(row["item"] for row in one.get("events", [])) for one in asked]

        def said() -> str:
            states = [one.get("/v1/status").json["store"] for one in (service, other)]
            return f"{histories()} {states}"

        until(lambda: histories() == [expected, expected], said)
        until(lambda: lacks(service) == lacks(other) == 0, "the store has all")
        assert events_of(store, "two") == expected


def test_an_erased_person_leaves_the_store(synced: tuple[Running, Root, GraphStore]) -> None:
    service, _, store = synced
    service.post("/v1/events", {"events": [{"user": "leaves", "item": "i1"}]})
    until(lambda: events_of(store, "leaves"), "the event is written")
    done = service.ended(service.post("/v1/erase", {"users": ["leaves"]}).json)
    assert done["state"] == "done", done
    assert events_of(store, "leaves") == []
    assert "store" in [one["kind"] for one in done["receipt"]["places"]]


def test_a_file_that_is_away_stops_no_answer(tmp_path: Path, saved: Path) -> None:
    root = new_root(tmp_path / "service", saved)
    with connect(tmp_path / "catalog.kgl") as store:
        store.write(catalogs.catalog())
        with running_here(root, _QUICK, store=OpenedStore.of(store)) as service:
            until(lambda: lacks(service) == 0, "the store has all")
            os.rename(store.uri, f"{store.uri}.away")
            until(lambda: service.get("/v1/status").json["store"].get("trouble"), "trouble is said")
            service.post("/v1/events", {"events": [{"user": "away", "item": "i1"}]})
            status = service.get("/v1/status").json["store"]
            assert (status["lacks"], status["since"] is not None) == (1, True)
            assert "kgrec_store_up 0.0" in service.get("/metrics").content.decode()
            assert service.items("away")
            os.rename(f"{store.uri}.away", store.uri)
            until(lambda: lacks(service) == 0, "the store has all")
            assert events_of(store, "away") == ["i1"]
            until(lambda: "trouble" not in service.get("/v1/status").json["store"], "no trouble")


def test_a_model_of_the_store_does_not_count_the_log_twice(
    tmp_path: Path, saved: Path, fitted: Recommender
) -> None:
    """Its graph has the records that the store had when it was read, and no more."""
    root = new_root(tmp_path / "service", saved)
    place = Place(root.folder, connect(tmp_path / "catalog.kgl"))
    place.append(
        event("u1", "i1"),
        event("removed", "i2"),
        event("u2", "i3"),
        event("u1", "i4", event="view"),
    )
    place.append({"kind": "taken back", "user": "u1", "of": 4, "received": _NOW})
    assert graph_has_until(root, saved) == 0  # no store was written
    place.writer().move(Position(5))
    assert graph_has_until(root, saved) == 0  # the model has none of them
    place.append({"kind": "no node", "label": "User", "id": "removed"})
    updated = Recommender.of(fitted.state)
    rows = [{"user_id": "u1", "item_id": "i1", "timestamp": _NOW}]
    updated.update(Catalog.from_frames(interactions=pd.DataFrame(rows)))
    updated.save(tmp_path / "first")
    assert graph_has_until(root, tmp_path / "first") == 1
    rows = [{"user_id": "u2", "item_id": "i3", "timestamp": _NOW}]
    updated.update(Catalog.from_frames(interactions=pd.DataFrame(rows)))
    updated.save(tmp_path / "both")
    assert graph_has_until(root, tmp_path / "both") == 3
    place.log.close()
    place.store.close()


def test_a_service_starts_without_its_server_and_not_without_its_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from kgrec.cli._stores import served_store

    monkeypatch.setenv("KGREC_NEO4J_PASSWORD", "secret")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"bolt://127.0.0.1:{taken.getsockname()[1]}"
    found = served_store(address)
    assert found.address == address
    assert "tries again" in capsys.readouterr().err
    with pytest.raises(StoreConnectionError):
        found.get()
    with pytest.raises(StoreFileError, match="there is no store"):
        served_store(str(tmp_path / "none.kgl"))
