"""Load DataFrames and Arrow tables as a catalog."""

from __future__ import annotations

from typing import Any

from graph_schema.names import FRAMES
from loaders.builder import CatalogBuilder
from loaders.report import LoadResult


def frames(
    users: Any = None,
    items: Any = None,
    entities: Any = None,
    interactions: Any = None,
    facts: Any = None,
    reviews: Any = None,
    queries: Any = None,
    scenarios: Any = None,
) -> LoadResult:
    """Load pandas DataFrames or Arrow tables with the columns of the CSV layout.

    Parameters
    ----------
    users, items, entities, interactions, facts, reviews, queries, scenarios : frame, optional
        A DataFrame, an Arrow table, or any frame that offers Arrow (polars, duckdb). If users,
        items, entities or scenarios is None, its ids are taken from the other frames.

    Returns
    -------
    LoadResult
        The valid catalog, and the report of the rows read, kept and dropped.

    Raises
    ------
    CatalogError
        With every problem. The rows in its messages are positions counted from 0.
    """
    values = (users, items, entities, interactions, facts, reviews, queries, scenarios)
    builder = CatalogBuilder()
    for name, frame in zip(FRAMES, values, strict=True):
        if frame is not None:
            builder.add(name, frame, f"{name} frame")
            builder.report.file(f"{name} frame")
    result = builder.build()
    for name in builder.tables:
        file = result.report.file(f"{name} frame")
        file.read = result.catalog.tables[name].num_rows + result.catalog.dropped.get(name, 0)
    return result
