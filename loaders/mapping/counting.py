"""Counting what is left out, where a row of a file may have become several rows."""

from __future__ import annotations

import numpy as np

from loaders.report import FileReport


def left_out(file: FileReport, rows: np.ndarray, kept: np.ndarray, reason: str) -> None:
    """Count the rows of the file of which nothing is kept as dropped, and single values of rows of
    which something is kept in a note.

    ``rows`` (int64 ``[n]``) are the rows of the file, ``kept`` (bool ``[n]``) which are kept.
    """
    if kept.all():
        return
    gone = rows[~kept]
    whole = np.unique(gone[~np.isin(gone, rows[kept])])
    if len(whole):
        file.drop(f"{reason}, first in row {int(whole[0])}", len(whole))
    values = int(np.isin(gone, rows[kept]).sum())
    if values:
        file.notes.append(
            f"{values:,} values of rows with several were left out: {reason} (the first in row "
            f"{int(gone[0])})."
        )
