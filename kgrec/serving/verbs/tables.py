"""Tables: answers that are the rows of a DataFrame."""

from __future__ import annotations

from typing import Any

import pandas as pd

from kgrec.presentation import plain_value
from kgrec.serving.problems import Problem
from kgrec.serving.service import Served
from kgrec.serving.verbs.answers import RowsAnswer
from kgrec.serving.verbs.call import Call


def plain_rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows of a frame, with values of JSON."""
    return [
        {str(name): plain_value(value) for name, value in row.items()}
        for row in frame.to_dict(orient="records")
    ]


def rows_answer(served: Served, frame: pd.DataFrame) -> RowsAnswer:
    """The rows of a frame as an answer."""
    return RowsAnswer(model=served.entry.name, rows=plain_rows(frame))


def people_only(call: Call, why: str) -> None:
    """Raise Problem where other people are not to be shown."""
    if not call.people:
        raise Problem(
            403, "person", f"{why} in this answer; add people=true, with a key of scope admin."
        )
