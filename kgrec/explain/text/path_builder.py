"""PathBuilder: the nodes and edges of the graph behind a group of contributions."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from graph_schema.names import ITEM
from kgrec.explain.attribution.pieces import (
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
from kgrec.paths.people import ShownPeople
from kgrec.paths.search import search

AGAINST = "against"  # the part of a path that shows what people choose less
NO_EDGE = -1  # code of a similarity that is no relationship of the graph
MAX_CO_USERS = 16  # most recent users among whom the person on a path is chosen
FAR_BUDGET = 20_000  # edges examined to find a longer path for one history item


@dataclass(frozen=True)
class ConcretePath:
    """A path as node numbers and edge codes (NO_EDGE: a similarity), with what its sentence needs.

    ``nodes`` begins with the user (-1: not a node of the graph). ``roles``: the relation on either
    side of the node between, one pair per relation. ``people``: how many others chose both items;
    the user node on the path then stands for them.
    ``values``: attribute values in common, by column. ``part``: the part of the model. ``answer``:
    the kind of event that the first step is where the user answered a question, else "".
    """

    kind: str
    nodes: tuple[int, ...]
    codes: tuple[int, ...]
    roles: tuple[tuple[str, str], ...] = ()
    people: int = 0
    values: dict[str, tuple[str, ...]] = field(default_factory=dict)
    part: str = ""
    answer: str = ""


class PathBuilder:
    """Builds the paths of groups for one user and candidate, under constraints.

    ``asker``: the user node who asks, also where the history was given with the request (-1: none).
    """

    def __init__(
        self,
        index: PathIndex,
        user: int,
        candidate: int,
        history: Ints,
        limits: Limits,
        people: ShownPeople,
        asker: int,
    ) -> None:
        self.index, self.user, self.candidate = index, user, candidate
        self.limits, self.people, self.asker = limits, people, asker
        self._in_history = np.zeros(index.space.size, dtype=bool)
        self._in_history[history] = True
        self._chose = 2 * index.interacted

    def build(self, members: Pieces) -> ConcretePath | None:
        """Build the path of a group (its pieces, largest first); None if constraints forbid it."""
        kind, item = int(members.kind[0]), int(members.item[0])
        make = {
            SHARED: self._shared,
            DIRECT: self._direct,
            FAR: self._far,
            COLLABORATIVE: self._collaborative,
        }
        if kind == REPEAT:
            path = self._repeat(item)
        elif kind in make:
            path = make[kind](members, item)
        else:
            path = self._similarity(kind, item, members)
        return path if self.limits.admits(path.nodes) else None

    def _shared(self, members: Pieces, item: int) -> ConcretePath:
        link = int(members.link[0])
        nears, fars = self._facts(item, link), self._facts(link, self.candidate)
        pairs = [
            (near, far)
            for near, far in zip(members.near.tolist(), members.far.tolist(), strict=True)
            if near in nears and far in fars
        ]
        if not pairs:  # the model names a link that this graph doesn't have
            return self._similarity(OTHER, item, members)
        near, far = pairs[0]
        names = [(self.index.relation(a), self.index.relation(b)) for a, b in pairs]
        return ConcretePath(
            KIND_NAMES[SHARED],
            (self.user, item, link, self.candidate),
            (self._chose, near, far),
            tuple(dict.fromkeys(names)),
        )

    def _facts(self, a: int, b: int) -> list[int]:
        """Codes of the facts from ``a`` to ``b``."""
        codes: list[int] = self.index.facts.edges_between(a, b).tolist()
        return codes

    def _direct(self, members: Pieces, item: int) -> ConcretePath:
        facts = self._facts(item, self.candidate)
        near = [code for code in members.near.tolist() if code in facts]
        if not near:
            return self._similarity(OTHER, item, members)
        names = [self.index.relation(code) for code in near]
        return ConcretePath(
            KIND_NAMES[DIRECT],
            (self.user, item, self.candidate),
            (self._chose, near[0]),
            tuple((name, name) for name in dict.fromkeys(names)),
        )

    def _repeat(self, item: int) -> ConcretePath:
        return ConcretePath(KIND_NAMES[REPEAT], (self.user, item), (self._chose,))

    def _far(self, members: Pieces, item: int) -> ConcretePath:
        path = self._three_facts(item)
        if path is None and self._users_allowed:
            path = self._co_user(item, "")
        return path or self._similarity(FAR, item, members)

    def _three_facts(self, item: int) -> ConcretePath | None:
        """The path of three facts from a history item through the rarest nodes."""
        allowed, facts = self.limits.allowed, self.index.facts
        if self.limits.max_hops < 4:
            return None
        if not self.people.named:
            allowed = replace(allowed, kinds=allowed.kinds & self.index.without_users)
        found = search(facts, item, self.candidate, 3, allowed, FAR_BUDGET)
        found = found.select(self.limits.admit_rows(found.nodes))
        if not len(found.nodes):
            return None
        rarity = np.log1p(facts.degree(found.nodes[:, 1:-1])).sum(axis=1)
        found = found.select(np.flatnonzero(rarity == rarity.min()))
        best = int(np.lexsort((*found.codes.T[::-1], *found.nodes.T[::-1]))[0])
        nodes, codes = found.nodes[best].tolist(), found.codes[best].tolist()
        return ConcretePath(KIND_NAMES[FAR], (self.user, *nodes), (self._chose, *codes))

    @property
    def _users_allowed(self) -> bool:
        """Whether a path may go through another user."""
        return self.limits.max_hops > 2 and bool(self.limits.allowed.kinds[self.index.interacted])

    def _collaborative(self, members: Pieces, item: int) -> ConcretePath:
        nodes = (self.user, item, self.candidate)
        if members.contribution.sum() < 0:  # users who chose both lower no score
            codes = (self._chose, NO_EDGE)
            return ConcretePath(KIND_NAMES[COLLABORATIVE], nodes, codes, part=AGAINST)
        around = members.part_names[int(members.part[0])] == KNOWLEDGE
        part = KNOWLEDGE if around else ""
        found = self._co_user(item, part)
        if found is None and around:
            found = self._three_facts(item)
        if found is not None:
            return found
        return ConcretePath(KIND_NAMES[COLLABORATIVE], nodes, (self._chose, NO_EDGE), part=part)

    def _co_user(self, item: int, part: str) -> ConcretePath | None:
        """The path through one of the users who chose both items; None where they are too few."""
        both = self.index.co_users(item, self.candidate, besides=self.asker)
        if not self.people.counts(len(both)):
            return None
        free = both[~np.isin(both, self.limits.allowed.avoid)]
        for wanted in self.limits.via:
            if not wanted & {self.user, item, self.candidate}:
                free = free[np.isin(free, sorted(wanted))]
        if not len(free):
            return None
        person = self._most_similar(free) if self.people.named else int(free[0])
        return ConcretePath(
            KIND_NAMES[COLLABORATIVE],
            (self.user, item, person, self.candidate),
            (self._chose, self._chose + 1, self._chose),
            people=len(both),
            part=part,
        )

    def _most_similar(self, people: Ints) -> int:
        """The user with the most similar history among the last to choose the candidate."""
        last = self.index.last_time(people, self.candidate)
        people = people[np.argsort(-last, kind="stable")][:MAX_CO_USERS]
        owner, items, _ = self.index.interactions.gather(people)
        common = np.bincount(owner[self._in_history[items]], minlength=len(people))
        similarity = common / np.sqrt(self.index.interactions.degree(people))
        return int(people[int(np.argmax(similarity))])

    def _similarity(self, kind: int, item: int, members: Pieces) -> ConcretePath:
        part = members.part_names[int(members.part[0])] if kind == OTHER else ""
        values = self._common_values(item) if kind == ALIKE else {}
        return ConcretePath(
            KIND_NAMES[kind],
            (self.user, item, self.candidate),
            (self._chose, NO_EDGE),
            values=values,
            part="text" if kind == TEXTUAL else part,
        )

    def _common_values(self, item: int) -> dict[str, tuple[str, ...]]:
        """Attribute values that both items have; a cell may list several, separated by ``|``."""
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
    """The values in a cell; a value of more than 40 characters is text and left out."""
    if isinstance(cell, str):
        parts = tuple(dict.fromkeys(part.strip() for part in cell.split("|") if part.strip()))
        return tuple(part for part in parts if len(part) <= 40)
    if isinstance(cell, float | np.floating):
        return () if np.isnan(cell) else (f"{cell:g}",)
    return () if cell is None or cell is pd.NA else (str(cell),)
