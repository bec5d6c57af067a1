"""Versioned migrations of the graph's schema, as Cypher.

``migrations/NNNN_name.cypher`` holds what every store runs, ``NNNN_name.DIALECT.cypher`` what only
one dialect runs after it. Statements end with ";" at the end of a line. A store runs, in order, the
migrations above its version, each statement in a transaction of its own (Neo4j doesn't mix schema
and data in one), and records each version with RECORD_VERSION. Every statement may run twice.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib import resources
from typing import Final, Literal, get_args

Dialect = Literal["neo4j", "kglite"]
DIALECTS: Final[tuple[str, ...]] = get_args(Dialect)

READ_VERSION: Final = "MATCH (v:SchemaVersion {id: 'kgrec'}) RETURN v.version AS version"
RECORD_VERSION: Final = "MERGE (v:SchemaVersion {id: 'kgrec'}) SET v.version = $version"
_FILE: Final = re.compile(r"(\d{4})_([a-z0-9_]+)(?:\.([a-z0-9]+))?\.cypher")


@dataclass(frozen=True)
class Migration:
    """One step of the schema: run ``statements`` in order, then record ``version``."""

    version: int
    name: str
    statements: tuple[str, ...]


def migrations(dialect: Dialect) -> list[Migration]:
    """Every migration of a dialect, from the first version to the newest.

    Raises ValueError for a dialect other than "neo4j" and "kglite".
    """
    if dialect not in DIALECTS:
        raise ValueError(f"unknown dialect {dialect!r}; use one of {', '.join(DIALECTS)}")
    steps: dict[tuple[int, str], list[str]] = {}
    for name, text in sorted(_files().items(), key=_common_first):
        match = _FILE.fullmatch(name)
        if match is None or match[3] not in (None, dialect):
            continue
        steps.setdefault((int(match[1]), match[2]), []).extend(statements(text))
    return [Migration(version, name, tuple(run)) for (version, name), run in sorted(steps.items())]


def latest_version() -> int:
    """The schema version that this kgrec writes and reads."""
    return max(migration.version for migration in migrations("neo4j"))


def statements(text: str) -> list[str]:
    """The statements of a Cypher script, without comment lines and final semicolons."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("//")]
    parts = re.split(r";[ \t]*(?:\n|$)", "\n".join(lines))
    return [part.strip() for part in parts if part.strip()]


def _files() -> dict[str, str]:
    folder = resources.files("graph_schema").joinpath("migrations")
    return {
        entry.name: entry.read_text(encoding="utf-8")
        for entry in folder.iterdir()
        if entry.name.endswith(".cypher")
    }


def _common_first(file: tuple[str, str]) -> tuple[str, int]:
    stem, *rest = file[0].removesuffix(".cypher").split(".")
    return stem, len(rest)
