"""Limits of what is read from files that others made, and the variables that raise them.

A small file can be made that fills the memory when it is read: packed a thousandfold, with one row
of a gigabyte, or with a column for each row. Each limit is far above what data has.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Final

from graph_schema.errors import RequestError

RATIO: Final = 100  # times the size of the packed file; data of events packs 3 to 20 times


@dataclass(frozen=True)
class Limit:
    """A limit: the environment variable that raises it, its default, and what it counts."""

    name: str
    default: int
    unit: str

    def value(self) -> int:
        """The limit now. Raises RequestError for a variable that is no whole number above 0."""
        given = os.environ.get(self.name, "").strip()
        if not given:
            return self.default
        if not (given.isascii() and given.isdigit() and int(given) > 0):
            raise RequestError(
                f"{self.name} is {given[:40]!r}; give a whole number of {self.unit}, such as "
                f"{self.default}."
            )
        return int(given)

    def cure(self) -> str:
        """How to raise it, for messages."""
        return f"set {self.name} to more {self.unit} (now {self.value():,})"


# Of a packed file, or of a Parquet file's columns, once unpacked; with at most RATIO times the size
# of the file, it may be longer.
UNPACKED: Final = Limit("KGREC_MAX_UNPACKED", 1 << 30, "bytes")
RECORD: Final = Limit("KGREC_MAX_RECORD", 16 << 20, "bytes")  # of a row, line or JSON object
COLUMNS: Final = Limit("KGREC_MAX_COLUMNS", 2_000, "columns")  # of a table


def is_swollen(unpacked: int, packed: int) -> bool:
    """Whether the bytes of an unpacked file, or a lower bound of them, are too many for the size of
    the packed one. Raises RequestError as ``Limit.value`` does."""
    return unpacked > RATIO * packed and unpacked > UNPACKED.value()


def swollen(unpacked: int, packed: int) -> str:
    """What is wrong with such a file, and the cure."""
    return (
        f"{packed:,} bytes unpack to {unpacked:,} or more, over {RATIO} times as much: files that "
        f"are made to fill the memory do. Cure: check where it is from; where it is right, "
        f"{UNPACKED.cure()}."
    )
