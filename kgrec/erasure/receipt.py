"""Receipt: what was erased where, without names."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class ErasedPlace:
    """What left one place.

    Attributes
    ----------
    kind : str
        "store", "model", "snapshot", "service log", "feedback log", "checkpoint" or "text cache".
    place : str
        Its file, folder or address.
    removed : mapping of str to int
        How many rows, vectors or files left, by what they are; those that are 0 are left out.
    learned : str
        What of a model was trained with people since erased, in words; "" elsewhere.
    seconds : float
        How long it took.
    """

    kind: str
    place: str
    removed: Mapping[str, int]
    learned: str = ""
    seconds: float = 0.0


@dataclass(frozen=True)
class Receipt:
    """What an erasure did. It names nobody.

    Attributes
    ----------
    time : str
        When it ended, in UTC.
    people : tuple of str
        The keyed hash of each person, as in the files of tombstones of this call.
    places : tuple of ErasedPlace
        What left each place, in the order of the work.
    seconds : float
        How long all of it took.
    processor_seconds : float
        Of this process, without that of a store.
    traces : mapping of str to int or None
        By file, how many of the ids are still in it; empty where none is. None: no file was read.
    """

    time: str
    people: tuple[str, ...]
    places: tuple[ErasedPlace, ...]
    seconds: float
    processor_seconds: float
    traces: Mapping[str, int] | None = field(default=None)

    def to_json(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        values = asdict(self)
        values["format"], values["people_count"] = "kgrec-erasure", len(self.people)
        for place in values["places"]:
            place["removed"] = dict(place["removed"])
        return values


def now() -> str:
    """The time in UTC, to the second."""
    return dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
