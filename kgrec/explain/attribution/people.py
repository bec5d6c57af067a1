"""Pieces of a score that came through other people: what may be shown of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from kgrec.explain.attribution.pieces import COLLABORATIVE, DIRECT, FAR, SHARED, Pieces
from kgrec.explain.attribution.selection import group
from kgrec.features.names import KNOWLEDGE
from kgrec.paths.index import PathIndex
from kgrec.paths.links import find_links
from kgrec.paths.people import is_person


def without_links_of_people(index: PathIndex, pieces: Pieces) -> Pieces:
    """The same pieces, those through facts of a user as of the graph around the items;
    contributions stay as they are."""
    person = is_person(index, pieces.link)
    if not person.any():
        return pieces
    link, near, far = (
        np.where(person, -1, column) for column in (pieces.link, pieces.near, pieces.far)
    )
    kind = np.where(person, FAR, pieces.kind)
    return replace(pieces, kind=kind, link=link, near=near, far=far)


def through_few(
    index: PathIndex, pieces: Pieces, candidate: int, asker: int, fewest: int
) -> np.ndarray:
    """Which pieces came through fewer than ``fewest`` others who chose both items, bool ``[p]``.

    Pieces of one path are evaluated together. What lowers a score, what comes from the graph around
    the items, and what no other user's choices join say nothing of a few people.
    """
    if not (pieces.kind == COLLABORATIVE).any():
        return np.zeros(len(pieces), dtype=bool)
    groups = group(pieces, index.space.size)
    lead = groups.lead
    knowledge = pieces.part_names.index(KNOWLEDGE) if KNOWLEDGE in pieces.part_names else -1
    counted = np.flatnonzero(
        (pieces.kind[lead] == COLLABORATIVE)
        & (pieces.part[lead] != knowledge)
        & (groups.contribution >= 0)
    )
    people = index.co_user_counts(pieces.item[lead[counted]], candidate, asker)
    few = np.zeros(len(lead), dtype=bool)
    few[counted[(people > 0) & (people < fewest)]] = True
    return np.asarray(few[groups.member])


def along_facts(
    index: PathIndex, pieces: Pieces, few: np.ndarray, candidate: int
) -> tuple[Pieces, np.ndarray]:
    """The pieces with those of ``few`` (bool ``[p]``) on the path of a public fact, where one joins
    the item and the candidate, and which pieces have none, bool ``[p]``; contributions stay.

    A group that is too small is replaced by a coarser one, as in k-anonymity: not those who chose
    both items, but the brand, the category or the like that both have. Of several the rarest is
    taken.
    """
    rows = np.flatnonzero(few)
    items, place = np.unique(pieces.item[rows], return_inverse=True)
    links = find_links(index.facts, items, candidate, len(index.snapshot.items))
    public = np.flatnonzero(~is_person(index, links.link))
    order = np.lexsort(
        (
            links.far[public],
            links.near[public],
            links.link[public],
            -links.weight[public],
            links.item[public],
        )
    )
    joined, first = np.unique(links.item[public[order]], return_index=True)
    best = np.full(len(items), -1, dtype=np.int64)
    best[joined] = public[order[first]]
    chosen = best[place]
    rows, chosen = rows[chosen >= 0], chosen[chosen >= 0]
    kind, link, near, far = (
        column.copy() for column in (pieces.kind, pieces.link, pieces.near, pieces.far)
    )
    kind[rows] = np.where(links.link[chosen] < 0, DIRECT, SHARED)
    link[rows], near[rows], far[rows] = links.link[chosen], links.near[chosen], links.far[chosen]
    left = few.copy()
    left[rows] = False
    return replace(pieces, kind=kind, link=link, near=near, far=far), left
