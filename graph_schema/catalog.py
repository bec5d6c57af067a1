"""Catalog: the typed frames that a loader returns and a store writes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from graph_schema.build import build, derive_frame, integer_labels
from graph_schema.conversion.frames import Frame
from graph_schema.disk.paths import given_path
from graph_schema.errors import CatalogError
from graph_schema.files import read_tables, write_tables
from graph_schema.names import FRAMES
from graph_schema.report import ValidationReport
from graph_schema.validation import validate_tables
from graph_schema.vectors import GivenVectors, to_matrix, vector_columns


@dataclass(frozen=True, eq=False)
class Catalog:
    """The typed frames of a graph.

    They are users, items, entities, interactions, facts, reviews, queries and scenarios. Each frame
    is held as an Arrow table; the properties of the same names return DataFrames.

    Attributes
    ----------
    tables : mapping of str to pyarrow.Table
        The table of each frame. An absent frame is an empty table with its key columns.
    sources : mapping of str to str
        The file each frame was read from, for error messages.
    rows : mapping of str to ndarray
        The row number of each record in that file, int64 ``[n]``, for error messages.
    dropped : mapping of str to int
        The number of exact repeats of nodes and facts that were dropped, per frame.
    integer_ids : frozenset of str
        The labels ("User", "Item", "Entity") whose ids were integers in the given frames.
    derived : frozenset of str
        The frames of nodes that were not given: their ids are those that other frames name.
    notes : tuple of str
        What was left out of the frames, in sentences.
    """

    tables: Mapping[str, pa.Table]
    sources: Mapping[str, str] = field(default_factory=dict)
    rows: Mapping[str, np.ndarray] = field(default_factory=dict)
    dropped: Mapping[str, int] = field(default_factory=dict)
    integer_ids: frozenset[str] = frozenset()
    derived: frozenset[str] = frozenset()
    notes: tuple[str, ...] = ()

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
        """Build a catalog from DataFrames, Arrow tables or anything that gives an Arrow stream.

        Parameters
        ----------
        users, items, entities, scenarios : DataFrame or pyarrow.Table, optional
            The nodes. If one is None, its ids are taken from the other frames. If it is given, an
            id that is missing from it is a problem.
        interactions, facts : DataFrame or pyarrow.Table, optional
            The edges: users with items, and any two nodes.
        reviews, queries : DataFrame or pyarrow.Table, optional
            Texts. A missing review_id or query_id is made from the row's content.
        vectors : mapping, optional
            Vectors of items by name ("image"): item ids ``[n]`` and numbers ``[n, size]``. A column
            of lists of floats in ``items`` is one too. Items that are left out have no vector.
        sources, rows : mapping, optional
            The file of each frame and the row numbers in it, for error messages.

        Returns
        -------
        Catalog
            Ids and texts are strings, timestamps int64 unix seconds, ratings float64. Columns that
            kgrec doesn't know are kept. Call ``validate`` to check ids, ends and names.

        Raises
        ------
        CatalogError
            If a required column is missing or a value doesn't fit its column. The error lists every
            problem of the catalog.
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
        extra = {"vectors": vectors, "sources": sources, "rows": rows}
        for name, value in extra.items():
            if value is not None and not isinstance(value, Mapping):
                kind = type(value).__name__
                raise CatalogError(f"{name} is a {kind}; give a mapping by name, or None.")
        collector, parts = build(given, vectors or {}, dict(sources or {}), dict(rows or {}))
        catalog = cls(
            parts.tables,
            parts.sources,
            parts.rows,
            parts.dropped,
            integer_labels(given),
            frozenset(parts.derived),
            tuple(collector.notes),
        )
        if collector.problems:
            others = () if parts.incomplete else catalog.validate().problems
            ValidationReport((*collector.problems, *others)).raise_if_any()
        return catalog

    @classmethod
    def read_parquet(cls, folder: str | Path) -> Catalog:
        """Read a catalog that ``to_parquet`` wrote.

        Parameters
        ----------
        folder : str or Path
            The folder with catalog.json.

        Returns
        -------
        Catalog
            Equal to the catalog that was written.

        Raises
        ------
        SourceError
            If the catalog is missing, incomplete, damaged, or written by a newer kgrec.
        """
        tables, sources = read_tables(given_path(folder, "the catalog's folder"))
        if "scenarios" not in sources:  # written before kgrec had this frame
            tables["scenarios"] = derive_frame("scenarios", tables)
        return cls(tables, sources)

    def to_parquet(self, folder: str | Path) -> Path:
        """Write the catalog to a folder: one Parquet file per frame and a JSON manifest.

        The manifest is replaced last, in one step. If writing is interrupted, a reader finds the
        old catalog, complete.

        Parameters
        ----------
        folder : str or Path
            The folder to write to; it is made if it doesn't exist.

        Returns
        -------
        Path
            The folder.

        Raises
        ------
        SourceError
            If the folder can't be written, for example because the disk is full, another writer
            writes a catalog there, or its catalog.json is of somebody else.
        """
        return write_tables(self.tables, given_path(folder, "the catalog's folder"))

    def frame(self, name: str) -> pd.DataFrame:
        """Return a frame as a new DataFrame.

        Parameters
        ----------
        name : str
            The name of the frame, such as "items".

        Returns
        -------
        DataFrame
            The columns of the table, with pandas' own dtypes. A column of integers with absent
            values has the dtype Int64. Vectors of items are left out; see ``vectors``.
        """
        table = self.tables[name]
        table = table.drop_columns(vector_columns(table))
        frame: pd.DataFrame = table.to_pandas()
        for column in table.column_names:
            if pa.types.is_int64(table.schema.field(column).type) and column in frame:
                frame[column] = _with_absent_integers(table.column(column), frame[column])
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
        """Users: user_id and attributes."""
        return self.frame("users")

    @property
    def items(self) -> pd.DataFrame:
        """Items: item_id, title and attributes."""
        return self.frame("items")

    @property
    def entities(self) -> pd.DataFrame:
        """Entities: entity_id, name, kind and attributes."""
        return self.frame("entities")

    @property
    def interactions(self) -> pd.DataFrame:
        """Interactions: user_id, item_id; if known, rating, timestamp, event, scenario, split."""
        return self.frame("interactions")

    @property
    def facts(self) -> pd.DataFrame:
        """Facts: head, head_type, relation, tail, tail_type and attributes."""
        return self.frame("facts")

    @property
    def reviews(self) -> pd.DataFrame:
        """Reviews: review_id, user_id, item_id, text and, if known, rating, timestamp."""
        return self.frame("reviews")

    @property
    def queries(self) -> pd.DataFrame:
        """Search queries: query_id, text, user_id, item_id and, if known, timestamp, scenario."""
        return self.frame("queries")

    @property
    def scenarios(self) -> pd.DataFrame:
        """Scenarios: scenario_id, description and attributes."""
        return self.frame("scenarios")

    @cached_property
    def _report(self) -> ValidationReport:
        return validate_tables(self.tables, self.sources, self.rows)

    def validate(self) -> ValidationReport:
        """Check types, ids, ends, times and names of the whole catalog.

        Returns
        -------
        ValidationReport
            Every problem with its file, row, column and cure. It is computed once.
        """
        return self._report

    def summary(self) -> pd.DataFrame:
        """Summarise the frames that have rows.

        Returns
        -------
        DataFrame
            One row per frame: ``frame`` (str), ``rows`` (int64, their number), ``columns`` (str,
            joined by ", ") and ``source`` (str, the file or "").
        """
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
        """Compare two catalogs.

        Parameters
        ----------
        other : Catalog
            The other catalog.

        Returns
        -------
        bool
            Whether columns, types, values and the order of rows are the same in every frame.
        """
        return all(self.tables[name].equals(other.tables[name]) for name in FRAMES)

    def __repr__(self) -> str:
        counts = (f"{name} {self.tables[name].num_rows:,}" for name in FRAMES)
        return f"Catalog({', '.join(counts)})"


def _with_absent_integers(column: pa.ChunkedArray, floats: pd.Series) -> pd.Series:
    """Return a column of integers with the dtype Int64, if some are absent."""
    if not column.null_count:
        return floats
    return pd.Series(column.to_pandas(types_mapper={pa.int64(): pd.Int64Dtype()}.get))
