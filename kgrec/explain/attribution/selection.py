"""Selection of the pieces of a score to show: the largest that do not repeat each other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kgrec.explain.attribution.pieces import COLLABORATIVE, OTHER, Pieces
from kgrec.graph.snapshot import Floats, Ints
from kgrec.paths.index import Limits, PathIndex

# Factor on the weight of a group for every group already shown with the same link, item or kind.
SAME_LINK, SAME_ITEM, SAME_KIND = 0.3, 0.5, 0.5
POOL = 256  # groups that compete to be shown


@dataclass(frozen=True, eq=False)
class Groups:
    """Pieces over the same nodes in the same way, shown as one path; arrays ``[g]``.

    ``lead``: the largest piece of each group; ``contribution`` float64: the group's sum; ``member``
    int64 ``[p]``: the group of every piece.
    """

    pieces: Pieces
    lead: Ints
    contribution: Floats
    member: Ints

    def members(self, group: int) -> Pieces:
        """The pieces of one group, largest first."""
        rows = np.flatnonzero(self.member == group)
        order = np.argsort(-np.abs(self.pieces.contribution[rows]), kind="stable")
        return self.pieces.select(rows[order])


def admit(index: PathIndex, pieces: Pieces, limits: Limits, recent: Ints) -> np.ndarray:
    """Pieces whose known part satisfies the constraints, bool ``[p]``.

    ``recent`` int64: history items (nodes, sorted) that are new enough. Nodes of a path that is
    looked up later (another user, a longer path) are checked there.
    """
    kinds = np.append(limits.allowed.kinds, True)  # the last is for code -1: no edge
    ok = kinds[np.where(pieces.near < 0, -1, pieces.near >> 1)]
    ok = ok & kinds[np.where(pieces.far < 0, -1, pieces.far >> 1)]
    ok = ok & (limits.allowed.kinds[index.interacted] | (pieces.kind != COLLABORATIVE))
    banned = np.array(sorted(limits.avoid), dtype=np.int64)
    ok = ok & ~np.isin(pieces.item, banned) & ~np.isin(pieces.link, banned)
    hops = np.where(pieces.near < 0, 1, np.where(pieces.far < 0, 2, 3))
    hops = np.where(pieces.kind == COLLABORATIVE, 3, hops)
    return np.asarray(ok & np.isin(pieces.item, recent) & (hops <= limits.max_hops))


def group(pieces: Pieces, n_nodes: int) -> Groups:
    """Join the pieces that differ only in the relations, or in the part of the model."""
    kind = pieces.kind + np.where(pieces.kind == OTHER, pieces.part, 0)
    key = (kind * n_nodes + pieces.item) * (n_nodes + 1) + pieces.link + 1
    _, member = np.unique(key, return_inverse=True)
    size = int(member.max()) + 1 if len(member) else 0
    total = np.bincount(member, weights=pieces.contribution, minlength=size)
    order = np.lexsort((-np.abs(pieces.contribution), member))
    lead = order[np.searchsorted(member[order], np.arange(size))]
    return Groups(pieces, lead, total, member)


class Chooser:
    """Chooses groups one by one: largest contribution first, less for those like shown ones."""

    def __init__(self, groups: Groups, negatives: int) -> None:
        order = np.argsort(-np.abs(groups.contribution), kind="stable")[:POOL]
        self._order = order
        self._lead = groups.pieces.select(groups.lead[order])
        self._amount = groups.contribution[order]
        self._weight = np.abs(self._amount)
        self._negatives = negatives

    def next(self) -> int | None:
        """The next group, or None when no contribution is left."""
        if self._negatives <= 0:
            self._weight[self._amount < 0] = 0.0
        if not len(self._weight) or self._weight.max() <= 0:
            return None
        best = int(np.argmax(self._weight))
        self._weight[best] = 0.0
        return best

    def number(self, place: int) -> int:
        """The group at a place that ``next`` returned."""
        return int(self._order[place])

    def mark_shown(self, place: int) -> None:
        """Lower the weights of groups that are like the group at ``place``, which is shown."""
        lead = self._lead
        self._negatives -= int(self._amount[place] < 0)
        same_link = (lead.link == lead.link[place]) & (lead.link >= 0)
        same_item = lead.item == lead.item[place]
        same_kind = (lead.kind == lead.kind[place]) & (lead.near >> 1 == lead.near[place] >> 1)
        self._weight *= np.where(same_link, SAME_LINK, 1.0)
        self._weight *= np.where(same_item, SAME_ITEM, 1.0)
        self._weight *= np.where(same_kind, SAME_KIND, 1.0)
