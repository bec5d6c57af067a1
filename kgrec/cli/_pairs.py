"""Files of user–item pairs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from graph_schema.errors import SourceError

if TYPE_CHECKING:
    import pandas as pd


def read_pairs(path: Path) -> pd.DataFrame:
    """The rows of a CSV or Parquet file; user_id, item_id and scenario of a CSV file as text.
    Raises SourceError."""
    import pandas as pd

    kind = "Parquet" if path.suffix.lower() == ".parquet" else "CSV"
    try:
        if kind == "Parquet":
            return pd.read_parquet(path)
        return pd.read_csv(path, dtype={"user_id": str, "item_id": str, "scenario": str})
    except (ValueError, OSError) as error:
        raise SourceError(
            f"{path} can't be read as {kind} ({error}); give user_id,item_id rows."
        ) from error
