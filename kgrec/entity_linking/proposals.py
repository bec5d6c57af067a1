"""Proposed facts as a CSV file to check, and the accepted ones as a catalog to write."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from graph_schema import Catalog
from graph_schema.output.spreadsheets import guarded_frame, unguarded_frame
from kgrec.errors import RequestError, SourceError

TEXT = "text"  # property ``origin`` of an accepted fact
_NEEDED = ("item_id", "relation", "entity_id")
_NO = ("0", "0.0", "false", "no")
_YES = ("1", "1.0", "true", "yes", "")


def accept(proposals: pd.DataFrame) -> Catalog:
    """The accepted proposals as a catalog of facts, for ``store.write`` or ``update``.

    Writing it twice changes nothing; a fact that exists already stays one fact.

    Parameters
    ----------
    proposals
        Rows of ``link_entities``. Rows with 0, no or false in a column ``accept`` are left out;
        without that column all are taken.

    Returns
    -------
    Catalog
        Facts with the properties ``origin`` ("text") and ``confidence``.

    Raises
    ------
    RequestError
        A missing column, an empty id, or a value of ``accept`` that is neither yes nor no.
    """
    missing = [name for name in _NEEDED if name not in proposals]
    if missing:
        raise RequestError(
            f"the proposals have no column {', '.join(missing)}. Cure: give the frame that "
            "link_entities made, or the file that kgrec link wrote."
        )
    kept = accepted_rows(proposals)
    kept = kept.sort_values("confidence", ascending=False) if "confidence" in kept else kept
    forward = _flags(kept, "forward")
    ids = {name: kept[name].astype(str) for name in _NEEDED}
    if any((values == "").any() or kept[name].isna().any() for name, values in ids.items()):
        raise RequestError("a proposal lacks its item_id, relation or entity_id. Cure: fill it in.")
    facts = pd.DataFrame(
        {
            "head": ids["item_id"].where(forward, ids["entity_id"]),
            "head_type": forward.map({True: "item", False: "entity"}),
            "relation": ids["relation"],
            "tail": ids["entity_id"].where(forward, ids["item_id"]),
            "tail_type": forward.map({True: "entity", False: "item"}),
            "origin": TEXT,
        }
    )
    if "confidence" in kept:
        facts["confidence"] = kept["confidence"].astype(float)
    keys = ["head", "head_type", "relation", "tail", "tail_type"]
    return Catalog.from_frames(facts=facts.drop_duplicates(keys))


def write_proposals(proposals: pd.DataFrame, path: Path) -> Path:
    """Write proposals as CSV with a first column ``accept``: of ones, unless they have it already.

    Set it to 0, or delete the row, where a proposal is wrong. Raises SourceError where the file
    can't be written.
    """
    others = [column for column in proposals if column != "accept"]
    marked = proposals if "accept" in proposals else proposals.assign(accept=1)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        guarded_frame(marked[["accept", *others]]).to_csv(path, index=False)
    except OSError as error:
        raise SourceError(
            f"{path}: {error.strerror or error}. Cure: choose another file."
        ) from None
    return path


def read_proposals(path: Path) -> pd.DataFrame:
    """Read the file of ``write_proposals``, with the changes made by hand; ids are strings.

    Raises SourceError.
    """
    try:
        frame = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8")
    except (OSError, UnicodeDecodeError, ValueError) as error:
        raise SourceError(f"{path}: {error}. Cure: give the file that kgrec link wrote.") from None
    frame = unguarded_frame(frame)
    if "confidence" not in frame:
        return frame
    numbers = pd.to_numeric(frame["confidence"], errors="coerce")
    if numbers.isna().any():
        line = int(numbers.isna().to_numpy().argmax()) + 2
        raise SourceError(f"{path}, line {line}: confidence is not a number. Cure: correct it.")
    return frame.assign(confidence=numbers)


def accepted_rows(proposals: pd.DataFrame) -> pd.DataFrame:
    """The proposals without those that say no in a column ``accept``. Raises RequestError for a
    value that is neither yes nor no."""
    return proposals[_flags(proposals, "accept")]


def _flags(frame: pd.DataFrame, column: str) -> pd.Series[bool]:
    """The column as bool; True where it does not exist."""
    if column not in frame:
        return pd.Series(True, index=frame.index)
    values = frame[column].astype(str).str.strip().str.lower()
    wrong = ~values.isin([*_YES, *_NO])
    if wrong.any():
        row = int(wrong.to_numpy().argmax())
        raise RequestError(
            f"row {row + 1} of the proposals: {column} is {frame[column].iloc[row]!r}. "
            "Cure: write 1 or 0."
        )
    return ~values.isin(_NO)
