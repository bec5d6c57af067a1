"""Problems of a mapping with its files. All are collected, so that one error shows every field."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from graph_schema.errors import SourceError
from graph_schema.report import shown


class Problems:
    """Collects what is wrong, each with the field of the mapping that it is about."""

    def __init__(self, mapping: str) -> None:
        self.mapping = mapping
        self._lines: list[str] = []

    def add(self, field: str, message: str) -> None:
        """Add a problem of ``field``."""
        self._lines.append(f"- {field}: {message}")

    def raise_if_any(self) -> None:
        """Raise SourceError with every problem, if there is one."""
        if self._lines:
            lines = "\n".join(dict.fromkeys(self._lines))
            raise SourceError(
                f"{self.mapping}: the mapping does not fit the files:\n{lines}\nCure: correct "
                "these fields (docs/file-mapping.md)."
            )


def nearest(name: str, names: Iterable[str]) -> str:
    """The part of a message that names what exists, the nearest name first."""
    known = list(names)
    if not known:
        return "there is none"
    by_lower = {_plain(one): one for one in known}
    near = difflib.get_close_matches(_plain(name), by_lower, n=1, cutoff=0.6)
    others = ", ".join(known[:20]) + (", …" if len(known) > 20 else "")
    if near:
        return f"the nearest is {shown(by_lower[near[0]])} (there are {others})"
    return f"there are {others}"


def _plain(name: str) -> str:
    return "".join(sign for sign in name.lower() if sign.isalnum()) or name
