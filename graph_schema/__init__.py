"""The schema of the graph: the frames of a catalog, validation, migrations, and graph mappings."""

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
