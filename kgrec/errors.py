"""kgrec's errors: the one tree under KgrecError (defined next to the schema, which comes first)."""

from graph_schema.errors import (
    CatalogError,
    DeviceError,
    KgrecError,
    MissingExtraError,
    ModelError,
    NotFittedError,
    QueryError,
    RequestError,
    SourceError,
    StoreAuthError,
    StoreConnectionError,
    StoreError,
    StoreFileError,
    TextModelError,
    TrainingError,
    reason,
)

__all__ = [
    "CatalogError",
    "DeviceError",
    "KgrecError",
    "MissingExtraError",
    "ModelError",
    "NotFittedError",
    "QueryError",
    "RequestError",
    "SourceError",
    "StoreAuthError",
    "StoreConnectionError",
    "StoreError",
    "StoreFileError",
    "TextModelError",
    "TrainingError",
    "reason",
]
