"""Messages between the processes of a service, over a Unix socket: calls, and whole requests.

A message is its length in four bytes and a value in MessagePack. The socket lies in a folder that
the user alone can open.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from contextlib import suppress
from typing import Any, Final, TypeAlias

import msgspec

from kgrec.errors import KgrecError, ServiceError
from kgrec.serving.problems import words_of

_LENGTH: Final = struct.Struct("<I")
_MOST: Final = 1 << 30  # bytes of a message
_encode, _decode = msgspec.msgpack.Encoder().encode, msgspec.msgpack.Decoder().decode

Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]
Call: TypeAlias = Callable[..., Awaitable[Any]]
_Pair: TypeAlias = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Link:
    """The way to another process: as many connections as calls wait at once.

    Parameters
    ----------
    path : str
        Its socket.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self._idle: list[_Pair] = []

    async def call(self, name: str, **arguments: Any) -> Any:
        """What the other process answers. Raises ServiceError where it refuses or is gone."""
        try:
            reader, writer = await self._connection()
            await _write(writer, {"call": name, "arguments": arguments})
            answer = await _read(reader)
        except OSError as error:
            raise ServiceError(f"another process of the service is gone ({error}).") from error
        if answer is None:
            raise ServiceError(f"another process of the service ended during {name!r}.")
        self._idle.append((reader, writer))
        if "error" in answer:
            raise ServiceError(answer["error"])
        return answer["value"]

    async def forward(self, scope: Scope, receive: Receive, send: Send) -> bool:
        """Let the other process answer a request. False, with nothing sent, where it is gone."""
        try:
            reader, writer = await self._connection()
            await _write(writer, {"request": _plain(scope)})
        except OSError:
            return False
        body = asyncio.create_task(_send_body(receive, writer))
        begun = complete = False
        try:
            while not complete and (message := await _read(reader)) is not None:
                begun, complete = True, not message.get("more_body", True)
                await send(message)
        finally:
            whole = body.done() and not body.cancelled() and body.exception() is None
            body.cancel()
            if complete and whole:
                self._idle.append((reader, writer))
            else:
                writer.close()
        return begun

    def close(self) -> None:
        """Close the connections that wait for a call."""
        while self._idle:
            self._idle.pop()[1].close()

    async def _connection(self) -> _Pair:
        while self._idle:
            reader, writer = self._idle.pop()
            if not reader.at_eof() and not writer.is_closing():
                return reader, writer
        return await asyncio.open_unix_connection(self.path)


class Listener:
    """Answers calls and requests of other processes.

    Parameters
    ----------
    path : str
        Its socket.
    calls : mapping of str to callable
        What can be called, by name; each returns an awaitable of a plain value.
    app : callable, optional
        The ASGI application that answers requests.
    """

    def __init__(self, path: str, calls: Mapping[str, Call], app: App | None = None) -> None:
        self.path, self._calls, self._app = path, calls, app
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()

    async def start(self) -> None:
        """Listen."""
        self._server = await asyncio.start_unix_server(self._answer, self.path)

    def close(self) -> None:
        """Listen no more."""
        if self._server is not None:
            self._server.close()
        for writer in self._open:
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            with suppress(OSError):  # the other process has ended
                while (message := await _read(reader)) is not None:
                    if "call" in message:
                        await _write(writer, await self._called(**message))
                    elif not await self._requested(message["request"], reader, writer):
                        break
        finally:
            self._open.discard(writer)
            writer.close()

    async def _called(self, call: str, arguments: dict[str, Any]) -> dict[str, Any]:
        try:
            return {"value": await self._calls[call](**arguments)}
        except KgrecError as error:
            return {"error": str(error)}
        except Exception as error:
            return {"error": words_of(error, f"the call {call!r}")}

    async def _requested(
        self, asked: dict[str, Any], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        """Answer a request; whether its body was read to its end."""
        assert self._app is not None
        whole = False

        async def receive() -> MutableMapping[str, Any]:
            nonlocal whole
            message = None if whole else await _read(reader)
            if message is None:
                return {"type": "http.disconnect"}
            whole = not message.get("more_body", False)
            return message

        async def send(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.body":
                message = {"body": b"", "more_body": False, **message}
            await _write(writer, message)

        headers = [(name, value) for name, value in asked["headers"]]
        await self._app({**asked, "type": "http", "headers": headers}, receive, send)
        while not whole and (await receive())["type"] != "http.disconnect":
            pass
        return whole


def _plain(scope: Scope) -> dict[str, Any]:
    """What an application needs of a request."""
    names = ("http_version", "method", "scheme", "path", "raw_path", "query_string", "root_path")
    return {
        **{name: scope[name] for name in names if name in scope},
        "headers": [[bytes(name), bytes(value)] for name, value in scope["headers"]],
        "client": scope.get("client"),
        "server": scope.get("server"),
    }


async def _send_body(receive: Receive, writer: asyncio.StreamWriter) -> None:
    while True:
        message = await receive()
        await _write(writer, message)
        if not message.get("more_body", False):
            return


async def _write(writer: asyncio.StreamWriter, message: Any) -> None:
    content = _encode(message)
    writer.write(_LENGTH.pack(len(content)) + content)
    await writer.drain()


async def _read(reader: asyncio.StreamReader) -> dict[str, Any] | None:
    """The next message; None where the other process has closed the connection."""
    try:
        (length,) = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))
        if length > _MOST:
            return None
        found: dict[str, Any] = _decode(await reader.readexactly(length))
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    return found
