"""Endpoint: one operation as an ASGI application: access, limits, body, answer, errors, metrics."""

from __future__ import annotations

import asyncio
import inspect
import logging
import math
import secrets
import time
import traceback
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any, Final
from urllib.parse import parse_qsl

import msgspec

from graph_schema.output.printable import printable
from kgrec.errors import KgrecError
from kgrec.serving.access import Key, is_loopback
from kgrec.serving.problems import MEDIA_TYPE as PROBLEM
from kgrec.serving.problems import Problem, problem_of, problem_of_body
from kgrec.serving.service import Service
from kgrec.serving.verbs.call import Call
from kgrec.serving.web.operations import JSON, Operation

_Scope = MutableMapping[str, Any]
_Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
_Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Headers = dict[bytes, bytes]

_LOG = logging.getLogger("kgrec.serving")
_SAFE_HEADERS: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
)
_JSON = JSON.encode()
_LONGEST_ID = 128  # of a request, if the caller gives it
_encode = msgspec.json.Encoder().encode


class Endpoint:
    """An operation over HTTP."""

    def __init__(self, service: Service, operation: Operation) -> None:
        self.service, self.operation = service, operation
        self._decode: Callable[[bytes], Any] | None = None
        if operation.body is not None:
            self._decode = msgspec.json.Decoder(operation.body).decode
        self._awaits = inspect.iscoroutinefunction(operation.run)
        route, method = operation.path, operation.method
        self._seconds = service.metrics.seconds.labels(route)
        self._counts = {
            status: service.metrics.requests.labels(route, method, str(status))
            for status in (200, 202, 422, 503)
        }

    async def __call__(self, scope: _Scope, receive: _Receive, send: _Send) -> None:
        service, started = self.service, time.perf_counter()
        headers: Headers = dict(scope["headers"])
        request_id = request_id_of(scope["headers"])
        service.in_flight += 1
        try:
            status, body, more = await self._answered(scope, headers, receive, request_id)
        finally:
            service.in_flight -= 1
        await respond(send, status, body, request_id, more)
        self._seconds.observe(time.perf_counter() - started)
        count = self._counts.get(status)
        if count is None:
            route, method = self.operation.path, self.operation.method
            count = self._counts[status] = service.metrics.requests.labels(
                route, method, str(status)
            )
        count.inc()

    async def _answered(
        self, scope: _Scope, headers: Headers, receive: _Receive, request_id: str
    ) -> tuple[int, bytes, dict[str, str]]:
        """Status, body and further headers of the answer."""
        try:
            await asyncio.sleep(0)  # all requests that have arrived are counted before one is done
            self._shed()
            who, admin = self._admitted(headers)
            params = _params(scope["query_string"])
            call = Call(
                who,
                _wants_people(params, admin),
                scope.get("path_params", {}),
                params,
                request_id,
                _text(headers.get(b"idempotency-key")),
            )
            body = await self._body(headers, receive)
            answer = await self._run(body, call)
            further = {"Content-Type": self.operation.media, **self._model(answer)}
            content = answer if isinstance(answer, bytes) else _encode(answer)
            return self.operation.status, content, further
        except Problem as problem:
            found = problem
        except KgrecError as error:
            found = problem_of(error)
        except Exception:
            # The words of the error may come from the request.
            _LOG.error("request %s failed\n%s", request_id, printable(traceback.format_exc()))
            found = Problem(
                500, "internal", "an error in kgrec itself; report it with this request's id."
            )
        return found.status, found.body(request_id), {"Content-Type": PROBLEM, **found.headers}

    def _model(self, answer: Any) -> dict[str, str]:
        """The header that names the model which answered, for what needs a model."""
        if self.operation.scope is None:
            return {}
        answered = getattr(answer, "model", None) if self.operation.scope == "read" else None
        return {"X-Kgrec-Model": answered or self.service.served.entry.name}

    async def _run(self, body: Any, call: Call) -> Any:
        run, service = self.operation.run, self.service
        if self._awaits:
            return await run(service, body, call)
        if self.operation.is_slow(body):
            return await service.in_pool(lambda: run(service, body, call))
        return run(service, body, call)

    def _shed(self) -> None:
        """Raise Problem where too many requests are being answered."""
        service = self.service
        if service.in_flight > service.config.in_flight and self.operation.scope is not None:
            service.metrics.shed.labels("busy").inc()
            raise Problem(
                503,
                "busy",
                "too many requests at once; try again soon.",
                headers={"Retry-After": "1"},
            )

    def _admitted(self, headers: Headers) -> tuple[str, bool]:
        """Who asks, and whether as admin. Raises Problem."""
        service, scope = self.service, self.operation.scope
        if scope is None:
            return "anybody", False
        if service.keys.open:
            _check_local(headers)
            return "local", True
        key = self._key(headers)
        if not key.allows(scope):
            raise Problem(
                403, "forbidden", f"this key does not have the scope {scope!r}; use another."
            )
        seconds = service.limiter.wait(key.name, self.operation.cost)
        if seconds:
            service.metrics.shed.labels("rate").inc()
            raise Problem(
                429,
                "rate",
                "this key asks too often; wait.",
                headers={"Retry-After": str(math.ceil(seconds))},
            )
        return key.name, key.allows("admin")

    def _key(self, headers: Headers) -> Key:
        given = headers.get(b"x-api-key", b"").decode("latin-1")
        kind, _, token = headers.get(b"authorization", b"").decode("latin-1").partition(" ")
        if not given and kind.lower() == "bearer":
            given = token.strip()
        found = self.service.keys.find(given) if given else None
        if found is None:
            said = "the key is unknown" if given else "no key is given"
            raise Problem(
                401,
                "unauthorised",
                f"{said}; send one as Authorization: Bearer KEY.",
                headers={"WWW-Authenticate": "Bearer"},
            )
        return found

    async def _body(self, headers: Headers, receive: _Receive) -> Any:
        """The body as the operation reads it. Raises Problem."""
        if self._decode is None:
            return None
        if headers.get(b"content-encoding", b"identity").lower() != b"identity":
            raise Problem(415, "encoded", "compressed bodies are not read; send it plain.")
        kind = headers.get(b"content-type", _JSON).partition(b";")[0].strip().lower()
        if kind != _JSON:
            raise Problem(415, "not_json", "send Content-Type: application/json.")
        content = await self._read(headers, receive)
        try:
            return self._decode(content)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise problem_of_body(error) from None

    async def _read(self, headers: Headers, receive: _Receive) -> bytes:
        """The bytes of the body. Raises Problem where there are too many, or they come slowly."""
        most, config = self.service.config.max_body, self.service.config
        too_large = Problem(413, "too_large", f"the body has more than {most:,} bytes; send less.")
        length = headers.get(b"content-length", b"0")
        if length.isdigit() and int(length) > most:
            raise too_large
        message = await _within(receive(), config.body_seconds)
        content: bytes = message.get("body", b"")
        if not message.get("more_body"):
            if len(content) > most:
                raise too_large
            return content
        parts, size = [content], len(content)
        end = time.monotonic() + config.body_seconds
        while message.get("more_body"):
            message = await _within(receive(), max(end - time.monotonic(), 0.0))
            if message["type"] == "http.disconnect":
                raise Problem(400, "disconnected", "the connection ended before the body.")
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            if size > most:
                raise too_large
        return b"".join(parts)


