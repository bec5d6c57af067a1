"""Files of user–item pairs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from graph_schema.errors import SourceError
from kgrec.cli._pseudonyms import with_stored_ids

if TYPE_CHECKING:
    import pandas as pd


def read_pairs(path: Path) -> pd.DataFrame:
    """The rows of a CSV or Parquet file; user_id, item_id and scenario of a CSV file as text,
    users as the graph has them. Raises SourceError."""
    import pandas as pd

    kind = "Parquet" if path.suffix.lower() == ".parquet" else "CSV"
    try:
        if kind == "Parquet":
            frame = pd.read_parquet(path)
        else:
            texts = {"user_id": str, "item_id": str, "scenario": str}
            frame = pd.read_csv(path, dtype=texts)
    except (ValueError, OSError) as error:
        raise SourceError(
            f"{path} can't be read as {kind} ({error}); give user_id,item_id rows."
        ) from error
    return with_stored_ids(frame)
