"""Made-up films and dumps of them, as files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from graph_schema import Catalog

_FIRST = ("Silent", "Golden", "Broken", "Hidden", "Distant", "Bitter", "Crimson", "Hollow")
_SECOND = ("Harbour", "Orchard", "Engine", "Letter", "Mountain", "Mirror", "Voyage", "Winter")


def film_names(count: int = 60) -> list[str]:
    """Distinct names: "The Silent Harbour"."""
    pairs = [(first, second) for first in _FIRST for second in _SECOND]
    return [f"The {first} {second}" for first, second in pairs[:count]]


def years(count: int = 60) -> list[int]:
    """A year for each name."""
    return [1940 + int(n) for n in np.random.default_rng(7).integers(0, 60, size=count)]


def films(count: int = 60, **columns: list[str]) -> Catalog:
    """Items m0, m1 … with names as "Silent Harbour, The" and their years."""
    items = pd.DataFrame(
        {
            "item_id": [f"m{n}" for n in range(count)],
            "title": [f"{name.removeprefix('The ')}, The" for name in film_names(count)],
            "year": years(count),
            **columns,
        }
    )
    return Catalog.from_frames(items=items)


def dump_frame(count: int = 60) -> pd.DataFrame:
    """The same films as things q0, q1 … of a dump."""
    return pd.DataFrame(
        {
            "qid": [f"q{n}" for n in range(count)],
            "name": film_names(count),
            "year": list(map(str, years(count))),
        }
    )


def write(frame: pd.DataFrame, path: Path) -> Path:
    """The frame as a CSV file."""
    frame.to_csv(path, index=False)
    return path
