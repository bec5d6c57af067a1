"""What is sent again, how, and what errors say."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest

from kgrec.client import (
    BusyError,
    Client,
    KeyRefusedError,
    ProblemError,
    RefusedError,
    Reply,
    Retries,
    Sent,
    UnreachableError,
)
from kgrec.errors import KgrecError, RequestError
from tests.serving.running import Running

_LIST = {"list_id": "l", "model": "m", "items": [{"id": "i1", "score": 0.5, "rank": 1}]}
_STORED = {"accepted": 1, "sequence": 1, "effective": "now"}
_QUICK = Retries(attempts=3, first=0.0, spread=0.0)


class Scripted:
    """A transport that answers with these replies, one after the other; None: no answer."""

    def __init__(self, replies: Sequence[Reply | None]) -> None:
        self.replies, self.sent = list(replies), list[Sent]()

    def send(self, request: Sent) -> Reply:
        self.sent.append(request)
        reply = self.replies.pop(0)
        if reply is None:
            raise UnreachableError("no answer from here")
        return reply

    def close(self) -> None:
        self.replies.clear()


def _reply(status: int, content: object, **headers: str) -> Reply:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(status, names, json.dumps(content).encode())


def _problem(status: int, code: str, **headers: str) -> Reply:
    said = {"status": status, "code": code, "detail": "what, and the cure.", "instance": "r1"}
    return _reply(status, {**said, "errors": [{"pointer": "/k", "detail": "small"}]}, **headers)


@pytest.mark.parametrize(
    "before",
    [
        [_problem(503, "busy", retry_after="0")],
        [_problem(429, "rate", retry_after="0"), _problem(503, "busy")],
        [_problem(503, "busy", retry_after="Thu, 01 Jan 1970 00:00:00 GMT")],
        [Reply(502, {}, b"<html>bad gateway</html>")],
        [None, None],
    ],
)
def test_what_was_refused_is_sent_again_with_the_same_id(before: list[Reply | None]) -> None:
    transport = Scripted([*before, _reply(200, _LIST)])
    frame = Client(transport=transport, retries=_QUICK).recommend("u1")
    assert frame["item_id"].tolist() == ["i1"]
    assert len(transport.sent) == len(before) + 1
    assert len({sent.headers["X-Request-Id"] for sent in transport.sent}) == 1


def test_events_keep_their_key_when_sent_again() -> None:
    transport = Scripted([None, _reply(202, _STORED), _reply(202, _STORED)])
    client = Client(transport=transport, retries=_QUICK, key="kgrec_secret")
    client.add_events([{"user": "u1", "item": "i1"}])
    client.add_events([{"user": "u1", "item": "i1"}])
    keys = [sent.headers["Idempotency-Key"] for sent in transport.sent]
    assert keys[0] == keys[1] != keys[2]
    assert transport.sent[0].headers["Authorization"] == "Bearer kgrec_secret"


@pytest.mark.parametrize("reply", [None, Reply(504, {}, b"")])
def test_what_may_be_done_already_is_not_sent_again(reply: Reply | None) -> None:
    transport = Scripted([reply, _reply(202, {"id": "j", "state": "running"})])
    with pytest.raises(KgrecError):
        Client(transport=transport, retries=_QUICK).jobs.start()
    assert len(transport.sent) == 1


@pytest.mark.parametrize(
    ("status", "kind"),
    [(422, RefusedError), (404, RefusedError), (403, KeyRefusedError), (500, ProblemError)],
)
def test_errors_carry_the_problem(status: int, kind: type[ProblemError]) -> None:
    transport = Scripted([_problem(status, "odd")])
    with pytest.raises(kind, match="the cure") as caught:
        Client(transport=transport, retries=_QUICK).similar("i1")
    error = caught.value
    assert (error.status, error.code, error.detail) == (status, "odd", "what, and the cure.")
    assert error.errors == [{"pointer": "/k", "detail": "small"}]
    assert error.request_id == "r1"
    assert isinstance(error, RequestError) is (kind is RefusedError)


def test_the_last_attempt_and_a_long_wait_end_it() -> None:
    transport = Scripted([_problem(503, "busy")] * 3)
    with pytest.raises(BusyError):
        Client(transport=transport, retries=_QUICK).status()
    assert transport.replies == []
    transport = Scripted([_problem(429, "rate", retry_after="3600")])
    with pytest.raises(BusyError):
        Client(transport=transport, retries=_QUICK).status()
    assert len(transport.sent) == 1


def test_a_real_service_says_its_words(client: Client, service: Running) -> None:
    with pytest.raises(RefusedError, match="k") as caught:
        client.recommend("u1", k=0)
    assert caught.value.errors[0]["pointer"] == "/k"
    assert caught.value.code == "invalid_body"
    nowhere = Client("http://127.0.0.1:9", retries=_QUICK)
    with nowhere, pytest.raises(UnreachableError, match=r"127\.0\.0\.1:9") as broken:
        nowhere.status()
    assert broken.value.request_id
