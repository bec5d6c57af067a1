"""Versioned migrations of the graph's schema, as Cypher.

``migrations/NNNN_name.cypher`` holds what every store runs, ``NNNN_name.DIALECT.cypher`` what only
one dialect of Cypher runs after it. Each store says in its own module which dialect it has, if any.
Statements end with ";" at the end of a line. A store runs, in order, the migrations above its
version, each statement in a transaction of its own (Neo4j doesn't mix schema and data in one), and
records each version with RECORD_VERSION. Every statement may run twice.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib import resources
from typing import Final

READ_VERSION: Final = "MATCH (v:SchemaVersion {id: 'kgrec'}) RETURN v.version AS version"
RECORD_VERSION: Final = "MERGE (v:SchemaVersion {id: 'kgrec'}) SET v.version = $version"
_FILE: Final = re.compile(r"(\d{4})_([a-z0-9_]+)(?:\.([a-z0-9]+))?\.cypher")


@dataclass(frozen=True)
class Migration:
    """One step of the schema: run ``statements`` in order, then record ``version``."""

    version: int
    name: str
    statements: tuple[str, ...]


def migrations(dialect: str | None = None) -> list[Migration]:
    """Return every migration, from the first version to the newest.

    Parameters
    ----------
    dialect : str, optional
        Add the statements written for this dialect of Cypher; without it, only the common ones.

    Returns
    -------
    list of Migration
        Sorted by version.

    Raises
    ------
    ValueError
        If no migration is written for the dialect.
    """
    files = [(match, text) for match, text in _files() if match[3] in (None, dialect)]
    if dialect is not None and all(match[3] is None for match, _ in files):
        known = sorted({match[3] for match, _ in _files() if match[3]})
        raise ValueError(f"unknown dialect {dialect!r}; use one of {', '.join(known)}, or none")
    steps: dict[tuple[int, str], list[str]] = {}
    for match, text in files:
        steps.setdefault((int(match[1]), match[2]), []).extend(statements(text))
    return [Migration(version, name, tuple(run)) for (version, name), run in sorted(steps.items())]


def latest_version() -> int:
    """Return the schema version that this kgrec writes and reads."""
    return max(int(match[1]) for match, _ in _files())


def statements(text: str) -> list[str]:
    """The statements of a Cypher script, without comment lines and final semicolons."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("//")]
    parts = re.split(r";[ \t]*(?:\n|$)", "\n".join(lines))
    return [part.strip() for part in parts if part.strip()]


def _files() -> list[tuple[re.Match[str], str]]:
    """Name and text of every script, the common one of a version before those of dialects."""
    folder = resources.files("graph_schema").joinpath("migrations")
    found = [(_FILE.fullmatch(entry.name), entry) for entry in folder.iterdir()]
    scripts = [(match, entry.read_text(encoding="utf-8")) for match, entry in found if match]
    return sorted(scripts, key=lambda script: (script[0][1], script[0][3] or ""))
