"""Retries: which requests are sent again, after how long; and the steps of a verb as messages."""

from __future__ import annotations

import json
import random
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote, urlencode

from kgrec.client.errors import UnreachableError, error_of
from kgrec.client.exchange import Ask, Pause, Reply, Sent, Steps, T, Wire
from kgrec.errors import KgrecError

_AGAIN = (429, 503)  # refused before anything was done
_AFTER_ALL = (502, 504)  # perhaps done: sent again where that is the same as once


@dataclass(frozen=True)
class Retries:
    """How often and when a request is sent again.

    Answers 429 and 503 mean that nothing was done: the request is sent again after the seconds of
    Retry-After, or else ``first`` seconds, doubled each time. After 502, 504 and a broken
    connection it is sent again where twice is the same as once: all questions, changes that set a
    value, and events, which have ids or an Idempotency-Key.

    Attributes
    ----------
    attempts : int
        Most requests for one answer; 1: never again.
    first, longest : float
        Seconds before the second attempt, and at most before any. Where Retry-After is longer than
        ``longest``, the error is raised at once.
    spread : float
        Up to this share more, drawn at random, so that clients that were refused together don't
        come back together.
    """

    attempts: int = 4
    first: float = 0.2
    longest: float = 10.0
    spread: float = 0.5

    def seconds(self, attempt: int, reply: Reply | None) -> float | None:
        """Seconds to wait after ``attempt`` (from 1); None: no more."""
        if attempt >= self.attempts:
            return None
        asked = _retry_after(reply)
        if asked is not None and asked > self.longest:
            return None
        wait = min(self.first * 2 ** (attempt - 1), self.longest) if asked is None else asked
        return wait * (1 + random.uniform(0, self.spread))


def messages(steps: Steps[T], retries: Retries, key: str | None) -> Wire[T]:
    """The steps of a verb as messages of a transport, each sent as often as ``retries`` says.

    It is sent the Reply of each Sent, or thrown its UnreachableError.
    """
    answer: Any = None
    refused: KgrecError | None = None
    while True:
        try:
            todo = steps.send(answer) if refused is None else steps.throw(refused)
        except StopIteration as stop:
            value: T = stop.value
            return value
        if isinstance(todo, Pause):
            yield todo
            answer, refused = None, None
        else:
            answer, refused = yield from _exchange(todo, retries, key)


def _exchange(ask: Ask, retries: Retries, key: str | None) -> Wire[tuple[Any, KgrecError | None]]:
    """The answer, or the error that the verb is thrown."""
    request_id = secrets.token_hex(16)
    message = _message(ask, request_id, key)
    for attempt in range(1, retries.attempts + 1):
        reply, broken = None, None
        try:
            reply = yield message
        except UnreachableError as error:
            broken = UnreachableError(str(error), request_id)
        if reply is not None and reply.status < 300:
            return (reply.content.decode() if ask.plain else json.loads(reply.content)), None
        wait = retries.seconds(attempt, reply) if _may_repeat(ask, reply) else None
        if wait is None:
            return None, broken if reply is None else error_of(reply, request_id)
        yield Pause(wait)
    raise AssertionError("the last attempt returns or raises")


def _may_repeat(ask: Ask, reply: Reply | None) -> bool:
    if reply is None or reply.status in _AFTER_ALL:
        return ask.repeatable
    return reply.status in _AGAIN


def _message(ask: Ask, request_id: str, key: str | None) -> Sent:
    headers = {"X-Request-Id": request_id, "Accept": "application/json, application/problem+json"}
    content = None
    if ask.body is not None:
        content = _json({name: value for name, value in ask.body.items() if value is not None})
        headers["Content-Type"] = "application/json"
    if ask.lines is not None:
        content = b"\n".join(map(_json, ask.lines))
        headers["Content-Type"] = "application/x-ndjson"
    if key is not None:
        headers["Authorization"] = f"Bearer {key}"
    if ask.repeat_key is not None:
        headers["Idempotency-Key"] = ask.repeat_key
    return Sent(ask.method, _path(ask), headers, content)


def _path(ask: Ask) -> str:
    path = ask.path.format(**{name: quote(str(part), safe="") for name, part in ask.parts.items()})
    params = {name: value for name, value in ask.params.items() if value is not None}
    return f"{path}?{urlencode(params)}" if params else path


def _json(value: Any) -> bytes:
    return json.dumps(value, allow_nan=False, default=_plain).encode()


def _plain(value: Any) -> Any:
    """NumPy's and pandas' values as JSON's."""
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} is no value of JSON")


def _retry_after(reply: Reply | None) -> float | None:
    """The seconds of Retry-After, which may be a date."""
    text = "" if reply is None else reply.headers.get("retry-after", "")
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        until = parsedate_to_datetime(text)
    except ValueError:
        return None
    return max((until - datetime.now(UTC)).total_seconds(), 0.0)
