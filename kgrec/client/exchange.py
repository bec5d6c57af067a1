"""What a verb asks and gets, without any input or output: the same for Client and AsyncClient.

A verb is a generator. It yields an ``Ask`` for each request, is sent the JSON of its answer, and
returns its value. So one text serves programs that wait and programs that await.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Ask:
    """One request.

    Attributes
    ----------
    method, path : str
        The path has no quoted characters yet in ``parts``, which fill its braces.
    body : dict or None
        What becomes its JSON; fields that are None are left out.
    parts, params : mapping of str
        Parts of the path, and the query string; parameters that are None are left out.
    repeatable : bool
        Whether sending it twice is the same as once: then it is also sent again where the
        connection broke before the answer.
    repeat_key : str or None
        The header Idempotency-Key.
    plain : bool
        Whether the answer is a text, not JSON.
    lines : sequence of dict, optional
        In place of ``body``: what becomes a line of JSON each.
    """

    method: str
    path: str
    body: Mapping[str, Any] | None = None
    parts: Mapping[str, Any] = field(default_factory=dict)
    params: Mapping[str, Any] = field(default_factory=dict)
    repeatable: bool = True
    repeat_key: str | None = None
    plain: bool = False
    lines: Sequence[Mapping[str, Any]] | None = None


@dataclass(frozen=True)
class Pause:
    """Seconds to wait before the next request."""

    seconds: float


@dataclass(frozen=True)
class Sent:
    """A request as a transport sends it: ``path`` begins with a slash and has the query string."""

    method: str
    path: str
    headers: Mapping[str, str]
    content: bytes | None


@dataclass(frozen=True)
class Reply:
    """An answer as a transport returns it; names of headers are in small letters."""

    status: int
    headers: Mapping[str, str]
    content: bytes


Steps: TypeAlias = "Generator[Ask | Pause, Any, T]"
Wire: TypeAlias = "Generator[Sent | Pause, Reply | None, T]"


class Fields(dict[str, Any]):
    """What ``to_dict()`` of Python's answer says; fields are attributes, too.

    ``client.explain("1", "50").paths[0].sentence`` is ``["paths"][0]["sentence"]``.
    """

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            known = ", ".join(self) or "none"
            raise AttributeError(f"no field {name!r}; there are: {known}") from None

    def to_dict(self) -> dict[str, Any]:
        """Plain dicts and lists."""
        plain: dict[str, Any] = _plain(self)
        return plain

    @staticmethod
    def of(value: Any) -> Any:
        """``value`` with each dict in it as Fields."""
        if isinstance(value, dict):
            return Fields({name: Fields.of(part) for name, part in value.items()})
        return [Fields.of(part) for part in value] if isinstance(value, list) else value


def fields_of(answer: Any) -> Fields:
    """The JSON object of an answer as Fields."""
    found: Fields = Fields.of(answer)
    return found


def pages(ask: Ask, name: str, limit: int, most: int) -> Steps[tuple[list[Any], Any]]:
    """The rows ``name`` of all pages of a question, at most ``limit``, with ``most`` on a page; and
    the last answer."""
    rows: list[Any] = []
    cursor = None
    while True:
        params = {**ask.params, "limit": min(limit - len(rows), most), "cursor": cursor}
        answer = yield replace(ask, params=params)
        rows += answer[name]
        cursor = answer.get("next")
        if cursor is None or len(rows) >= limit:
            return rows, answer


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(part) for name, part in value.items()}
    return [_plain(part) for part in value] if isinstance(value, list) else value
