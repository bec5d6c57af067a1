"""Catalog: the typed frames that a loader returns and a store takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pandas as pd
import pyarrow as pa


@dataclass(frozen=True, eq=False)
class Catalog:
    """Seven frames, each an Arrow table inside and a pandas DataFrame at the surface.

    ``tables`` maps a frame's name to its table; a frame that is absent is an empty table with its
    key columns. ``sources`` maps a frame's name to the file it came from, for error messages.
    """

    tables: Mapping[str, pa.Table]
    sources: Mapping[str, str] = field(default_factory=dict)

    def frame(self, name: str) -> pd.DataFrame:
        return self.tables[name].to_pandas()

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
