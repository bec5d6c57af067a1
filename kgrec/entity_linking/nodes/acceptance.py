"""Accepted links as a catalog to write: the ids of the things, and the facts about them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import pandas as pd

from graph_schema import Catalog
from graph_schema.names import KEY_COLUMNS, NODE_TYPES
from graph_schema.report import shown
from kgrec.entity_linking.nodes.dump import FACTS, Dump
from kgrec.entity_linking.nodes.names import name_key
from kgrec.entity_linking.nodes.things import NODES, texts
from kgrec.entity_linking.proposals import accepted_rows
from kgrec.errors import RequestError
from kgrec.graph.snapshot import GraphSnapshot
from kgrec.graph.source import read_source
from kgrec.graph.tables import NodeTable
from kgrec.stores import GraphStore

LINK: Final = "link"  # property ``origin`` of a fact that came with a link
TARGET: Final = "target_id"
_BLANK: Final = "_:"  # start of the ids of nodes of RDF that have no name of their own
_TYPES: Final = {label: name for name, label in NODE_TYPES.items()}
Node = tuple[str, str]  # type ("item" or "entity") and id


def is_links(proposals: pd.DataFrame) -> bool:
    """Whether proposals are those of ``link_nodes``."""
    return TARGET in proposals


def accept_links(
    proposals: pd.DataFrame,
    dump: Dump,
    source: GraphStore | Catalog | GraphSnapshot,
    *,
    relations: Sequence[str] | None = None,
    prefix: str = "",
) -> Catalog:
    """The accepted links as a catalog, for ``store.write`` or ``update``.

    Each linked node gets the id of its thing as an attribute, ``dump.attribute``. The facts of the
    dump in which the thing is head or tail become facts of the node, and what they name becomes
    entities with names. Writing the catalog twice changes nothing.

    Parameters
    ----------
    proposals : pandas.DataFrame
        Rows of ``link_nodes``; those with 0, no or false in the column ``accept`` are left out.
    dump : Dump
        The dump that the proposals were made from.
    source : GraphStore, Catalog or GraphSnapshot
        The graph. Things that its nodes have as an id, or in the same attribute, are these nodes.
    relations : sequence of str, optional
        Take these relations of the dump only.
    prefix : str
        Put before the ids of new entities.

    Returns
    -------
    Catalog
        Nodes with the attribute, new entities, and facts with the properties ``origin`` ("link")
        and ``confidence``. ``notes`` says what was left out.

    Raises
    ------
    RequestError
        A missing column, an id that the graph or the dump does not have, a node or a thing in two
        links, a node that has another value in the attribute, an unknown relation, or a new entity
        with the id of another one.
    """
    key = next((KEY_COLUMNS[nodes] for nodes in NODES if KEY_COLUMNS[nodes] in proposals), None)
    if key is None or not is_links(proposals):
        raise RequestError(
            "the proposals need the columns target_id and item_id or entity_id. Cure: give the "
            "frame that link_nodes made, or the file that kgrec link --to wrote."
        )
    kept, snapshot = accepted_rows(proposals), read_source(source)
    nodes = next(nodes for nodes in NODES if KEY_COLUMNS[nodes] == key)
    links = _Links.of(kept, key, dump, snapshot.table(NODES[nodes][0]))
    before = _known_nodes(snapshot, dump.attribute)
    _check_before(links.nodes(), before)
    known = before | links.nodes()
    facts, notes = _facts(dump, set(links.things), relations)
    ends = pd.unique(facts[["head", "tail"]].to_numpy(dtype=object).ravel())
    places = _places(ends, known, snapshot, dump, prefix)
    catalog = Catalog.from_frames(
        items=_nodes("items", links, places, dump, snapshot),
        entities=_nodes("entities", links, places, dump, snapshot),
        facts=_fact_rows(facts, places, links) if len(facts) else None,
    )
    return replace(catalog, notes=(*catalog.notes, *notes))


@dataclass(frozen=True, eq=False)
class _Links:
    """Accepted links: nodes of one type, their things, and the confidence of each."""

    type: str
    ids: list[str]
    things: list[str]
    confidence: list[float]

    @classmethod
    def of(cls, kept: pd.DataFrame, key: str, dump: Dump, table: NodeTable) -> _Links:
        ids, things = kept[key].astype(str).tolist(), kept[TARGET].astype(str).tolist()
        _check_known(ids, table.rows(ids) >= 0, key, "the graph")
        _check_known(things, pd.Index(things).isin(dump.things.ids), TARGET, "the dump")
        _check_once(ids, key)
        _check_once(things, TARGET)
        _check_free(ids, things, table, dump.attribute)
        given = kept["confidence"].astype(float) if "confidence" in kept else [1.0] * len(kept)
        return cls(_TYPES[table.label], ids, things, list(given))

    def nodes(self) -> dict[str, Node]:
        """The node of each thing."""
        return {thing: (self.type, node) for node, thing in zip(self.ids, self.things, strict=True)}


def _check_known(ids: list[str], known: np.ndarray, column: str, where: str) -> None:
    if not known.all():
        unknown = ids[int((~known).argmax())]
        raise RequestError(
            f"{column} {shown(unknown)} is not in {where} ({int((~known).sum()):,} such rows). "
            "Cure: propose again with the graph and the dump as they are now."
        )


def _check_once(ids: list[str], column: str) -> None:
    twice = pd.Series(ids, dtype=object)
    twice = twice[twice.duplicated()]
    if len(twice):
        raise RequestError(
            f"{column} {shown(twice.iloc[0])} is in two accepted links ({len(twice):,} such rows). "
            "Cure: set accept to 0 in one of them."
        )


def _check_free(ids: list[str], things: list[str], table: NodeTable, attribute: str) -> None:
    """Raise RequestError where a node has another value in the attribute of links."""
    if attribute not in table.attributes:
        return
    values = texts(table.attributes[attribute])[table.rows(ids)]
    other = [(n, v, t) for n, v, t in zip(ids, values, things, strict=True) if v not in ("", t)]
    if other:
        node, value, thing = other[0]
        raise RequestError(
            f"{shown(node)} has {attribute} {shown(value)} already, and not {shown(thing)} "
            f"({len(other):,} such nodes). Cure: set accept to 0 there, or give another attribute "
            "(--attribute)."
        )


def _check_before(links: Mapping[str, Node], before: Mapping[str, Node]) -> None:
    """Raise RequestError where another node was linked to the same thing before."""
    other = [thing for thing, node in links.items() if before.get(thing, node) != node]
    if other:
        thing = other[0]
        raise RequestError(
            f"{shown(links[thing][1])} is linked to {shown(thing)}, which is that of "
            f"{' '.join(before[thing])} already ({len(other):,} such things). Cure: set accept to "
            "0 there, or remove the older link."
        )


def _known_nodes(snapshot: GraphSnapshot, attribute: str) -> dict[str, Node]:
    """The nodes that were linked before, by their things."""
    found: dict[str, Node] = {}
    for label, _ in NODES.values():
        table = snapshot.table(label)
        if attribute in table.attributes:
            values = texts(table.attributes[attribute])
            pairs = zip(values, table.ids, strict=True)
            found |= {value: (_TYPES[label], node) for value, node in pairs if value}
    return found


def _facts(
    dump: Dump, things: set[str], relations: Sequence[str] | None
) -> tuple[pd.DataFrame, list[str]]:
    """The facts of the dump about ``things``, and what was left out."""
    facts, notes = dump.facts, []
    if relations is not None:
        unknown = sorted(set(relations) - set(facts["relation"]))
        if unknown:
            some = ", ".join(sorted(set(facts["relation"]))[:20]) or "none"
            raise RequestError(f"the dump has no relation {unknown[0]}. Cure: use some of {some}.")
        facts = facts[facts["relation"].isin(list(relations))]
    if len(facts) and things:
        example = shown(str(facts["head"].iloc[0]))
        facts = facts[facts["head"].isin(things) | facts["tail"].isin(things)]
        if facts.empty:
            notes.append(
                f"no fact of the dump names a linked thing, such as {shown(min(things))}; the "
                f"first fact is about {example}"
            )
    else:
        facts = facts.iloc[:0]
    blank = facts["head"].str.startswith(_BLANK) | facts["tail"].str.startswith(_BLANK)
    if blank.any():
        notes.append(f"{int(blank.sum()):,} facts name a node without an id and were left out")
    facts = facts[~blank]
    return facts.drop_duplicates(list(FACTS)), notes


def _places(
    ends: np.ndarray, known: dict[str, Node], snapshot: GraphSnapshot, dump: Dump, prefix: str
) -> dict[str, Node]:
    """The node of each end of a fact: one that is there, or a new entity."""
    places = {end: known[end] if end in known else ("entity", prefix + end) for end in ends}
    new = [end for end in ends if end not in known]
    rows = snapshot.entities.rows([prefix + end for end in new])
    names = snapshot.entities.attributes["name"].to_numpy(dtype=object)
    other = [
        end
        for end, row in zip(new, rows, strict=True)
        if row >= 0 and not _same(str(names[row]), dump.names.get(end, ""), end)
    ]
    if other:
        row = snapshot.entities.rows([prefix + other[0]])[0]
        raise RequestError(
            f"the entity {shown(prefix + other[0])} of the graph is {shown(str(names[row]))}, and "
            f"of the dump {shown(dump.names.get(other[0], ''))} ({len(other):,} such ids). Cure: "
            "give a prefix for the ids of new entities (--prefix dump:)."
        )
    return places


def _same(name: str, other: str, node: str) -> bool:
    """Whether two entities with the same id are one: by their names, or by an id that is no plain
    number."""
    return name_key(name) == name_key(other) if name and other else not node.isdecimal()


def _nodes(
    frame: str, links: _Links, places: dict[str, Node], dump: Dump, snapshot: GraphSnapshot
) -> pd.DataFrame | None:
    """The rows of one frame: linked nodes with their thing, and the other ends of facts. A name
    is given to those that have none."""
    label, name = NODES[frame]
    kind, table = _TYPES[label], snapshot.table(label)
    linked = dict(zip(links.ids, links.things, strict=True)) if links.type == kind else {}
    things = {node: end for end, (place, node) in places.items() if place == kind} | linked
    if not things:
        return None
    rows = table.rows(list(things))
    own = table.attributes[name].to_numpy(dtype=object)
    named = [row >= 0 and own[row] != "" for row in rows]
    rows_of = pd.DataFrame({KEY_COLUMNS[frame]: list(things)}, dtype=object)
    rows_of[name] = _unless(named, things, dump.names)
    if kind == "entity":
        rows_of["kind"] = _unless(rows >= 0, things, dump.kinds)
    if linked:
        rows_of[dump.attribute] = [linked.get(node) for node in things]
    return rows_of


def _unless(
    known: Sequence[bool] | np.ndarray, things: dict[str, str], words: Mapping[str, str]
) -> list[str]:
    """The word of each node's thing; "" where the node has one."""
    pairs = zip(known, things.values(), strict=True)
    return ["" if has else words.get(thing, "") for has, thing in pairs]


def _fact_rows(facts: pd.DataFrame, places: dict[str, Node], links: _Links) -> pd.DataFrame:
    sure = dict(zip(links.things, links.confidence, strict=True))
    ends = {end: facts[end].map(places) for end in ("head", "tail")}
    confidence = pd.concat([facts[end].map(sure) for end in ("head", "tail")], axis=1).min(axis=1)
    frame = pd.DataFrame(
        {
            "head": [node for _, node in ends["head"]],
            "head_type": [place for place, _ in ends["head"]],
            "relation": facts["relation"].tolist(),
            "tail": [node for _, node in ends["tail"]],
            "tail_type": [place for place, _ in ends["tail"]],
            "origin": LINK,
            "confidence": confidence.to_numpy(dtype=np.float64),
        }
    )
    others = [column for column in facts if column not in FACTS]
    for column in others:
        frame[column] = facts[column].tolist()
    return frame
