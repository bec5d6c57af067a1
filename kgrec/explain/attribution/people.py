"""Pieces of a score that came through other people: what may be shown of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from kgrec.explain.attribution.pieces import COLLABORATIVE, FAR, Pieces
from kgrec.explain.attribution.selection import group
from kgrec.features.names import KNOWLEDGE
from kgrec.paths.index import PathIndex
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
