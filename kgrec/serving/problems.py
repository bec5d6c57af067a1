"""Errors of the service as problem+json (RFC 9457): what is wrong, where, and the cure."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final

import msgspec

from kgrec.errors import (
    CatalogError,
    ErasureError,
    KgrecError,
    NotFittedError,
    QueryError,
    ServiceError,
    StoreError,
)

MEDIA_TYPE: Final = "application/problem+json"
_PLACE = re.compile(r"(.*) - at `(?:key in )?\$(.*)`$", re.DOTALL)
_STEP = re.compile(r"\.([^.\[]+)|\[(\d+|\.\.\.)\]")


@dataclass
class Problem(Exception):
    """An answer that is an error.

    Attributes
    ----------
    status : int
        The HTTP status.
    code : str
        A short name of the kind of error, for programs.
    detail : str
        What is wrong, and the cure, for people.
    errors : list of dict
        Single faults in the body: ``pointer`` (RFC 6901) or ``index``, and ``detail``.
    headers : dict of str to str
        Further headers of the answer.
    """

    status: int
    code: str
    detail: str
    errors: list[dict[str, Any]] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)

    def body(self, instance: str) -> bytes:
        """The JSON text; ``instance`` is the id of the request."""
        content: dict[str, Any] = {
            "type": "about:blank",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "code": self.code,
            "detail": self.detail,
            "instance": instance,
        }
        if self.errors:
            content["errors"] = self.errors
        return msgspec.json.encode(content)


def problem_of(error: KgrecError) -> Problem:
    """The answer to a request that kgrec refuses, with its own words."""
    if isinstance(error, CatalogError):
        return Problem(422, "invalid_data", str(error))
    if isinstance(error, QueryError):
        return Problem(422, "invalid_query", str(error))
    if isinstance(error, ServiceError | StoreError | ErasureError | NotFittedError):
        return Problem(503, "unavailable", str(error), headers={"Retry-After": "5"})
    return Problem(422, "invalid_request", str(error))


def problem_of_body(error: Exception) -> Problem:
    """The answer to a body, or parameters, that can't be read."""
    if isinstance(error, msgspec.ValidationError):
        text, pointer = located(error)
        detail = f"{text} at {pointer or 'the body as a whole'}."
        return Problem(422, "invalid_body", detail, [{"pointer": pointer, "detail": text}])
    if isinstance(error, RecursionError):
        return Problem(400, "too_deep", "the JSON is nested too deeply; send flatter values.")
    return Problem(400, "not_json", f"the body is not JSON ({error}); send JSON in UTF-8.")


def located(error: msgspec.ValidationError) -> tuple[str, str]:
    """What msgspec says of a value, and the JSON pointer (RFC 6901) of its place."""
    match = _PLACE.match(str(error))
    if match is None:
        return str(error), ""
    text, path = match.groups()
    return text, "".join(f"/{name or number}" for name, number in _STEP.findall(path))
