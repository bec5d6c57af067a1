"""Endpoint: one operation as an ASGI application: access, limits, body, answer, errors, metrics."""

from __future__ import annotations

import inspect
import logging
import math
import secrets
import time
import traceback
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from dataclasses import dataclass
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
from kgrec.serving.web.body import Headers, Receive, read_body, read_lines
from kgrec.serving.web.operations import Operation

_Scope = MutableMapping[str, Any]
_Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_LOG = logging.getLogger("kgrec.serving")
_SAFE_HEADERS: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
)
_FREQUENT: Final = ("/v1/events", "/v1/impressions")  # the log of events has them
_REFUSED: Final = (401, 403, 429)
_LONGEST_ID = 128  # of a request, if the caller gives it
_BUSY: Final = Problem(503, "busy", "too many requests at once; try again soon.")
_BUSY_HEADERS: Final = {"Content-Type": PROBLEM, "Retry-After": "1"}
_encode = msgspec.json.Encoder().encode


@dataclass
class _Trace:
    """What the audit log says of a request: who asks, and whether people are to be shown."""

    who: str = ""
    people: bool = False


class Endpoint:
    """An operation over HTTP."""

    def __init__(self, service: Service, operation: Operation) -> None:
        self.service, self.operation = service, operation
        self._decode: Callable[[bytes], Any] | None = None
        if operation.body is not None and not operation.lines:
            self._decode = msgspec.json.Decoder(operation.body).decode
        self._awaits = inspect.iscoroutinefunction(operation.run)
        route, method = operation.path, operation.method
        self._seconds = service.metrics.seconds.labels(route)
        self._counts = {
            status: service.metrics.requests.labels(route, method, str(status))
            for status in (200, 202, 422, 503)
        }

    async def __call__(self, scope: _Scope, receive: Receive, send: _Send) -> None:
        service, started = self.service, time.perf_counter()
        request_id = request_id_of(scope["headers"])
        if self._is_too_many(started):
            service.metrics.shed.labels("busy").inc()
            await respond(send, 503, _BUSY.body(request_id), request_id, _BUSY_HEADERS)
            self._count(503, started)
            return
        headers: Headers = dict(scope["headers"])
        service.in_flight += 1
        try:
            trace = _Trace()
            status, body, more = await self._answered(scope, headers, receive, request_id, trace)
        finally:
            service.in_flight -= 1
        if self._is_audited(status, trace):
            of = scope.get("path_params", {}).get("name", "")
            route, method = self.operation.path, self.operation.method
            service.audit.add(trace.who, method, route, status, request_id, of, people=trace.people)
        await respond(send, status, body, request_id, more)
        self._count(status, started)

    def _is_too_many(self, at: float) -> bool:
        """Whether a request is refused as too many are being answered, or waited before it."""
        service = self.service
        if self.operation.scope is None:
            return False
        return service.in_flight >= service.config.in_flight or not service.rounds.begins(at)

    def _count(self, status: int, started: float) -> None:
        """Count an answer of a request that arrived at ``started``."""
        self._seconds.observe(time.perf_counter() - started)
        count = self._counts.get(status)
        if count is None:
            route, method = self.operation.path, self.operation.method
            count = self._counts[status] = self.service.metrics.requests.labels(
                route, method, str(status)
            )
        count.inc()

    def _is_audited(self, status: int, trace: _Trace) -> bool:
        operation, kept = self.operation, self.service.config.audit
        if operation.scope is None or kept == "none":
            return False
        changes = operation.scope in ("write", "admin") and operation.path not in _FREQUENT
        return kept == "all" or changes or trace.people or status in _REFUSED

    async def _answered(
        self,
        scope: _Scope,
        headers: Headers,
        receive: Receive,
        request_id: str,
        trace: _Trace,
    ) -> tuple[int, bytes, dict[str, str]]:
        """Status, body and further headers of the answer."""
        try:
            admin = self._admitted(headers, trace)
            params = _params(scope["query_string"])
            trace.people = _wants_people(params, admin)
            call = Call(
                trace.who,
                trace.people,
                scope.get("path_params", {}),
                params,
                request_id,
                _text(headers.get(b"idempotency-key")),
            )
            if self.operation.scope is not None:
                call.check("people", *(self.operation.params or ()))
            body = await self._body(headers, receive)
            answer = await self._run(body, call)
            further = {"Content-Type": self.operation.media, **self._model(answer)}
            further |= self.operation.headers or {}
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
        service.catch_up()
        if self._awaits:
            return await run(service, body, call)
        if self.operation.is_slow(body):
            return await service.in_pool(lambda: run(service, body, call))
        return run(service, body, call)

    def _admitted(self, headers: Headers, trace: _Trace) -> bool:
        """Whether who asks is an admin; ``trace`` is given who it is. Raises Problem."""
        service, scope = self.service, self.operation.scope
        if scope is None:
            return False
        if service.keys.open:
            _check_local(headers)
            trace.who = "local"
            return True
        key = self._key(headers)
        trace.who = key.name
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
        return key.allows("admin")

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

    async def _body(self, headers: Headers, receive: Receive) -> Any:
        """The body as the operation reads it. Raises Problem."""
        if self.operation.lines:
            return read_lines(headers, receive, self.service.config)
        if self._decode is None:
            return None
        content = await read_body(headers, receive, self.service.config)
        try:
            return self._decode(content)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise problem_of_body(error) from None


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
