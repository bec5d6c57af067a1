"""Pieces: a score breakdown divided among the links between history and candidate."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from graph_schema.errors import ModelError
from graph_schema.names import ENTITY, ITEM
from kgrec.explain.attribution.score_breakdown import (
    MATCH,
    TOGETHER,
    Matches,
    NodeMatches,
    ScoreBreakdown,
)
from kgrec.features.blocks import find_block
from kgrec.features.names import KNOWLEDGE
from kgrec.graph.snapshot import Floats, Ints
from kgrec.paths.index import PathIndex
from kgrec.paths.links import Links, find_links

# Kinds of a piece, in the order in which equal contributions are shown.
SHARED, DIRECT, FAR, COLLABORATIVE, TEXTUAL, ALIKE, REPEAT, OTHER = range(8)
KIND_NAMES = (
    "shared entity",
    "item fact",
    "graph neighbourhood",
    "collaborative",
    "text",
    "attributes",
    "repeat",
    "other",
)
ROUNDING = 1e-6  # of float32; smaller relative gaps between part and matches are ignored
_COLUMNS = ("kind", "item", "link", "near", "far", "part", "contribution")


@dataclass(frozen=True, eq=False)
class Pieces:
    """The gain of the score in pieces, all arrays ``[p]``.

    ``kind``: see KIND_NAMES; ``item``: history item as node number; ``link``: node between it and
    the candidate (-1: none); ``near``/``far``: edge codes to and from the link (-1: none);
    ``part``: position in ``part_names``; ``contribution`` float64.
    """

    kind: Ints
    item: Ints
    link: Ints
    near: Ints
    far: Ints
    part: Ints
    contribution: Floats
    part_names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.kind)

    def by_part(self) -> dict[str, float]:
        """The contributions summed by part of the model."""
        sums = np.bincount(self.part, weights=self.contribution).tolist()
        parts = np.flatnonzero(np.bincount(self.part)).tolist()
        return {self.part_names[part]: sums[part] for part in parts}

    def select(self, which: np.ndarray | Ints) -> Pieces:
        chosen = {name: getattr(self, name)[which] for name in _COLUMNS}
        return Pieces(**chosen, part_names=self.part_names)


@dataclass(frozen=True, eq=False)
class _History:
    """Distinct history items: node numbers, and the position of each event's item."""

    nodes: Ints
    position: Ints

    def sums(self, part: Floats) -> Floats:
        return np.bincount(self.position, weights=part, minlength=len(self.nodes))


def attribute(index: PathIndex, breakdown: ScoreBreakdown, candidate: int) -> Pieces:
    """Pieces that sum, with ``breakdown.rest``, to score − baseline.

    ``candidate`` is the item's node number. Matches belong to the path through their node. Where
    the model gives no matches, the "knowledge" contribution of an event is divided among the facts
    and shared neighbours that join it to the candidate, in proportion to how rare those are;
    without any it stays one FAR piece.
    """
    offset = index.space.offsets[ITEM]
    rows, position = np.unique(breakdown.history, return_inverse=True)
    if len(rows) and (rows[0] < 0 or rows[-1] >= len(index.snapshot.items)):
        raise ModelError("score breakdown: a history item is not an item of this snapshot")
    history = _History(rows + offset, position)
    names = tuple(breakdown.parts)
    pieces: list[Pieces] = []
    for number, name in enumerate(names):
        values = np.asarray(breakdown.parts[name], dtype=np.float64)
        if name == KNOWLEDGE and MATCH not in names:
            pieces += _knowledge(index, history, history.sums(values), candidate, names)
        elif name == MATCH:
            pieces += _matches(index, history, breakdown, values, names)
        else:
            # Without a common node, the graph vectors of two items are close because users chose
            # the items together, as with ids.
            kind = COLLABORATIVE if name == KNOWLEDGE else _kind_of(name)
            pieces.append(_plain(kind, history.nodes, history.sums(values), number, names))
    return _drop_zeros(_repeat(_concatenate(pieces, names), candidate))


def _kind_of(part: str) -> int:
    """The kind of the pieces of a part, from its feature block."""
    block = find_block(part)
    if block is not None:
        return KIND_NAMES.index(block.wording.kind)
    return COLLABORATIVE if part == TOGETHER else OTHER


