"""FileTable: the rows of one file."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa


@dataclass(frozen=True)
class FileTable:
    """The rows of a file, without ``blank`` blank rows.

    All columns of a delimited file are text; ``typed``: the columns have the types that the file
    gives them. ``rows`` int64 ``[n]`` are the row numbers, ``notes`` what a user should know of the
    content.
    """

    table: pa.Table
    rows: np.ndarray
    blank: int = 0
    notes: tuple[str, ...] = ()
    typed: bool = False
