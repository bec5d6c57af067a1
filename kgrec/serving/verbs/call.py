"""Call: the circumstances of one request."""

from __future__ import annotations

from dataclasses import dataclass, field

from kgrec.serving.problems import Problem


@dataclass(frozen=True)
class Call:
    """The circumstances of one request.

    Attributes
    ----------
    who : str
        Name of the key; "local" without keys.
    people : bool
        Whether other people are shown by id: asked for with ``people=true``, with the scope admin.
    path, params : dict of str to str
        Parts of the path and of the query string.
    request_id : str
        Also in the answer's header.
    repeat_key : str or None
        The header Idempotency-Key.
    """

    who: str = "local"
    people: bool = False
    path: dict[str, str] = field(default_factory=dict)
    params: dict[str, str] = field(default_factory=dict)
    request_id: str = ""
    repeat_key: str | None = None

    def count(self, name: str, default: int, most: int) -> int:
        """A number of the query string, 1 to ``most``. Raises Problem."""
        text = self.params.get(name)
        if text is None:
            return default
        if not text.isascii() or not text.isdigit() or not 1 <= int(text[:12]) <= most:
            raise Problem(
                422, "invalid_parameter", f"{name}={text[:40]!r} is no number from 1 to {most}."
            )
        return int(text)

    def check(self, *known: str) -> None:
        """Raise Problem for a parameter that is not ``known``."""
        for name in self.params:
            if name not in known:
                there = ", ".join(known) or "none"
                raise Problem(
                    422, "unknown_parameter", f"no parameter is called {name[:40]!r}; use {there}."
                )

    def cursor(self) -> int:
        """The place at which a page begins, from ``cursor``. Raises Problem."""
        text = self.params.get("cursor")
        if text is None:
            return 0
        if not text.isascii() or not text.isdigit() or len(text) > 12:
            raise Problem(
                422, "invalid_cursor", "the cursor is none of this service; leave it out to start."
            )
        return int(text)
