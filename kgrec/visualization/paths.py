"""A path that a page lists beside the graph."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

NodeKey = tuple[str, str]


@dataclass(frozen=True)
class PagePath:
    """A path that the page lists; ``steps`` are (source, relation, target) as in the graph."""

    sentence: str
    nodes: tuple[NodeKey, ...]
    steps: tuple[tuple[NodeKey, str, NodeKey], ...]
    cypher: str = ""
    parameters: Mapping[str, object] = field(default_factory=dict)
    contribution: float | None = None
