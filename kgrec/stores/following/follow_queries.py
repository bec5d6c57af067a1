"""FollowQueries: the Cypher by which a store is followed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from graph_schema.names import ENTITY, ITEM, USER

LABELS: Final = (USER, ITEM, ENTITY)  # of the nodes that are followed


@dataclass(frozen=True)
class FollowQueries:
    """The Cypher of a store, with the parameters ``since`` and ``most``.

    Attributes
    ----------
    interactions : tuple of str
        By their time, and by the time of their change: user, item, event, timestamp, rating,
        scenario, record and ``at``, the time asked for; without those whose record begins with
        ``own``; the earliest first.
    nodes : mapping of str to str
        By label: id, properties and ``at``; the earliest first.
    facts : mapping of str to str
        By label: the facts whose heads have the ``ids``: head, relation, tail, tail_label.
    """

    interactions: tuple[str, ...]
    nodes: Mapping[str, str]
    facts: Mapping[str, str]
