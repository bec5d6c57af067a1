"""Files of user–item pairs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from graph_schema.errors import SourceError

if TYPE_CHECKING:
    import pandas as pd


def read_pairs(path: Path) -> pd.DataFrame:
    """The rows of a CSV file; user_id, item_id and scenario as text. Raises SourceError."""
    import pandas as pd

    try:
        return pd.read_csv(path, dtype={"user_id": str, "item_id": str, "scenario": str})
    except (ValueError, OSError) as error:
        raise SourceError(
            f"{path} can't be read as CSV ({error}); give user_id,item_id rows."
        ) from error
