"""Requests that arrive together: how many are begun, and how the others are refused."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

from kgrec.serving.access import Rounds
from kgrec.serving.config import ServiceConfig
from kgrec.serving.service import Service
from kgrec.serving.verbs.lists import warm
from kgrec.serving.web.app import Application, make_app
from tests.serving.running import new_root


def test_requests_that_wait_long_are_refused_where_that_goes_on() -> None:
    async def ask() -> list[list[bool]]:
        rounds = Rounds(most=16, seconds=0.015)
        begun = []
        for start, later in ((0.0, (0.02, 0.06, 0.08)), (0.1, (0.11, 0.12)), (0.5, (0.52,))):
            first = [rounds.begins(start) for _ in range(8)]
            begun.append([all(first), *(rounds.begins(at) for at in later)])
            await asyncio.sleep(0)  # the loop looks for what has arrived
        return begun

    once, again, later = asyncio.run(ask())
    assert once == [True, True, True, False]  # after a twentieth of a second
    assert again == [True, True, False]  # who has waited a hundredth of a second is begun
    assert later == [True, True]  # it was calm in between


def test_half_of_what_may_be_begun_is_begun_however_long_it_takes() -> None:
    async def ask() -> list[bool]:
        rounds = Rounds(most=16, seconds=0.015)
        return [rounds.begins(float(number)) for number in range(8)]

    assert all(asyncio.run(ask()))


def test_a_round_begins_no_more_than_may_be_answered_at_once() -> None:
    async def ask() -> list[bool]:
        rounds = Rounds(most=3, seconds=1.0)
        return [rounds.begins(0.0) for _ in range(5)]

    assert asyncio.run(ask()) == [True, True, True, False, False]


def test_too_many_at_once_are_refused_and_the_next_is_answered(saved: Path, tmp_path: Path) -> None:
    service = Service(new_root(tmp_path / "root", saved), ServiceConfig(in_flight=2), warm)
    service.load()
    app = make_app(service)

    async def ask() -> tuple[list[Any], Any, Any]:
        together = await asyncio.gather(*(_list(app) for _ in range(5)), _live(app))
        alone = await _list(app)
        await service.stop()
        return together[:5], together[5], alone

    lists, live, alone = asyncio.run(ask())
    assert [status for status, _, _ in lists] == [200, 200, 503, 503, 503]
    for status, headers, body in lists[2:]:
        assert headers[b"retry-after"] == b"1"
        assert headers[b"x-request-id"].decode() == body["instance"]
        assert (body["code"], body["status"]) == ("busy", status)
    assert live[0] == alone[0] == 200
    assert service.at_once == 0
    assert b'kgrec_shed_total{reason="busy"} 3.0' in service.metrics.text()


async def _list(app: Application) -> tuple[int, dict[bytes, bytes], Any]:
    return await _ask(app, "POST", "/v1/recommend", {"user": "u1"})


async def _live(app: Application) -> tuple[int, dict[bytes, bytes], Any]:
    return await _ask(app, "GET", "/health/live", None)


async def _ask(
    app: Application, method: str, path: str, body: Any
) -> tuple[int, dict[bytes, bytes], Any]:
    """Status, headers and JSON of the answer to a request without a connection."""
    sent: list[Any] = []

    async def receive() -> Any:
        content = b"" if body is None else json.dumps(body).encode()
        return {"type": "http.request", "body": content, "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": method, "path": path, "headers": [], "query_string": b""}
    await app(scope, receive, send)
    start, content = sent
    return start["status"], dict(start["headers"]), json.loads(content["body"])