def _check_local(headers: Headers) -> None:
    """Raise Problem for a request that names another host: a page that a browser got elsewhere may
    have been led here (DNS rebinding)."""
    host = headers.get(b"host", b"").decode("latin-1").rpartition("]")
    name = host[0][1:] if host[0] else host[2].partition(":")[0]
    if name and not is_loopback(name):
        raise Problem(403, "foreign_host", "without keys only this machine is served; make a key.")


async def respond(
    send: _Send, status: int, body: bytes, request_id: str, more: dict[str, str]
) -> None:
    """Send an answer with further headers."""
    headers = [
        (b"content-length", str(len(body)).encode()),
        (b"x-request-id", request_id.encode("latin-1", "replace")),
        *_SAFE_HEADERS,
    ]
    headers += [
        (name.lower().encode(), value.encode("latin-1", "replace")) for name, value in more.items()
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _within(message: Awaitable[MutableMapping[str, Any]], seconds: float) -> Any:
    try:
        return await asyncio.wait_for(message, seconds)
    except TimeoutError:
        raise Problem(
            408,
            "too_slow",
            "the body did not arrive in time; send it again.",
            headers={"Connection": "close"},
        ) from None


def request_id_of(headers: Iterable[tuple[bytes, bytes]]) -> str:
    """The id that the caller gives a request, or a new one."""
    given = next((value for name, value in headers if name == b"x-request-id"), None)
    if given is not None and len(given) <= _LONGEST_ID and given.isascii():
        text = given.decode("ascii")
        if text.isprintable() and text:
            return text
    return secrets.token_hex(8)


def _params(query: bytes) -> dict[str, str]:
    if not query:
        return {}
    try:
        pairs = parse_qsl(query.decode("ascii", "strict"), keep_blank_values=True, errors="strict")
    except (UnicodeDecodeError, ValueError):
        raise Problem(
            400, "invalid_parameter", "the query string is no UTF-8; percent-encode it."
        ) from None
    return dict(pairs)


def _wants_people(params: dict[str, str], admin: bool) -> bool:
    """Whether other people are to be shown by id. Raises Problem for keys that may not see them."""
    wanted = params.get("people", "false")
    if wanted not in ("true", "false"):
        raise Problem(422, "invalid_parameter", "people is true or false.")
    if wanted == "true" and not admin:
        raise Problem(403, "forbidden", "people=true needs a key with the scope admin.")
    return wanted == "true"


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode("latin-1")[:_LONGEST_ID]
