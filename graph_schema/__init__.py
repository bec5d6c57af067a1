"""The schema of the graph: the frames of a catalog, validation, migrations, and graph mappings.

Names are imported when they are first used: the errors and the names of labels need no pandas.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from graph_schema.catalog import Catalog
    from graph_schema.errors import CatalogError, KgrecError, SourceError
    from graph_schema.mapping import (
        EntityMapping,
        FactMapping,
        GraphMapping,
        InteractionMapping,
        NodeMapping,
        TextMapping,
    )
    from graph_schema.migration import (
        READ_VERSION,
        RECORD_VERSION,
        Migration,
        latest_version,
        migrations,
    )
    from graph_schema.report import Problem, ValidationReport

__all__ = [
    "READ_VERSION",
    "RECORD_VERSION",
    "Catalog",
    "CatalogError",
    "EntityMapping",
    "FactMapping",
    "GraphMapping",
    "InteractionMapping",
    "KgrecError",
    "Migration",
    "NodeMapping",
    "Problem",
    "SourceError",
    "TextMapping",
    "ValidationReport",
    "latest_version",
    "migrations",
]

_HOMES = {
    "catalog": ("Catalog",),
    "errors": ("CatalogError", "KgrecError", "SourceError"),
    "mapping": (
        "EntityMapping",
        "FactMapping",
        "GraphMapping",
        "InteractionMapping",
        "NodeMapping",
        "TextMapping",
    ),
    "migration": ("READ_VERSION", "RECORD_VERSION", "Migration", "latest_version", "migrations"),
    "report": ("Problem", "ValidationReport"),
}


def __getattr__(name: str) -> Any:
    for home, names in _HOMES.items():
        if name in names:
            value = getattr(import_module(f"graph_schema.{home}"), name)
            globals()[name] = value
            return value
    raise AttributeError(f"module 'graph_schema' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
