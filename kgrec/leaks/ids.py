"""Ids of one label that differ in case or white space alone."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from kgrec.graph.snapshot import GraphSnapshot, NodeTable
from kgrec.leaks.finding import Finding

_SHARE = 0.001  # of the ids that differ in case alone: mixed codes may do so by chance


def ids_found(graph: GraphSnapshot) -> Iterator[Finding]:
    """Users, items and entities that are probably there twice."""
    for nodes in (graph.users, graph.items, graph.entities):
        if nodes.whole_numbers:
            continue
        ids = pd.Series(nodes.ids, dtype=object).astype(str)
        spaced = ids.str.split().str.join(" ")
        twice = spaced.duplicated(keep=False)
        if twice.any():
            yield _finding(nodes, ids, spaced, "white space", int(twice.sum()))
            continue
        folded = spaced.str.casefold()
        twice = folded.duplicated(keep=False)
        if twice.sum() > max(1.0, _SHARE * len(ids)):
            yield _finding(nodes, ids, folded, "upper and lower case", int(twice.sum()))


def _finding(
    nodes: NodeTable, ids: pd.Series, written: pd.Series, what: str, count: int
) -> Finding:
    first = written[written.duplicated()].iloc[0]
    pair = ids[written == first].tolist()[:2]
    return Finding(
        "ids alike",
        "warning",
        f"{nodes.label} ids",
        f"{count:,} of {len(ids):,} ids differ from another one in {what} alone, so that one thing "
        "may be two nodes.",
        "Write each id in one way before loading.",
        {"ids": count},
        " and ".join(map(repr, pair)),
    )
