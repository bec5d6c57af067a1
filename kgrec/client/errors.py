"""Errors of the client: what the service said (problem+json), or that it can't be reached."""

from __future__ import annotations

import json
from typing import Any

from kgrec.client.exchange import Reply
from kgrec.errors import KgrecError, RequestError


class UnreachableError(KgrecError):
    """The service can't be reached, or the connection broke; ``request_id`` names the request."""

    def __init__(self, message: str, request_id: str = "") -> None:
        super().__init__(message)
        self.request_id = request_id


class ProblemError(KgrecError):
    """The service answered with an error.

    Attributes
    ----------
    status : int
        The HTTP status.
    code : str
        A short name of the kind of error, for programs, such as "unknown_user".
    detail : str
        What is wrong, and the cure.
    errors : list of dict
        Single faults in the body: ``pointer`` or ``index``, and ``detail``.
    request_id : str
        Names the request in the log of the service.
    """

    def __init__(
        self, status: int, code: str, detail: str, errors: list[dict[str, Any]], request_id: str
    ) -> None:
        super().__init__(f"{detail} ({status} {code}, request {request_id})")
        self.status, self.code, self.detail = status, code, detail
        self.errors, self.request_id = errors, request_id


class RefusedError(ProblemError, RequestError):
    """The service refused the request as it is: the RequestError that Python raises."""


class KeyRefusedError(ProblemError):
    """The key is unknown, or lacks the scope."""


class BusyError(ProblemError):
    """The service is busy, not ready or too slow, also after the last attempt."""


def error_of(reply: Reply, request_id: str) -> ProblemError:
    """The error of an answer that is none of 2xx."""
    said = _problem(reply.content)
    kind = _kind(reply.status)
    return kind(
        reply.status,
        str(said.get("code", "")) or "none",
        str(said.get("detail", "")) or f"the answer has status {reply.status} and says no more.",
        list(said.get("errors", [])),
        str(said.get("instance", "")) or request_id,
    )


def _problem(content: bytes) -> dict[str, Any]:
    """The fields of a problem; none where a proxy answered in its own words."""
    try:
        said = json.loads(content)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def _kind(status: int) -> type[ProblemError]:
    if status in (401, 403):
        return KeyRefusedError
    if status in (429, 502, 503, 504):
        return BusyError
    return RefusedError if 400 <= status < 500 else ProblemError
