"""Errors of the service as problem+json (RFC 9457): what is wrong, where, and the cure."""

from __future__ import annotations

import logging
import re
import traceback
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final

import msgspec

from graph_schema.output.printable import printable
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
_LOG = logging.getLogger("kgrec.serving")
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


def words_of(error: Exception, work: str) -> str:
    """The words for work that failed and that no request waits for. An error in kgrec itself
    goes into the log, since its words may come from somebody's data."""
    if isinstance(error, Problem):
        return error.detail
    if isinstance(error, KgrecError):
        return str(error)
    _LOG.error("%s failed\n%s", work, printable("".join(traceback.format_exception(error))))
    return f"an error in kgrec itself ({type(error).__name__}); the log of the service has it."


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
