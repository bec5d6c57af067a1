"""Boxes: where nodes stand in a picture, in inches."""

from __future__ import annotations

from dataclasses import dataclass

Points = list[tuple[float, float]]


@dataclass(frozen=True)
class Box:
    """A node's place in inches: centre, width and height."""

    x: float
    y: float
    width: float
    height: float


def overlap(a: Box, b: Box) -> float:
    """Square inches that two boxes share."""
    wide = min(a.x + a.width / 2, b.x + b.width / 2) - max(a.x - a.width / 2, b.x - b.width / 2)
    tall = min(a.y + a.height / 2, b.y + b.height / 2) - max(a.y - a.height / 2, b.y - b.height / 2)
    return max(wide, 0.0) * max(tall, 0.0)
