"""GraphOutline: the labels, relationship types and properties that a graph has, with samples."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class LabelOutline:
    """The nodes of one label: their ``count``, the properties that are unique by a constraint, and
    the properties of some of the nodes, each in plain values."""

    label: str
    count: int
    unique: tuple[str, ...] = ()
    sample: tuple[Mapping[str, Any], ...] = ()

    def values(self, name: str) -> list[Any]:
        """The values of a property in the sample, where nodes have it."""
        return [one[name] for one in self.sample if one.get(name) is not None]


@dataclass(frozen=True)
class TypeOutline:
    """The relationships of one type from one label to another."""

    source: str
    type: str
    target: str
    count: int
    sample: tuple[Mapping[str, Any], ...] = ()

    def values(self, name: str) -> list[Any]:
        """The values of a property in the sample, where relationships have it."""
        return [one[name] for one in self.sample if one.get(name) is not None]


@dataclass(frozen=True)
class GraphOutline:
    """Labels by falling count, and relationship types."""

    labels: tuple[LabelOutline, ...]
    types: tuple[TypeOutline, ...] = field(default=())

    def label(self, name: str) -> LabelOutline:
        """The label of this name."""
        return next(one for one in self.labels if one.label == name)
