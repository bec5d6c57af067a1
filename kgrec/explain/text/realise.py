"""Turns a chosen group of pieces into concrete nodes and edges of the graph."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from graph_schema.names import ITEM
from kgrec.explain.attribution.attribute import (
    ALIKE,
    COLLABORATIVE,
    DIRECT,
    FAR,
    KIND_NAMES,
    OTHER,
    REPEAT,
    SHARED,
    TEXTUAL,
    Pieces,
)
from kgrec.features.names import KNOWLEDGE
from kgrec.graph.snapshot import Ints
from kgrec.paths.index import Limits, PathIndex
from kgrec.paths.search import search

AGAINST = "against"  # the part of a path that tells what people choose less
NO_EDGE = -1  # stands where the model sees a likeness that is no relationship of the graph
CO_USERS_WEIGHED = 16  # the most recent of them compete to be the person on the path
FAR_BUDGET = 20_000  # edges looked at to find a longer way for one history item


@dataclass(frozen=True)
class Realised:
    """A path as node numbers and edge codes (NO_EDGE: a likeness), with what its sentence needs.

    ``nodes`` begins with the user (-1: not a node of the graph). ``roles``: the relation on either
    side of the link, one pair per relation. ``people``: how many others chose both items.
    ``values``: attribute values in common, by column. ``part``: the part of the model.
    """

    kind: str
    nodes: tuple[int, ...]
    codes: tuple[int, ...]
    roles: tuple[tuple[str, str], ...] = ()
    people: int = 0
    values: dict[str, tuple[str, ...]] = field(default_factory=dict)
    part: str = ""


class Realiser:
    """Realises groups for one (user, candidate) pair under constraints."""

    def __init__(
        self, index: PathIndex, user: int, candidate: int, history: Ints, limits: Limits
    ) -> None:
        self.index, self.user, self.candidate = index, user, candidate
        self.limits = limits
        self._ours = np.zeros(index.space.size, dtype=bool)
        self._ours[history] = True
        self._first = 2 * index.interacted

    def realise(self, members: Pieces) -> Realised | None:
        """The path of a group (its pieces, largest first); None where the constraints forbid it."""
        kind, item = int(members.kind[0]), int(members.item[0])
        make = {
            SHARED: self._shared,
            DIRECT: self._direct,
            FAR: self._far,
            REPEAT: self._repeat,
            COLLABORATIVE: self._collaborative,
        }
        path = make[kind](members, item) if kind in make else self._likeness(kind, item, members)
        return path if self.limits.admits(path.nodes) else None

    def _shared(self, members: Pieces, item: int) -> Realised:
        link = int(members.link[0])
        pairs = [
            (near, far)
            for near, far in zip(members.near.tolist(), members.far.tolist(), strict=True)
            if self._is_fact(item, link, near) and self._is_fact(link, self.candidate, far)
        ]
        if not pairs:  # the model names a link that this graph doesn't have: claim no path
            return self._likeness(OTHER, item, members)
        near, far = pairs[0]
        names = [(self.index.relation(a), self.index.relation(b)) for a, b in pairs]
        return Realised(
            KIND_NAMES[SHARED],
            (self.user, item, link, self.candidate),
            (self._first, near, far),
            tuple(dict.fromkeys(names)),
        )

    def _is_fact(self, a: int, b: int, code: int) -> bool:
        return bool((self.index.facts.edges_between(a, b) == code).any())

    def _direct(self, members: Pieces, item: int) -> Realised:
        near = [c for c in members.near.tolist() if self._is_fact(item, self.candidate, c)]
        if not near:
            return self._likeness(OTHER, item, members)
        names = [self.index.relation(code) for code in near]
        return Realised(
            KIND_NAMES[DIRECT],
            (self.user, item, self.candidate),
            (self._first, near[0]),
            tuple((name, name) for name in dict.fromkeys(names)),
        )

    def _repeat(self, members: Pieces, item: int) -> Realised:
        return Realised(KIND_NAMES[REPEAT], (self.user, item), (self._first,))

    def _far(self, members: Pieces, item: int) -> Realised:
        way = self._way(item)
        if way is None and self._through_people:
            way = self._people(item, "")
        return way or self._likeness(FAR, item, members)

    def _way(self, item: int) -> Realised | None:
        """The way of three facts from a history item through the rarest nodes."""
        allowed, facts = self.limits.allowed, self.index.facts
        if self.limits.max_hops < 4:
            return None
        found = search(facts, item, self.candidate, 3, allowed, FAR_BUDGET)
        keep = [self.limits.admits((item, *nodes)) for nodes in found.nodes.tolist()]
        found = found.select(np.array(keep, dtype=bool))
        if not len(found.nodes):
            return None
        rarity = np.log1p(facts.degree(found.nodes[:, 1:-1])).sum(axis=1)
        best = int(np.lexsort((*found.codes.T[::-1], *found.nodes.T[::-1], rarity))[0])
        nodes, codes = found.nodes[best].tolist(), found.codes[best].tolist()
        return Realised(KIND_NAMES[FAR], (self.user, *nodes), (self._first, *codes))

    @property
    def _through_people(self) -> bool:
        """Whether a path may go through another user."""
        return self.limits.max_hops > 2 and bool(self.limits.allowed.kinds[self.index.interacted])

    def _collaborative(self, members: Pieces, item: int) -> Realised:
        nodes = (self.user, item, self.candidate)
        if members.contribution.sum() < 0:  # who chose both is no reason against it
            codes = (self._first, NO_EDGE)
            return Realised(KIND_NAMES[COLLABORATIVE], nodes, codes, part=AGAINST)
        around = members.part_names[int(members.part[0])] == KNOWLEDGE
        part = KNOWLEDGE if around else ""
        found = self._people(item, part)
        if found is None and around:
            found = self._way(item)
        if found is not None:
            return found
        return Realised(KIND_NAMES[COLLABORATIVE], nodes, (self._first, NO_EDGE), part=part)

    def _people(self, item: int, part: str) -> Realised | None:
        """The path through one of those who chose both items."""
        both = self.index.co_users(item, self.candidate, besides=self.user)
        free = both[~np.isin(both, self.limits.allowed.avoid)]
        for wanted in self.limits.via:
            if not wanted & {self.user, item, self.candidate}:
                free = free[np.isin(free, sorted(wanted))]
        if not len(free):
            return None
        person = self._closest(free)
        return Realised(
            KIND_NAMES[COLLABORATIVE],
            (self.user, item, person, self.candidate),
            (self._first, self._first + 1, self._first),
            people=len(both),
            part=part,
        )

    def _closest(self, people: Ints) -> int:
        """Of the last people to choose the candidate, the one whose history is most like ours."""
        people = people[np.argsort(-self._last_time(people), kind="stable")][:CO_USERS_WEIGHED]
        owner, items, _ = self.index.interactions.gather(people)
        common = np.bincount(owner[self._ours[items]], minlength=len(people))
        likeness = common / np.sqrt(self.index.interactions.degree(people))
        return int(people[int(np.argmax(likeness))])

    def _last_time(self, people: Ints) -> Ints:
        """When each user node last chose the candidate."""
        return self.index.last_time(people, self.candidate)

    def _likeness(self, kind: int, item: int, members: Pieces) -> Realised:
        part = members.part_names[int(members.part[0])] if kind == OTHER else ""
        values = self._common_values(item) if kind == ALIKE else {}
        return Realised(
            KIND_NAMES[kind],
            (self.user, item, self.candidate),
            (self._first, NO_EDGE),
            values=values,
            part="text" if kind == TEXTUAL else part,
        )

    def _common_values(self, item: int) -> dict[str, tuple[str, ...]]:
        """Attribute values that both items have, lists being joined by ``|``."""
        offset = self.index.space.offsets[ITEM]
        frame = self.index.snapshot.items.attributes
        common: dict[str, tuple[str, ...]] = {}
        for column in frame.columns:
            values = frame[column].array
            a, b = (_values(values[node - offset]) for node in (item, self.candidate))
            both = tuple(value for value in a if value in b)
            if both:
                common[str(column)] = both
        return common


def _values(cell: object) -> tuple[str, ...]:
    """The values in a cell; free text (long or with sentences) counts as none."""
    if isinstance(cell, str):
        parts = tuple(dict.fromkeys(part.strip() for part in cell.split("|") if part.strip()))
        return tuple(part for part in parts if len(part) <= 40)
    if isinstance(cell, float | np.floating):
        return () if np.isnan(cell) else (f"{cell:g}",)
    return () if cell is None else (str(cell),)
