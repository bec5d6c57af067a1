"""Writing a catalog into a store for ``kgrec load``, and saying what changed there."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from kgrec.cli._console import show
from kgrec.cli._output import print_frame, print_json, print_values
from kgrec.cli._progress import say
from kgrec.progress import Progress

if TYPE_CHECKING:
    import pandas as pd

    from graph_schema import Catalog
    from kgrec.stores import GraphStore
    from kgrec.stores.comparison import FrameDifference

SHOWN = 20  # scenarios listed after a load


@dataclass(frozen=True)
class Outcome:
    """What a load did to a store, or would do.

    Attributes
    ----------
    rows : mapping
        The rows of the files, by frame.
    difference : mapping
        What was added, changed and unchanged, by frame; None for a store that held nothing.
    stored : mapping
        The rows in the store afterwards, by frame.
    seconds : float or None
        How long the write took; None where nothing was written.
    replaced : bool
        Whether the store holds the files' rows alone afterwards.
    """

    rows: Mapping[str, int]
    difference: Mapping[str, FrameDifference] | None
    stored: Mapping[str, int]
    seconds: float | None
    replaced: bool


def write(graph: GraphStore, catalog: Catalog, *, replace: bool, progress: Progress) -> Outcome:
    """Merge a catalog into a store, or put it in the place of what is there."""
    rows = {name: table.num_rows for name, table in catalog.tables.items()}
    from kgrec.stores import difference

    held = any(graph.node_counts().values())
    found = difference(graph, catalog, replace=replace) if held else None
    written = graph.write(catalog, replace=replace, progress=progress)
    return Outcome(rows, found, graph.row_counts(), written.seconds, replace)


def compare(graph: GraphStore, catalog: Catalog, *, replace: bool) -> Outcome:
    """What ``write`` would do. Nothing is written."""
    rows = {name: table.num_rows for name, table in catalog.tables.items()}
    from kgrec.stores import difference

    found, stored = difference(graph, catalog, replace=replace), graph.row_counts()
    after = {
        name: stored[name] + one.added - (one.only_stored if replace else 0)
        for name, one in found.items()
    }
    return Outcome(rows, found, after, None, replace)


def print_outcome(
    store: str, outcome: Outcome, catalog: Catalog, hidden: Mapping[str, Any], *, as_json: bool
) -> None:
    """The numbers on stdout, and on stderr in words what happened to a graph that was there;
    ``hidden`` is what was done to hide people."""
    scenarios = scenario_counts(catalog)
    if outcome.difference is not None:
        say(_in_words(store, outcome))
    if as_json:
        found = outcome.difference or {}
        values: dict[str, Any] = {
            "store": store,
            "rows": outcome.rows,
            "seconds": outcome.seconds,
            "stored": outcome.stored,
            "difference": {name: asdict(one) for name, one in found.items()} or None,
            "replaced": outcome.replaced,
            **({"people": dict(hidden)} if hidden else {}),
        }
        print_json({**values, "scenarios": dict(scenarios.itertuples(index=False))})
        return
    if outcome.difference is None:
        seconds = round(outcome.seconds or 0.0, 2)
        print_values({**outcome.rows, "seconds": seconds}, as_json=False)
    else:
        print_frame(_table(outcome, outcome.difference), as_json=False)
    if len(scenarios):
        print_frame(scenarios.head(SHOWN), as_json=False)
    if len(scenarios) > SHOWN:
        show(f"and {len(scenarios) - SHOWN:,} more scenarios")


def _table(outcome: Outcome, difference: Mapping[str, FrameDifference]) -> pd.DataFrame:
    """A row for each frame that the files or the store have rows of."""
    import pandas as pd

    last = "removed" if outcome.replaced else "kept"
    lines = [
        {
            "frame": name,
            "in files": outcome.rows[name],
            "added": one.added,
            "changed": one.changed,
            "unchanged": one.unchanged,
            last: one.only_stored,
            "in store": outcome.stored[name],
        }
        for name, one in difference.items()
        if outcome.rows[name] or one.only_stored
    ]
    return pd.DataFrame(lines)


def _in_words(store: str, outcome: Outcome) -> str:
    found = outcome.difference or {}
    only = ", ".join(
        f"{one.only_stored:,} {name}" for name, one in found.items() if one.only_stored
    )
    if outcome.seconds is None:
        says = f"{store}: nothing was written; the table says what would change."
    elif outcome.replaced:
        says = f"{store}: the graph that was there is replaced by the files."
    else:
        says = f"{store}: a graph was there already, and the files were merged into it."
    if not only:
        return says
    if outcome.replaced:
        word = "would be removed" if outcome.seconds is None else "were removed"
    else:
        word = "would be kept" if outcome.seconds is None else "kept"
        word += " (--replace removes them)"
    return f"{says}\nin the store but not in these files: {only}; {word}"


def scenario_counts(catalog: Catalog) -> pd.DataFrame:
    """Count each scenario's interactions: columns scenario and interactions, largest first."""
    import pandas as pd
    import pyarrow.compute as pc

    events, names = catalog.tables["interactions"], catalog.tables["scenarios"]["scenario_id"]
    counts = pd.Series(0, index=pd.Index(names.to_pylist(), dtype=object))
    if "scenario" in events.column_names:
        pairs = pc.value_counts(events["scenario"].drop_null()).to_pylist()
        counts.update(pd.Series({pair["values"]: pair["counts"] for pair in pairs}, dtype="int64"))
    ordered = counts.sort_values(ascending=False, kind="stable")
    return ordered.rename_axis("scenario").reset_index(name="interactions")


def marked_now(catalog: Catalog) -> Catalog:
    """The catalog whose rows are marked as changed now; see ``stamped``."""
    from kgrec.stores.following.stamp import stamped

    return stamped(catalog, int(time.time()))
