"""kgrec's errors: the one tree under KgrecError (defined next to the schema, which comes first)."""

from graph_schema.errors import (
    CatalogError,
    KgrecError,
    ModelError,
    QueryError,
    RequestError,
    SourceError,
    StoreAuthError,
    StoreConnectionError,
    StoreError,
    StoreFileError,
    TextModelError,
    TrainingError,
)

__all__ = [
    "CatalogError",
    "KgrecError",
    "MissingPackageError",
    "ModelError",
    "QueryError",
    "RequestError",
    "SourceError",
    "StoreAuthError",
    "StoreConnectionError",
    "StoreError",
    "StoreFileError",
    "TextModelError",
    "TrainingError",
]


class MissingPackageError(KgrecError):
    """A feature needs a package that is not installed; the message names the extra to install."""