def _plain(kind: int, items: Ints, values: Floats, part: int, names: tuple[str, ...]) -> Pieces:
    none = np.full(len(items), -1, dtype=np.int64)
    same = np.full(len(items), kind, dtype=np.int64)
    return Pieces(same, items, none, none, none, none * 0 + part, values, names)


def _knowledge(
    index: PathIndex, history: _History, values: Floats, candidate: int, names: tuple[str, ...]
) -> list[Pieces]:
    active = np.flatnonzero((values != 0) & (history.nodes != candidate))
    links = find_links(index.facts, history.nodes[active], candidate, len(index.snapshot.items))
    total = np.bincount(links.item, weights=links.weight, minlength=len(active))
    part = names.index(KNOWLEDGE)
    divided = _linked(links, history.nodes[active], values[active], total, part, names)
    alone = np.setdiff1d(np.arange(len(values)), active[total > 0])
    return [divided, _plain(FAR, history.nodes[alone], values[alone], part, names)]


def _linked(
    links: Links, items: Ints, values: Floats, total: Floats, part: int, names: tuple[str, ...]
) -> Pieces:
    kind = np.where(links.link < 0, DIRECT, SHARED)
    share = values[links.item] * (links.weight / total[links.item])
    item = items[links.item]
    return Pieces(kind, item, links.link, links.near, links.far, item * 0 + part, share, names)


def _matches(
    index: PathIndex,
    history: _History,
    breakdown: ScoreBreakdown,
    values: Floats,
    names: tuple[str, ...],
) -> list[Pieces]:
    found, part = _as_nodes(index, breakdown.matches), names.index(MATCH)
    item = history.nodes[history.position[found.event]]
    kind = np.where(found.link < 0, DIRECT, SHARED)
    amount = np.asarray(found.contribution, dtype=np.float64)
    matched = Pieces(kind, item, found.link, found.near, found.far, item * 0 + part, amount, names)
    listed = np.bincount(found.event, weights=amount, minlength=len(values))
    unlisted = values - listed
    unlisted[np.abs(unlisted) <= ROUNDING * np.maximum(np.abs(values), np.abs(listed))] = 0.0
    return [matched, _plain(OTHER, history.nodes, history.sums(unlisted), part, names)]


def _as_nodes(index: PathIndex, found: Matches | NodeMatches) -> NodeMatches:
    if isinstance(found, NodeMatches):
        return found
    near = _codes(index, found.history_relation)
    far = _codes(index, found.candidate_relation) ^ 1
    link = found.entity + index.space.offsets[ENTITY]
    return NodeMatches(found.event, link, near, far, found.contribution)


def _codes(index: PathIndex, relations: Ints) -> Ints:
    """The edge codes item → entity of relations given as positions in ``snapshot.facts``."""
    facts = index.snapshot.facts
    if len(relations) and (relations.min() < 0 or relations.max() >= len(facts)):
        raise ModelError(f"score breakdown: a match names a relation outside 0..{len(facts) - 1}")
    incoming = np.array([int(f.head_label == ENTITY) for f in facts], dtype=np.int64)
    return 2 * relations + incoming[relations] if len(facts) else relations


def _concatenate(pieces: list[Pieces], names: tuple[str, ...]) -> Pieces:
    if not pieces:
        empty = np.empty(0, dtype=np.int64)
        return _plain(OTHER, empty, np.empty(0), 0, names)
    joined = {name: np.concatenate([getattr(p, name) for p in pieces]) for name in _COLUMNS}
    return Pieces(**joined, part_names=names)


def _repeat(pieces: Pieces, candidate: int) -> Pieces:
    """Mark contributions of the candidate's own events in the history as a repeat."""
    own = pieces.item == candidate
    kind = np.where(own, REPEAT, pieces.kind)
    link, near, far = (np.where(own, -1, c) for c in (pieces.link, pieces.near, pieces.far))
    return Pieces(
        kind, pieces.item, link, near, far, pieces.part, pieces.contribution, pieces.part_names
    )


def _drop_zeros(pieces: Pieces) -> Pieces:
    return pieces.select(pieces.contribution != 0)
