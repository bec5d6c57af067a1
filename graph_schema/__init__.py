"""What may be in the graph: frames, their validation, migrations, mappings of other graphs."""

from graph_schema.catalog import Catalog
from graph_schema.errors import CatalogError, KgrecError, SourceError
from graph_schema.report import Problem, ValidationReport

__all__ = [
    "Catalog",
    "CatalogError",
    "KgrecError",
    "Problem",
    "SourceError",
    "ValidationReport",
]
