"""The log: what was acknowledged is there after any end of the process, and once."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from kgrec.errors import ServiceError
from kgrec.serving.event_log import EventLog, records_of


def _filled(path: Path, count: int = 3) -> EventLog:
    log = EventLog(path)
    for number in range(count):
        log.append([{"kind": "event", "place": number}]).result()
    return log


def test_records_are_numbered_and_read_back_in_order(tmp_path: Path) -> None:
    log = _filled(tmp_path / "log")
    assert log.append([{"a": 1}, {"a": 2}]).result() == 4
    assert [record["number"] for record in log.read()] == [1, 2, 3, 4, 5]
    log.close()
    again = EventLog(tmp_path / "log")
    assert again.last == 5
    assert again.append([{"a": 3}]).result() == 6
    again.close()
    assert [record.get("a") for record in records_of(tmp_path / "log")][3:] == [1, 2, 3]


@pytest.mark.parametrize("left", [1, 5, 9, 20])
def test_a_broken_tail_is_cut_off(tmp_path: Path, left: int) -> None:
    """A process that is killed while it writes leaves a part of a record."""
    path = tmp_path / "log"
    _filled(path).close()
    whole = path.read_bytes()
    start = whole.rstrip(b"\n").rfind(b"\n") + 1
    path.write_bytes(whole[: start + left])
    log = EventLog(path)
    assert log.last == 2
    assert path.read_bytes() == whole[:start]
    assert log.append([{"kind": "event", "place": 9}]).result() == 3
    log.close()
    assert [record["place"] for record in records_of(path)] == [0, 1, 9]


def test_a_damaged_record_before_others_is_refused_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "log"
    _filled(path).close()
    lines = path.read_bytes().split(b"\n")
    lines[1] = lines[1].replace(b"event", b"evnet")
    path.write_bytes(b"\n".join(lines))
    before = path.read_bytes()
    with pytest.raises(ServiceError, match="line 2"):
        EventLog(path)
    assert path.read_bytes() == before
    with pytest.raises(ServiceError, match="line 2"):
        list(records_of(path))


def test_many_appends_at_once_are_each_stored_once(tmp_path: Path) -> None:
    log = EventLog(tmp_path / "log")
    waits = [log.append([{"place": place}]) for place in range(500)]
    numbers = [wait.result() for wait in waits]
    assert sorted(numbers) == list(range(1, 501))
    log.close()
    stored = {record["place"]: record["number"] for record in records_of(tmp_path / "log")}
    assert stored == dict(enumerate(numbers))


def test_a_refusing_disk_stores_nothing_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = _filled(tmp_path / "log")
    write = os.write

    def half(file: int, content: memoryview) -> int:
        write(file, bytes(content[:7]))
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("kgrec.serving.event_log.os.write", half)
    with pytest.raises(ServiceError, match="No space left"):
        log.append([{"kind": "event", "place": 3}]).result()
    monkeypatch.undo()
    assert log.append([{"kind": "event", "place": 4}]).result() == 4
    log.close()
    assert [record["place"] for record in records_of(tmp_path / "log")] == [0, 1, 2, 4]


def test_only_the_owner_reads_it(tmp_path: Path) -> None:
    _filled(tmp_path / "log").close()
    assert (tmp_path / "log").stat().st_mode & 0o777 == 0o600


def test_a_closed_log_takes_nothing(tmp_path: Path) -> None:
    log = _filled(tmp_path / "log")
    log.close()
    with pytest.raises(ServiceError, match="stops"):
        log.append([{"a": 1}])


def test_a_log_that_is_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ServiceError, match="can't be opened"):
        EventLog(tmp_path)


def test_records_after_a_number_are_found_without_reading_the_others(tmp_path: Path) -> None:
    log = EventLog(tmp_path / "log")
    for first in range(0, 3000, 50):
        log.append([{"text": "x" * ((first + n) % 97)} for n in range(50)]).result()
    log.rewrite(lambda record: None if record["number"] % 7 == 0 else record).result()
    whole = [record["number"] for record in log.read()]
    for after in (0, 1, 6, 7, 1499, 1500, 2999, 3000, 3001):
        found = [record["number"] for record in log.read(after)]
        assert found == [number for number in whole if number > after]
    log.close()
    content = bytearray((tmp_path / "log").read_bytes())
    content[100] ^= 1  # an early record is damaged
    (tmp_path / "log").write_bytes(content)
    assert [one["number"] for one in records_of(tmp_path / "log", after=2990)] == [
        number for number in whole if number > 2990
    ]
    with pytest.raises(ServiceError, match=r"line \d: the record is damaged"):
        list(records_of(tmp_path / "log"))
