"""DataFrames and Arrow tables a caller has already, as a valid catalog."""

from __future__ import annotations

from typing import Any

from graph_schema.catalog import Catalog
from graph_schema.names import FRAMES
from loaders.report import LoadReport, LoadResult


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
    given = {name: frame for name, frame in zip(FRAMES, values, strict=True) if frame is not None}
    sources = {name: f"{name} frame" for name in given}
    catalog = Catalog.from_frames(**given, sources=sources)
    catalog.validate().raise_if_any()
    report = LoadReport()
    for name, frame in given.items():
        file = report.file(sources[name])
        file.read = len(frame)
        file.drop("exact repeat of an earlier row", catalog.dropped.get(name, 0))
    return LoadResult(catalog, report)
