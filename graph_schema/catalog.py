"""Catalog: the typed frames that a loader returns and a store takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from graph_schema import build, files
from graph_schema.coerce import Frame
from graph_schema.names import FRAMES
from graph_schema.report import ValidationReport
from graph_schema.validation import validate
from graph_schema.vectors import GivenVectors, to_matrix, vector_columns


@dataclass(frozen=True, eq=False)
class Catalog:
    """Eight frames, each an Arrow table inside and a pandas DataFrame at the surface.

    ``tables`` maps a frame's name to its table; a frame that is absent is an empty table with its
    key columns. ``sources`` maps a frame's name to the file it came from and ``rows`` to the number
    each row has there (int64 ``[n]``), for error messages. ``dropped`` counts, per frame, the exact
    repeats of nodes and facts that were left out.
    """

    tables: Mapping[str, pa.Table]
    sources: Mapping[str, str] = field(default_factory=dict)
    rows: Mapping[str, np.ndarray] = field(default_factory=dict)
    dropped: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def from_frames(
        cls,
        users: Frame | None = None,
        items: Frame | None = None,
        entities: Frame | None = None,
        interactions: Frame | None = None,
        facts: Frame | None = None,
        reviews: Frame | None = None,
        queries: Frame | None = None,
        scenarios: Frame | None = None,
        *,
        vectors: Mapping[str, GivenVectors] | None = None,
        sources: Mapping[str, str] | None = None,
        rows: Mapping[str, np.ndarray] | None = None,
    ) -> Catalog:
        """A catalog of DataFrames or Arrow tables, with kgrec's column types.

        Ids become strings, times int64 unix seconds, ratings float64; further columns are kept.
        Where ``users``, ``items``, ``entities`` or ``scenarios`` is None, its ids are taken from
        the other frames; where it is given, an id missing from it is an error. Missing review and
        query ids are made from the row's content. ``vectors`` maps a name ("image") to item ids
        ``[n]`` and numbers ``[n, size]``; a column of lists of floats in ``items`` is one too.
        Items that are left out have no vector. Raises CatalogError, with every problem of the
        whole catalog, if a value doesn't fit its column; call ``validate`` for the other checks.
        """
        given = {
            "users": users,
            "items": items,
            "entities": entities,
            "interactions": interactions,
            "facts": facts,
            "reviews": reviews,
            "queries": queries,
            "scenarios": scenarios,
        }
        found, parts = build.build(given, vectors or {}, dict(sources or {}), dict(rows or {}))
        catalog = cls(parts.tables, parts.sources, parts.rows, parts.dropped)
        if found.problems:
            rest = () if parts.broken else catalog.validate().problems
            ValidationReport((*found.problems, *rest)).raise_if_any()
        return catalog

    @classmethod
    def read_parquet(cls, folder: str | Path) -> Catalog:
        """The catalog that ``to_parquet`` wrote. Raises SourceError if it is missing, incomplete,
        damaged or of a newer version."""
        tables, sources = files.read(Path(folder))
        if "scenarios" not in sources:  # written before there was such a frame
            tables["scenarios"] = build.derived("scenarios", tables)
        return cls(tables, sources)

    def to_parquet(self, folder: str | Path) -> Path:
        """Write the catalog to a folder, one Parquet file a frame and a JSON manifest.

        The manifest is replaced last and at once, so that a reader finds the old catalog or the new
        one, whatever interrupts the writing. Raises SourceError where the disk refuses.
        """
        return files.write(self.tables, Path(folder))

    def frame(self, name: str) -> pd.DataFrame:
        """The frame ``name`` as a new DataFrame; whole numbers stay whole where some are absent
        (dtype Int64). Vectors of items are left out; see ``vectors``."""
        table = self.tables[name]
        table = table.drop_columns(vector_columns(table))
        frame: pd.DataFrame = table.to_pandas()
        for column in table.column_names:
            if pa.types.is_int64(table.schema.field(column).type) and column in frame:
                frame[column] = _whole(table.column(column), frame[column])
        return frame

    @property
    def vectors(self) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """Vectors of items by name: the ids (object ``[m]``) of the items that have one, and the
        numbers, float32 ``[m, size]``."""
        items = self.tables["items"]
        ids = items.column("item_id").to_numpy()
        found = {name: to_matrix(items.column(name)) for name in vector_columns(items)}
        return {name: (ids[rows], vectors) for name, (rows, vectors) in found.items()}

    @property
    def users(self) -> pd.DataFrame:
        return self.frame("users")

    @property
    def items(self) -> pd.DataFrame:
        return self.frame("items")

    @property
    def entities(self) -> pd.DataFrame:
        return self.frame("entities")

    @property
    def interactions(self) -> pd.DataFrame:
        return self.frame("interactions")

    @property
    def facts(self) -> pd.DataFrame:
        return self.frame("facts")

    @property
    def reviews(self) -> pd.DataFrame:
        return self.frame("reviews")

    @property
    def queries(self) -> pd.DataFrame:
        return self.frame("queries")

    @property
    def scenarios(self) -> pd.DataFrame:
        return self.frame("scenarios")

    @cached_property
    def _report(self) -> ValidationReport:
        return validate(self)

    def validate(self) -> ValidationReport:
        """Every problem of the catalog as a whole; computed once."""
        return self._report

    def summary(self) -> pd.DataFrame:
        """One row a frame that has any: its rows, its columns and the file it came from."""
        lines = [
            {
                "frame": name,
                "rows": self.tables[name].num_rows,
                "columns": ", ".join(self.tables[name].column_names),
                "source": self.sources.get(name, ""),
            }
            for name in FRAMES
            if self.tables[name].num_rows
        ]
        return pd.DataFrame(lines, columns=["frame", "rows", "columns", "source"])

    def equals(self, other: Catalog) -> bool:
        """Whether both hold the same frames: columns, types, values and order of rows."""
        return all(self.tables[name].equals(other.tables[name]) for name in FRAMES)

    def __repr__(self) -> str:
        counts = (f"{name} {self.tables[name].num_rows:,}" for name in FRAMES)
        return f"Catalog({', '.join(counts)})"


def _whole(column: pa.ChunkedArray, floats: pd.Series) -> pd.Series:
    if not column.null_count:
        return floats
    return pd.Series(column.to_pandas(types_mapper={pa.int64(): pd.Int64Dtype()}.get))
