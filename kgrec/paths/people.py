"""Other people on paths: a number of people takes the place of each, and none where they are few.

A number below ``ShownPeople.fewest`` says too much of each of the few, as in k-anonymity (Sweeney,
2002), where each group of equal records has at least k.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import quote

import numpy as np

from graph_schema.errors import RequestError
from graph_schema.names import ITEM
from kgrec.config.explain import FEWEST_PEOPLE
from kgrec.graph.snapshot import Ints
from kgrec.paths.index import Constraints, Limits, PathIndex, node_list

PEOPLE: Final = "People"  # the label of a node that stands for several people
OPERATOR_ONLY: Final = (
    "Other people are shown to the operator alone. Cure: ask kgrec.show_people(model), or with "
    "--show-people, or the service with people=true and a key with the scope admin."
)


@dataclass(frozen=True)
class ShownPeople:
    """How answers speak of people other than the one who asks.

    Attributes
    ----------
    fewest : int
        Others are counted where they are at least this many; fewer are neither counted nor shown.
    named : bool
        Whether others are shown by id and name instead, for the operator.
    """

    fewest: int = FEWEST_PEOPLE
    named: bool = False

    def counts(self, people: int) -> bool:
        """Whether a number of people may be said."""
        return self.named or people >= self.fewest


def people_id(*around: str) -> str:
    """The id of a node of several people, by what it is between: the same people have one node."""
    return "&".join(quote(part, safe=":") for part in around)


def is_person(index: PathIndex, nodes: Ints, own: AbstractSet[int] = frozenset()) -> np.ndarray:
    """Which nodes are users other than ``own``, bool of the shape of ``nodes``; -1 is none."""
    person = (nodes >= 0) & (nodes < index.space.offsets[ITEM])
    return np.asarray(person & ~np.isin(nodes, sorted(own)) if own else person)


def limits_without_people(
    index: PathIndex, constraints: Constraints, own: AbstractSet[int]
) -> Limits:
    """The limits of constraints that name no person but ``own``.

    A bare id that an item or entity has too means that one. Raises RequestError for one that names
    a person: whether a path through a person exists says what this person chose.
    """
    limits = index.limits(constraints)
    for name, given in (("via", constraints.via), ("avoid", constraints.avoid)):
        for node in node_list(given):
            found = np.array(sorted(index.resolve(node)))
            if is_person(index, found, own).all():
                raise RequestError(f"{name} names a person. {OPERATOR_ONLY}")
    via = tuple(_without(index, group, own) for group in limits.via)
    avoid = _without(index, limits.avoid, own)
    rows = np.array(sorted(avoid), dtype=np.int64)
    return replace(limits, via=via, avoid=avoid, allowed=replace(limits.allowed, avoid=rows))


def _without(index: PathIndex, nodes: frozenset[int], own: AbstractSet[int]) -> frozenset[int]:
    people = is_person(index, np.array(sorted(nodes), dtype=np.int64), own)
    return frozenset(node for node, one in zip(sorted(nodes), people, strict=True) if not one)


def people_between(
    index: PathIndex, ends: tuple[int, int], codes: tuple[int, int], besides: AbstractSet[int]
) -> int:
    """How many users, ``besides`` left out, the edge codes ``codes`` join to both nodes: from
    ``ends[0]`` to the user, and from the user to ``ends[1]``."""
    near, near_code = index.whole.of(ends[0])
    far, far_code = index.whole.of(ends[1])
    both = np.intersect1d(near[near_code == codes[0]], far[far_code == codes[1] ^ 1])
    return int(is_person(index, both, besides).sum())
