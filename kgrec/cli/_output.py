"""Answers on stdout: a table for a person, or one JSON document for a program."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from graph_schema.output.printable import escaped_inside, printable, printable_line
from kgrec.cli._console import is_utf8, show
from kgrec.presentation import plain_value

if TYPE_CHECKING:
    import pandas as pd


def print_json(value: Any) -> None:
    """One line of JSON. NaN and infinities become null, which every JSON reader accepts; where
    stdout is not UTF-8, signs beyond ASCII become \\uXXXX."""
    escaped = not is_utf8(sys.stdout)
    text = json.dumps(plain_value(value), ensure_ascii=escaped, allow_nan=False)
    show(escaped_inside(text))


def print_frame(frame: pd.DataFrame, as_json: bool, title: str = "") -> None:
    """The rows as a table, or as a JSON list with one object per row."""
    if as_json:
        print_json(frame.to_dict(orient="records"))
        return
    import pandas as pd
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(title=Text(printable(title)) if title else None, title_justify="left")
    for column in frame.columns:
        numeric = pd.api.types.is_numeric_dtype(frame[column])
        head = Text(printable(str(column)))
        table.add_column(head, justify="right" if numeric else "left", overflow="fold")
    for row in frame.itertuples(index=False):
        table.add_row(*(Text(printable(_cell(value))) for value in row))
    Console(soft_wrap=False).print(table)


def print_values(values: Mapping[str, Any], as_json: bool) -> None:
    """Names and values, one a line, or one JSON object."""
    if as_json:
        print_json(dict(values))
        return
    width = max((len(name) for name in values), default=0)
    for name, value in values.items():
        show(f"{name:<{width}}  {printable_line(_cell(value))}")


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return "" if math.isnan(value) else f"{value:.4f}"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return "" if value is None else str(value)
