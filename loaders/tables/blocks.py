"""Texts whose rows are several lines, or belong to a line above them: no tables."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import Final

from graph_schema.report import shown

_HEAD: Final = re.compile(r"[^\s,;|]+:")  # of Netflix: the film of the lines below
_FIELD: Final = re.compile(r"([A-Za-z][\w/ -]*):\s")  # of SNAP: a name and its value
_LINES: Final = 200
_CURE: Final = "write a table of it, with the user, the item, the rating and the time in each row"


def blocks_in(lines: Sequence[str]) -> str:
    """What the lines of a text are if they are no rows of a table, with the cure; "" else."""
    given = [line.strip() for line in lines if line.strip()][:_LINES]
    if len(given) < 2:
        return ""
    if _HEAD.fullmatch(given[0]) and not all(map(_HEAD.fullmatch, given)):
        return f"lines such as {shown(given[0])} say what the lines below belong to; {_CURE}"
    names = Counter(found[1] for line in given if (found := _FIELD.match(line)))
    if sum(names.values()) == len(given) and max(names.values()) > 1 and len(names) > 1:
        return f"each line is a name and a value, such as {shown(given[0])}; {_CURE}"
    return _lists([line.split() for line in given])


def _lists(rows: list[list[str]]) -> str:
    """Lines that have as many numbers as a user has items."""
    widths = {len(row) for row in rows}
    if len(widths) < 2 or not all(one.isdecimal() for row in rows for one in row):
        return ""
    if all(int(row[0]) == len(row) - 1 for row in rows):
        return f"each line is a count and that many numbers; {_CURE}"
    return (
        "its lines have different counts of numbers; if they are a user and the items, call it "
        "train.txt (the format kgat, which has no times)"
    )
