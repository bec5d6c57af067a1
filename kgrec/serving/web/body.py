"""Bodies of requests: whole ones, and lines that are read as they arrive."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from typing import Any, Final

import msgspec

from kgrec.serving.config import ServiceConfig
from kgrec.serving.problems import Problem, problem_of_body

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Headers = dict[bytes, bytes]
JSON: Final = "application/json"
LINES: Final = "application/x-ndjson"
_JSON, _LINES = JSON.encode(), LINES.encode()
_values = msgspec.json.Decoder(list[msgspec.Raw]).decode


async def read_body(headers: Headers, receive: Receive, config: ServiceConfig) -> bytes:
    """The bytes of a JSON body. Raises Problem where it is none, has too many bytes, or comes
    slowly."""
    if kind_of(headers) != _JSON:
        raise Problem(415, "not_json", f"send Content-Type: {JSON}.")
    return await _whole(headers, receive, config)


async def read_lines(
    headers: Headers, receive: Receive, config: ServiceConfig
) -> AsyncIterator[bytes]:
    """The JSON texts of a body, one for each line, or for each value of a JSON list.

    Lines are given as they arrive, so that memory holds one part of the body at a time. Empty
    lines are given too, so that their numbers stay those of the file. Raises Problem.
    """
    kind = kind_of(headers)
    if kind == _JSON:
        content = await _whole(headers, receive, config)
        try:
            parts = _values(content)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise problem_of_body(error) from None
        for part in parts:
            yield bytes(part)
        return
    if kind != _LINES:
        raise Problem(415, "not_lines", f"send Content-Type: {LINES}, or {JSON} with a list.")
    _check_length(headers, config.max_bulk)
    async for line in _split(_parts(receive, config), config.max_body):
        yield line


def kind_of(headers: Headers) -> bytes:
    """The media type of a body. Raises Problem for a compressed one."""
    if headers.get(b"content-encoding", b"identity").lower() != b"identity":
        raise Problem(415, "encoded", "compressed bodies are not read; send it plain.")
    return headers.get(b"content-type", _JSON).partition(b";")[0].strip().lower()


async def _whole(headers: Headers, receive: Receive, config: ServiceConfig) -> bytes:
    most, end = config.max_body, time.monotonic() + config.body_seconds
    _check_length(headers, most)
    first, more = await _part(receive, config.body_seconds)
    if len(first) > most:
        raise _too_large(most)
    if not more:
        return first
    parts, size = [first], len(first)
    while more:
        part, more = await _part(receive, max(end - time.monotonic(), 0.0))
        parts.append(part)
        size += len(part)
        if size > most:
            raise _too_large(most)
    return b"".join(parts)


async def _parts(receive: Receive, config: ServiceConfig) -> AsyncIterator[bytes]:
    """The parts of a large body, each within the longest time of a body. Raises Problem."""
    size, more = 0, True
    while more:
        part, more = await _part(receive, config.body_seconds)
        size += len(part)
        if size > config.max_bulk:
            raise _too_large(config.max_bulk)
        yield part


async def _part(receive: Receive, seconds: float) -> tuple[bytes, bool]:
    """The next part of a body, and whether there is more. Raises Problem."""
    message = await _within(receive, seconds)
    if message["type"] == "http.disconnect":
        raise Problem(400, "disconnected", "the connection ended before the body.")
    return message.get("body", b""), bool(message.get("more_body"))


async def _split(parts: AsyncIterator[bytes], longest: int) -> AsyncIterator[bytes]:
    """The lines of a body. Raises Problem for one with more than ``longest`` bytes."""
    rest = b""
    async for part in parts:
        *lines, rest = (rest + part).split(b"\n")
        for line in lines:
            yield line
        if len(rest) > longest:
            raise Problem(413, "too_large", f"a line has more than {longest:,} bytes; split it.")
    if rest:
        yield rest


def _check_length(headers: Headers, most: int) -> None:
    length = headers.get(b"content-length", b"0")
    if length.isdigit() and int(length[:20]) > most:
        raise _too_large(most)


def _too_large(most: int) -> Problem:
    return Problem(413, "too_large", f"the body has more than {most:,} bytes; send less.")


async def _within(receive: Receive, seconds: float) -> Any:
    try:
        async with asyncio.timeout(seconds):  # costs less than wait_for, which starts a task
            return await receive()
    except TimeoutError:
        raise Problem(
            408,
            "too_slow",
            "the body did not arrive in time; send it again.",
            headers={"Connection": "close"},
        ) from None
