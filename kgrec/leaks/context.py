"""Columns of interactions that never vary within an item or a user, and so are attributes."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from kgrec.graph.columns import codes_and_names
from kgrec.graph.context_columns import is_attribute
from kgrec.graph.snapshot import GraphSnapshot
from kgrec.leaks.finding import Finding


def context_found(graph: GraphSnapshot) -> Iterator[Finding]:
    """Context columns that would tell the target."""
    events = graph.interactions
    for name, column in events.context.items():
        own, names = codes_and_names(column)
        known = names[own] != "" if len(names) else np.zeros(0, dtype=bool)
        if len(np.unique(own[known])) < 2:
            continue
        for end, table in ((events.item, "item"), (events.user, "user")):
            if is_attribute(np.asarray(end)[known], np.asarray(own[known])):
                yield _finding(name, table, str(names[own[np.argmax(known)]]))
                break


def _finding(name: str, table: str, value: str) -> Finding:
    return Finding(
        "column is an attribute",
        "warning",
        f"interactions, {name}",
        f"its value is the same in all rows of one {table}: as a circumstance it would tell the "
        "target.",
        f"Leave it out of context.columns, and give it as a column of {table}s.",
        example=f"the value {value!r}",
    )
