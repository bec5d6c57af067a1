"""Transports: what sends a request and returns its answer. The default ones use httpx2."""

from __future__ import annotations

from typing import Any, Protocol

from kgrec.client.errors import UnreachableError
from kgrec.client.exchange import Reply, Sent
from kgrec.extras import require


class Transport(Protocol):
    """Sends one request; raises UnreachableError where there is no answer."""

    def send(self, request: Sent) -> Reply:
        """The answer, whatever its status."""
        ...

    def close(self) -> None:
        """End its connections."""
        ...


class AsyncTransport(Protocol):
    """Like Transport, for asyncio."""

    async def send(self, request: Sent) -> Reply:
        """The answer, whatever its status."""
        ...

    async def close(self) -> None:
        """End its connections."""
        ...


class HttpTransport:
    """Connections that are kept and used again.

    Parameters
    ----------
    address : str
        Such as "http://127.0.0.1:8000"; a path before /v1 stays.
    seconds : float
        Longest time without any byte.
    verify : bool or ssl.SSLContext
        Whether, or by what, the certificate of an https address is checked.
    """

    def __init__(self, address: str, seconds: float, verify: Any = True) -> None:
        self._http = require("httpx2", extra="client")
        self._client = self._http.Client(base_url=address, timeout=seconds, verify=verify)

    def send(self, request: Sent) -> Reply:
        try:
            found = self._client.request(
                request.method,
                request.path,
                headers=dict(request.headers),
                content=request.content,
            )
        except self._http.HTTPError as error:
            raise _unreachable(self._client.base_url, error) from error
        return _reply(found)

    def close(self) -> None:
        self._client.close()


class AsyncHttpTransport:
    """Like HttpTransport, for asyncio."""

    def __init__(self, address: str, seconds: float, verify: Any = True) -> None:
        self._http = require("httpx2", extra="client")
        self._client = self._http.AsyncClient(base_url=address, timeout=seconds, verify=verify)

    async def send(self, request: Sent) -> Reply:
        try:
            found = await self._client.request(
                request.method,
                request.path,
                headers=dict(request.headers),
                content=request.content,
            )
        except self._http.HTTPError as error:
            raise _unreachable(self._client.base_url, error) from error
        return _reply(found)

    async def close(self) -> None:
        await self._client.aclose()


def _reply(found: Any) -> Reply:
    headers = {name.lower(): value for name, value in found.headers.items()}
    return Reply(found.status_code, headers, found.content)


def _unreachable(address: object, error: Exception) -> UnreachableError:
    said = str(error) or type(error).__name__
    return UnreachableError(
        f"no answer from {address} ({said}); see whether the service runs there, or allow more "
        "seconds."
    )
