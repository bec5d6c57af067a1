"""Tables: answers that are the rows of a DataFrame."""

from __future__ import annotations

import pandas as pd

from kgrec.presentation import plain_value
from kgrec.serving.problems import Problem
from kgrec.serving.service import Served
from kgrec.serving.verbs.answers import RowsAnswer
from kgrec.serving.verbs.call import Call


def rows_answer(served: Served, frame: pd.DataFrame) -> RowsAnswer:
    """The rows of a frame, with values of JSON."""
    rows = [
        {str(name): plain_value(value) for name, value in row.items()}
        for row in frame.to_dict(orient="records")
    ]
    return RowsAnswer(model=served.entry.name, rows=rows)


def people_only(call: Call, why: str) -> None:
    """Raise Problem where other people are not to be shown."""
    if not call.people:
        raise Problem(
            403, "person", f"{why} in this answer; add people=true, with a key of scope admin."
        )
