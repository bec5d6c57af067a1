"""What several processes of a service are made of: shared memory, the followed log, messages."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from kgrec.errors import RequestError, ServiceError
from kgrec.serving.access import Limiter, Rate
from kgrec.serving.event_log import EventLog
from kgrec.serving.metrics import Metrics
from kgrec.serving.processes.followed_log import FollowedLog
from kgrec.serving.processes.messages import Link, Listener
from kgrec.serving.processes.shared_memory import SharedLimiter, SharedNumbers
from kgrec.serving.processes.workers import Workers
from kgrec.serving.web.operations import OF_FIRST, operations

RATES: Any = {"fast": Rate(2.0, 4.0), "slow": Rate(1.0, 2.0)}


def test_shared_numbers_are_the_same_in_both(tmp_path: Path) -> None:
    one, other = (SharedNumbers(tmp_path / "numbers", 2) for _ in range(2))
    assert (other.log_bytes, other.rewrites, other.has(1)) == (0, 0, 0)
    one.publish(2**40, 3)
    other.set_has(1, 7)
    assert (other.log_bytes, other.rewrites) == (2**40, 3)
    assert (one.has(0), one.has(1)) == (0, 7)
    assert (tmp_path / "numbers").stat().st_mode & 0o777 == 0o600


def test_a_place_with_too_long_a_name_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = tmp_path / ("x" * 100)
    long.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(long))
    with pytest.raises(ServiceError, match="set TMPDIR to a shorter one"):
        Workers(1)
    assert list(long.iterdir()) == []


def test_shared_limits_are_those_of_one_process(tmp_path: Path) -> None:
    plain = Limiter(RATES)
    both = [SharedLimiter(RATES, tmp_path / "limits") for _ in range(2)]
    for number in range(60):
        at, key = 100.0 + number / 8, f"key {number % 3}"
        cost: Any = "slow" if number % 5 == 0 else "fast"
        waits = both[number % 2].wait(key, cost, at)
        assert waits == pytest.approx(plain.wait(key, cost, at))


def test_many_keys_find_room(tmp_path: Path) -> None:
    limiter = SharedLimiter(RATES, tmp_path / "limits")
    assert all(limiter.wait(f"key {n}", "fast", 1.0 + n / 1e6) == 0.0 for n in range(20_000))
    assert [limiter.wait("last", "fast", 2.0) > 0 for _ in range(6)] == [False] * 4 + [True] * 2


def _records(*items: str) -> list[dict[str, Any]]:
    return [{"kind": "event", "user": "u", "item": item} for item in items]


def test_a_followed_log_has_what_the_disk_has(tmp_path: Path) -> None:
    log, shared = EventLog(tmp_path / "log"), SharedNumbers(tmp_path / "numbers", 1)
    log.append(_records("a")).result()
    log.publish(shared.publish)
    followed = FollowedLog(tmp_path / "log", shared)
    assert [one["item"] for one in followed.new_records()] == ["a"]
    assert followed.new_records() == []
    log.append(_records("b", "c")).result()
    with (tmp_path / "log").open("ab") as stream:
        stream.write(b"not complete")  # as while it is written
    assert [one["item"] for one in followed.read()] == ["a", "b", "c"]
    assert [(one["number"], one["item"]) for one in followed.new_records()] == [(2, "b"), (3, "c")]
    assert (followed.last, followed.size) == (3, log.size)
    followed.close()
    log.close()


def test_a_followed_log_goes_on_after_a_rewrite(tmp_path: Path) -> None:
    log, shared = EventLog(tmp_path / "log"), SharedNumbers(tmp_path / "numbers", 1)
    log.publish(shared.publish)
    followed = FollowedLog(tmp_path / "log", shared)
    log.append(_records("a", "b", "c")).result()
    assert len(followed.new_records()) == 3
    log.append(_records("d")).result()  # not seen before the rewrite
    assert log.rewrite(lambda one: None if one["item"] in "ab" else one).result() == 2
    log.append(_records("e")).result()
    assert [one["item"] for one in followed.new_records()] == ["d", "e"]
    assert [one["item"] for one in followed.read()] == ["c", "d", "e"]
    followed.close()
    log.close()


def test_a_damaged_record_is_named(tmp_path: Path) -> None:
    log, shared = EventLog(tmp_path / "log"), SharedNumbers(tmp_path / "numbers", 1)
    log.publish(shared.publish)
    followed = FollowedLog(tmp_path / "log", shared)
    log.append(_records("a", "b")).result()
    log.close()
    content = (tmp_path / "log").read_bytes()
    (tmp_path / "log").write_bytes(content.replace(b'"b"', b'"x"'))
    with pytest.raises(ServiceError, match="after number 1 is damaged; put back a copy"):
        followed.new_records()


def _linked(
    tmp_path: Path, work: Callable[[Link], Awaitable[Any]], app: Any = None, **calls: Any
) -> Any:
    """What ``work`` returns with a link to a listener."""

    async def both() -> Any:
        listener, link = Listener(str(tmp_path / "s"), calls, app), Link(str(tmp_path / "s"))
        await listener.start()
        try:
            return await work(link)
        finally:
            link.close()
            listener.close()

    return asyncio.run(both())


def test_calls_return_values_and_errors(tmp_path: Path) -> None:
    async def add(one: int, other: int) -> int:
        await asyncio.sleep(0.01 * one)
        return one + other

    async def refuse() -> None:
        raise RequestError("no; ask otherwise.")

    async def fail() -> None:
        raise ValueError("what somebody wrote")

    async def work(link: Link) -> list[Any]:
        sums = await asyncio.gather(*(link.call("add", one=n, other=1) for n in (3, 2, 1)))
        errors = []
        for name in ("refuse", "fail", "unknown"):
            with pytest.raises(ServiceError) as found:
                await link.call(name)
            errors.append(str(found.value))
        return [sums, *errors, await link.call("add", one=0, other=0)]

    sums, refused, failed, unknown, zero = _linked(
        tmp_path, work, add=add, refuse=refuse, fail=fail
    )
    assert (sums, refused, zero) == ([4, 3, 2], "no; ask otherwise.", 0)
    assert "ValueError" in failed
    assert "what somebody wrote" not in failed
    assert "KeyError" in unknown


def test_a_process_that_is_gone_is_an_error(tmp_path: Path) -> None:
    async def work() -> bool:
        link = Link(str(tmp_path / "none"))
        with pytest.raises(ServiceError, match="is gone"):
            await link.call("anything")
        scope = {"headers": [], "path": "/", "method": "GET"}
        return await link.forward(scope, _body(), _sent([]))

    assert asyncio.run(work()) is False


def _body(*parts: bytes) -> Callable[[], Awaitable[MutableMapping[str, Any]]]:
    left = list(parts)

    async def receive() -> MutableMapping[str, Any]:
        part = left.pop(0) if left else b""
        return {"type": "http.request", "body": part, "more_body": bool(left)}

    return receive


def _sent(
    messages: list[MutableMapping[str, Any]],
) -> Callable[[MutableMapping[str, Any]], Awaitable[None]]:
    async def send(message: MutableMapping[str, Any]) -> None:
        messages.append(message)

    return send


async def _echo(scope: Any, receive: Any, send: Any) -> None:
    """Answers with the body, in parts; /early does not read it."""
    parts = []
    while scope["path"] != "/early":
        message = await receive()
        parts.append(message["body"])
        if not message["more_body"]:
            break
    headers = [(name, value) for name, value in scope["headers"] if name == b"x-request-id"]
    await send({"type": "http.response.start", "status": 202, "headers": headers})
    for part in parts:
        await send({"type": "http.response.body", "body": part, "more_body": True})
    await send({"type": "http.response.body", "body": scope["query_string"]})


def test_requests_are_answered_by_the_other_process(tmp_path: Path) -> None:
    async def ask(link: Link, path: str, *parts: bytes) -> bytes:
        messages: list[MutableMapping[str, Any]] = []
        scope = {
            "type": "http",
            "method": "POST",
            "path": path,
            "query_string": b"?q",
            "headers": [(b"x-request-id", b"one")],
        }
        assert await link.forward(scope, _body(*parts), _sent(messages))
        start, *rest = messages
        assert (start["status"], [tuple(one) for one in start["headers"]]) == (
            202,
            [(b"x-request-id", b"one")],
        )
        return b"".join(one["body"] for one in rest)

    async def work(link: Link) -> list[bytes]:
        large = b"x" * 3_000_000
        found = await asyncio.gather(
            ask(link, "/", b"a", b"b"), ask(link, "/", large), ask(link, "/early", large, large)
        )
        return [*found, await ask(link, "/", b"again")]

    small, large, early, again = _linked(tmp_path, work, _echo)
    assert (small, large, early, again) == (b"ab?q", b"x" * 3_000_000 + b"?q", b"?q", b"again?q")


def test_what_is_for_the_first_process_is_there() -> None:
    table = operations(SimpleNamespace())  # type: ignore[arg-type]
    assert {one.name for one in table} > OF_FIRST
    for any_process in ("recommend", "search", "explain", "neighbours", "user_events", "ready"):
        assert next(one for one in table if one.name == any_process).is_for_any_process
    for one in table:
        assert not (one.is_for_any_process and one.scope in ("write", "admin"))


def test_metrics_of_two_are_added_up() -> None:
    one, other = Metrics(), Metrics()
    for metrics, count in ((one, 2), (other, 3)):
        for _ in range(count):
            metrics.requests.labels("/v1/recommend", "POST", "200").inc()
            metrics.seconds.labels("/v1/recommend").observe(0.001 * count)
        metrics.log_bytes.set(100 * count)
    other.requests.labels("/v1/search", "POST", "200").inc()
    other.shed.labels("busy").inc(4)
    text = one.text([other.text().decode()]).decode()
    found = {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    assert found["kgrec_requests_total", "/v1/recommend", "200", "POST"] == 5
    assert found["kgrec_requests_total", "/v1/search", "200", "POST"] == 1
    assert found["kgrec_shed_total", "busy"] == 4
    assert found["kgrec_request_seconds_count", "/v1/recommend"] == 5
    assert found["kgrec_request_seconds_bucket", "+Inf", "/v1/recommend"] == 5
    assert found["kgrec_request_seconds_sum", "/v1/recommend"] == pytest.approx(0.013)
    assert found["kgrec_log_bytes",] == 200  # of the first process
