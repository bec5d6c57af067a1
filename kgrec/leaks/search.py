"""find_leaks: all checks over one graph."""

from __future__ import annotations

import warnings
from pathlib import Path

from graph_schema.catalog import Catalog
from graph_schema.names import INTERACTED, ITEM, USER
from kgrec.graph.snapshot import GraphSnapshot
from kgrec.graph.source import read_source
from kgrec.leaks.attributes import attributes_found
from kgrec.leaks.context import context_found
from kgrec.leaks.finding import LeakReport
from kgrec.leaks.ids import ids_found
from kgrec.leaks.relations import relations_found
from kgrec.leaks.splits import splits_found
from kgrec.leaks.times import times_found
from kgrec.stores.base import EdgeType, GraphStore

_CHECKS = (
    times_found,
    splits_found,
    attributes_found,
    relations_found,
    context_found,
    ids_found,
)
_OWN = {"user_id", "item_id", "source", "target", "timestamp", "rating", "event"}
_OWN |= {"scenario", "split"}


def find_leaks(source: GraphStore | Catalog | GraphSnapshot | str | Path) -> LeakReport:
    """What in the data tells rows of the split "test", and what of it is probably a mistake.

    Nothing is fitted and nothing is changed. Equal graphs give equal reports.

    Parameters
    ----------
    source : GraphStore, Catalog, GraphSnapshot or path
        The graph, test rows included; a path is that of a folder of ``kgrec snapshot``. Of a store
        and of a catalog further columns of interactions are read and checked; of a snapshot those
        that it was read with.

    Returns
    -------
    LeakReport
        The findings, the gravest first.

    Raises
    ------
    RequestError
        For anything else.
    CatalogError, StoreError, SourceError
        If the graph can't be read.
    """
    graph = read_source(source, context=_columns(source))
    return LeakReport.of([one for check in _CHECKS for one in check(graph)])


def leaks_at_fit(graph: GraphSnapshot, *, private: bool = False) -> LeakReport | None:
    """The report of a graph that is to be fitted, without rows, and a warning of each leak; None
    for a private fit, which says nothing of people's rows."""
    if private:
        return None
    report = find_leaks(graph)
    for one in report.leaks:
        warnings.warn(f"figures on test rows will be too good. {one}", stacklevel=3)
    return report.without_examples()


def _columns(source: object) -> list[str]:
    """The columns of interactions, beside those that all have, that hold values."""
    if isinstance(source, Catalog):
        table = source.tables["interactions"]
    elif isinstance(source, GraphStore):
        edge = EdgeType(USER, INTERACTED, ITEM)
        kinds = [one for one in source.edge_types() if one.name == INTERACTED]
        table = source.read_edges(kinds[0] if kinds else edge)
    else:
        return []
    named = [name for name in table.column_names if name not in _OWN]
    return [name for name in named if table[name].null_count < table.num_rows]
