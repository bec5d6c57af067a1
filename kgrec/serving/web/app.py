"""The service as an ASGI application."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import msgspec
from starlette.applications import Starlette
from starlette.convertors import Convertor, register_url_convertor
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import Lifespan, Receive, Scope, Send

from kgrec.serving.event_log import Record
from kgrec.serving.experiments.shadow import Shadow
from kgrec.serving.jobs import Jobs
from kgrec.serving.problems import MEDIA_TYPE, Problem
from kgrec.serving.processes.messages import Call, Link
from kgrec.serving.processes.worker import WorkerService
from kgrec.serving.service import LABELS, Service
from kgrec.serving.store_sync.store_sync import StoreSync
from kgrec.serving.web.endpoint import Endpoint, request_id_of, respond
from kgrec.serving.web.openapi import description
from kgrec.serving.web.operations import Operation, operations

_PAGE: Final = Path(__file__).parents[1] / "page"
_VISUAL: Final = Path(__file__).parents[2] / "visualization"
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_SCRIPT: Final = "text/javascript; charset=utf-8"
_FILES: Final = {
    "/": (_PAGE / "index.html", "text/html; charset=utf-8"),
    "/page/page.css": (_PAGE / "page.css", "text/css; charset=utf-8"),
    **{f"/page/{file.name}": (file, _SCRIPT) for file in sorted(_PAGE.glob("*.js"))},
    "/page/spots.js": (_VISUAL / "assets" / "spots.js", _SCRIPT),
    "/page/cytoscape.min.js": (_VISUAL / "vendor" / "cytoscape.min.js", _SCRIPT),
}


class _Kind(Convertor[str]):
    """The kinds of nodes that routes have."""

    regex = "|".join(LABELS)

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


register_url_convertor("kind", _Kind())


class Application:
    """The routes of a service: those whose paths have no parts by their path, the others by
    Starlette, which looks at one route after the other.

    Parameters
    ----------
    app : Starlette
        All routes.
    endpoints : dict of (str, str) to ASGI application
        By method and path.
    """

    def __init__(self, app: Starlette, endpoints: dict[tuple[str, str], Any]) -> None:
        self._app, self._endpoints = app, endpoints

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        found = None
        if scope["type"] == "http":
            found = self._endpoints.get((scope["method"], scope["path"]))
        await (found or self._app)(scope, receive, send)


def make_app(service: Service) -> Application:
    """The application of a service, which it starts and stops.

    Raises ServiceError where a file of the service's folder can't be read or written.
    """
    jobs, config, workers = Jobs(service), service.config, service.workers
    if service.graph_store and (config.store_write_seconds or config.store_follow_seconds):
        service.store_sync = StoreSync(service, service.graph_store)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        tasks = [
            asyncio.create_task(service.follow()),
            asyncio.create_task(service.experiments.run()),
        ]
        if service.store_sync is not None:
            tasks.append(asyncio.create_task(service.store_sync.run()))
        if config.fold_seconds or config.fold_records:
            tasks.append(asyncio.create_task(jobs.fold_on()))
        if service.config.train_seconds:
            tasks.append(asyncio.create_task(jobs.train_on(service.config.train_seconds)))
        if workers is not None:
            tasks.append(asyncio.create_task(workers.run(made, _calls_of(service))))
        yield
        service.stopping = True
        if workers is not None:
            await workers.stop()  # their last requests still need this process
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)  # none keeps the rest from ending
        if service.store_sync is not None:
            await service.store_sync.stop()
        await jobs.stop()
        await service.stop()

    made = _application(service, operations(jobs), lifespan)
    return made


def make_worker_app(service: WorkerService, lifespan: Lifespan[Starlette]) -> Application:
    """The application of a worker: what it does not answer itself, the first process answers."""
    return _application(service, operations(Jobs(service)), lifespan, _Forward(service.first))


class _Forward:
    """Lets another process answer."""

    def __init__(self, first: Link) -> None:
        self._first = first

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if await self._first.forward(scope, receive, send):
            return
        said = "the process that stores and runs jobs is not there; try again soon."
        problem, request_id = Problem(503, "first_gone", said), request_id_of(scope["headers"])
        headers = {"Content-Type": MEDIA_TYPE, "Retry-After": "1"}
        await respond(send, 503, problem.body(request_id), request_id, headers)


def _calls_of(service: Service) -> dict[str, Call]:
    """What workers call."""

    async def store(records: list[Record]) -> int:
        return await service.store(records)

    async def audit(entry: list[Any], people: bool) -> None:
        service.audit.add(*entry, people=people)

    async def shadow(body: bytes, sent: list[str], seconds: float) -> None:
        there = service.experiments.shadow
        if isinstance(there, Shadow):
            there.ask(msgspec.json.decode(body), sent, seconds)

    return {"store": store, "audit": audit, "shadow": shadow}


def _application(
    service: Service,
    table: list[Operation],
    lifespan: Lifespan[Starlette],
    forward: _Forward | None = None,
) -> Application:
    """The routes of a service, with ``forward`` in place of what is for the first process."""
    endpoints: dict[Operation, Any] = {
        one: Endpoint(service, one) if forward is None or one.is_for_any_process else forward
        for one in _specific_first(table)
    }
    routes: list[BaseRoute] = [_route(*one) for one in endpoints.items()]
    routes += [
        Route("/openapi.json", _fixed(json.dumps(description(table)).encode(), "application/json")),
        *(Route(path, _file(*found)) for path, found in _FILES.items()),
    ]
    app = Starlette(
        routes=routes,
        lifespan=lifespan,
        exception_handlers={HTTPException: _refused},
    )
    app.router.redirect_slashes = False  # the address of a redirection would hold what was asked
    plain = {one: found for one, found in endpoints.items() if "{" not in one.path}
    return Application(app, {(one.method, one.path): found for one, found in plain.items()})


def _specific_first(table: list[Operation]) -> list[Operation]:
    """Routes that others would also match come first: /v1/facts before /v1/{kind}/{id}, and
    /v1/graph/nodes/{label}/{id}/neighbours before /v1/graph/nodes/{label}/{id}."""
    return sorted(table, key=lambda one: (one.path.count("{"), -one.path.count("/")))


def _route(operation: Operation, endpoint: Any) -> Route:
    path = operation.path.replace("{id}", "{id:path}").replace("{kind}", "{kind:kind}")
    return Route(path, endpoint, methods=[operation.method])


def _fixed(content: bytes, kind: str) -> Any:
    async def answer(request: Request) -> Response:
        return Response(content, media_type=kind)

    return answer


def _file(path: Path, kind: str) -> Any:
    async def answer(request: Request) -> Response:
        headers = {
            "Content-Security-Policy": _POLICY,
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
            "Cache-Control": "no-cache",  # asked for again, so that all files are of one version
        }
        return FileResponse(path, media_type=kind, headers=headers)

    return answer


async def _refused(request: Request, error: Exception) -> Response:
    """A route that there isn't, or another method."""
    assert isinstance(error, HTTPException)
    cure = "see /openapi.json for all routes."
    said = {404: "no such route", 405: "this route has no such method"}
    detail = f"{said.get(error.status_code, error.detail)}; {cure}"
    code = {404: "unknown_route", 405: "wrong_method"}.get(error.status_code, "refused")
    problem, request_id = (
        Problem(error.status_code, code, detail),
        request_id_of(request.headers.raw),
    )
    headers = {**(error.headers or {}), "X-Request-Id": request_id}
    return Response(problem.body(request_id), error.status_code, headers, MEDIA_TYPE)
