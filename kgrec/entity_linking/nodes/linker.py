"""link_nodes: proposes which thing of a dump each item or entity of a catalog is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import pandas as pd

from graph_schema import Catalog
from graph_schema.names import KEY_COLUMNS
from kgrec.entity_linking.nodes.assignment import assigned, second_best
from kgrec.entity_linking.nodes.candidates import (
    COMMON,
    Pairs,
    Readings,
    misspelt,
    same_names,
    together,
)
from kgrec.entity_linking.nodes.confidence import (
    Evidence,
    confidences,
    same_years,
    years_agree,
    years_known,
)
from kgrec.entity_linking.nodes.dump import Dump
from kgrec.entity_linking.nodes.ids import SharedIds, shared_ids
from kgrec.entity_linking.nodes.names import WORDING, Grade
from kgrec.entity_linking.nodes.things import NODES, Things, nodes_of
from kgrec.errors import RequestError
from kgrec.graph.snapshot import GraphSnapshot
from kgrec.graph.source import read_source
from kgrec.stores import GraphStore

ACCEPTED: Final = 0.8  # least confidence of a proposal that is marked as accepted
SURE: Final = 0.5  # confidence of an id from which names don't count
SHOWN: Final = 0.01  # least confidence of a proposal
BY_ID, BY_NAME_AND_YEAR, BY_NAME = "id", "name and year", "name"
LINK_COLUMNS: Final = (
    "title", "year", "target_id", "target_name", "target_year", "by", "reason", "confidence",
    "second_id", "second_confidence", "accept",
)  # fmt: skip


def link_nodes(
    source: GraphStore | Catalog | GraphSnapshot,
    dump: Dump,
    *,
    nodes: str = "items",
    min_confidence: float = ACCEPTED,
    fuzzy: bool = True,
    keys: Mapping[str, str] | None = None,
    year_column: str | None = None,
) -> pd.DataFrame:
    """Propose which thing of a dump each item, or each entity, is.

    Nodes and things are joined by ids that both have, and by names and years. A node gets at most
    one thing and a thing at most one node, so that the sum of the confidences is greatest.

    Parameters
    ----------
    source : GraphStore, Catalog or GraphSnapshot
        The graph.
    dump : Dump
        The named things; see ``read_dump``.
    nodes : str
        "items" or "entities".
    min_confidence : float
        Proposals of at least this confidence are marked as accepted.
    fuzzy : bool
        Also join names with a typing error, where the years are equal.
    keys : mapping of str to str, optional
        Columns of the nodes and of the dump that hold the same ids. By default all columns are
        compared, and used where the names of joined pairs agree.
    year_column : str, optional
        The nodes' column of years; by default one whose name says so.

    Returns
    -------
    pandas.DataFrame
        A row for each node with a candidate, highest confidence first: ``item_id`` (or
        ``entity_id``), ``title`` (its name), ``year``, ``target_id``, ``target_name``,
        ``target_year``, ``by`` ("id", "name and year", "name"), ``reason`` in words,
        ``confidence`` (0 to 1: the probability that both are the same), ``second_id`` and
        ``second_confidence`` (the best other pair of the node or of the thing), and ``accept``
        (1 or 0). ``attrs["notes"]`` is a list of sentences: which columns were joined, and what
        was not compared.

    Raises
    ------
    RequestError
        Nodes or things without names and without shared ids, an unknown column, or a number
        outside 0 to 1.
    """
    if not 0.0 <= min_confidence <= 1.0:
        raise RequestError(f"min_confidence is {min_confidence}. Cure: use a number from 0 to 1.")
    own = nodes_of(read_source(source), nodes, year_column)
    _check(own, dump.things, nodes)
    key = KEY_COLUMNS[nodes]
    _check_keys(own, dump.things, keys)
    read, known = Readings.of(own), Readings.of(dump.things)
    pairs, evidence, confidence = _by_name(own, dump.things, read, known, fuzzy)
    ids = shared_ids(own, dump.things, pairs.chosen(pairs.grade < Grade.SHORT), keys)
    table = _table(pairs, evidence, confidence, ids)
    frame = _frame(table, own, dump.things, read, known, key)
    frame["accept"] = (frame["confidence"] >= min_confidence).astype(int)
    frame.attrs["notes"] = [*ids.notes, *_notes(frame, own, dump.things, pairs, nodes)]
    return frame


def _by_name(
    own: Things, things: Things, read: Readings, known: Readings, fuzzy: bool
) -> tuple[Pairs, Evidence, np.ndarray]:
    """The pairs with equal names, what is known about them, and their confidence."""
    pairs = same_names(read, known)
    if fuzzy:
        pairs = together(pairs, misspelt(read, known, pairs))
    shared = same_names(known, known)
    shared = shared.chosen(shared.node != shared.thing)
    evidence = Evidence.of(pairs, shared, read, known)
    return pairs, evidence, confidences(evidence, own.kinds, things.kinds)


def _table(
    pairs: Pairs, evidence: Evidence, confidence: np.ndarray, ids: SharedIds
) -> pd.DataFrame:
    """All pairs, each once: the columns node, thing, confidence, by and reason. Names count where
    no id decides."""
    by = np.where(years_agree(evidence.gap), BY_NAME_AND_YEAR, BY_NAME)
    words = np.array([WORDING[Grade(grade)] for grade in pairs.grade], dtype=object)
    years = np.select(
        [same_years(evidence.gap), years_agree(evidence.gap), years_known(evidence.gap)],
        [", same year", ", years one apart", ", other year"],
        ", a year is missing",
    )
    named = pd.DataFrame(
        {
            "node": pairs.node,
            "thing": pairs.thing,
            "confidence": confidence,
            "by": by,
            "reason": words + years.astype(object),
        }
    )
    joined = pd.DataFrame(
        {
            "node": ids.node,
            "thing": ids.thing,
            "confidence": ids.confidence,
            "by": BY_ID,
            "reason": ids.reason,
        }
    )
    sure = joined[joined["confidence"] >= SURE]
    left = ~named["node"].isin(sure["node"]) & ~named["thing"].isin(sure["thing"])
    both = pd.concat([joined, named[left]], ignore_index=True).drop_duplicates(["node", "thing"])
    return both.sort_values(["node", "thing"], kind="stable")


def _frame(
    table: pd.DataFrame, own: Things, things: Things, read: Readings, known: Readings, key: str
) -> pd.DataFrame:
    """The frame that ``link_nodes`` returns, without the column accept."""
    node, thing = table["node"].to_numpy(np.int64), table["thing"].to_numpy(np.int64)
    confidence = table["confidence"].to_numpy(np.float64)
    chosen = assigned(node, thing, np.where(confidence >= SHOWN, confidence, 0.0))
    second = second_best(node, thing, confidence)[chosen]
    there = second >= 0
    frame = pd.DataFrame(
        {
            key: own.ids[node[chosen]],
            "title": own.names[node[chosen]],
            "year": _whole(read.years[node[chosen]]),
            "target_id": things.ids[thing[chosen]],
            "target_name": things.names[thing[chosen]],
            "target_year": _whole(known.years[thing[chosen]]),
            "by": table["by"].to_numpy(dtype=object)[chosen],
            "reason": table["reason"].to_numpy(dtype=object)[chosen],
            "confidence": confidence[chosen].round(4),
            "second_id": np.where(there, _second_ids(table, own, things, chosen, second), ""),
            "second_confidence": np.where(there, confidence[second], 0.0).round(4),
        }
    )
    return frame.sort_values("confidence", ascending=False, kind="stable", ignore_index=True)


def _second_ids(
    table: pd.DataFrame, own: Things, things: Things, chosen: np.ndarray, second: np.ndarray
) -> np.ndarray:
    """object: the thing that the node might be in second place, or the node that the thing might
    be, with the word "node" before it."""
    node, thing = table["node"].to_numpy(np.int64), table["thing"].to_numpy(np.int64)
    of_node = node[second] == node[chosen]
    return np.asarray(np.where(of_node, things.ids[thing[second]], "node " + own.ids[node[second]]))


def _whole(years: np.ndarray) -> pd.Series[int]:
    return pd.Series(years).astype("Int64")


def _check(own: Things, things: Things, nodes: str) -> None:
    if not len(own):
        raise RequestError(f"the graph has no {nodes}. Cure: load some, or give other nodes.")
    if not len(things):
        raise RequestError("the dump has no rows. Cure: give a file with a thing in each row.")


def _check_keys(own: Things, things: Things, keys: Mapping[str, str] | None) -> None:
    for one, other in (keys or {}).items():
        for column, known in ((one, own.id_columns), (other, things.id_columns)):
            if column not in known:
                raise RequestError(
                    f"no column {column} holds ids. Cure: give one of {', '.join(sorted(known))}."
                )


def _notes(frame: pd.DataFrame, own: Things, things: Things, pairs: Pairs, nodes: str) -> list[str]:
    name = NODES[nodes][1]
    notes = [
        f"{len(frame):,} of {len(own):,} {nodes} have a candidate among {len(things):,} things; "
        f"{int(frame['accept'].sum()):,} are marked as accepted"
    ]
    nameless = int((own.names == "").sum())
    if nameless:
        notes.append(f"{nameless:,} {nodes} have no {name} to compare")
    for side, columns in (("graph", own.year_columns), ("dump", things.year_columns)):
        read = f"from {', '.join(columns)}" if columns else "only where a name has one"
        notes.append(f"years of the {side} were read {read}")
    if pairs.common:
        key, count = max(pairs.common, key=lambda known: known[1])
        notes.append(
            f"{len(pairs.common):,} names are those of more than {COMMON} and were compared only "
            f"where the years are equal; {key!r} is that of {count:,}"
        )
    return notes
