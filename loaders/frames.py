"""DataFrames and Arrow tables a caller has already, as a valid catalog."""

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
    """A catalog of pandas DataFrames or Arrow tables with the columns of the CSV layout.

    Node frames that are None are derived from the others. Rows in the messages are positions
    counted from 0. Raises CatalogError with every problem.
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
