"""What looks like a mistake in a whole catalog and is kept: ids in two Unicode forms, odd times."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from graph_schema.catalog import Catalog
from graph_schema.frames import SPECS
from graph_schema.names import KEY_COLUMNS
from graph_schema.report import shown

_UNREAD: Final = ("weight", "weights", "dwell", "dwell_time")  # of interactions
_NODES: Final = ("users", "items", "entities", "scenarios")
_YEAR_1900: Final = -2_208_988_800
_YEAR_1980: Final = 315_532_800
_YEAR_2100: Final = 4_102_444_800
# The least and the greatest of numbers that are hardly seconds, and what they look like.
_UNITS: Final = (
    (1_900, 2_100, "years"),
    (10_000, 60_000, "days, of a spreadsheet or since 1970"),
    (260_000, 600_000, "hours since 1970"),
    (15_000_000, 40_000_000, "minutes since 1970"),
)


def catalog_notes(catalog: Catalog) -> Iterator[str]:
    """Yield what a user should know of ids that look the same, and of times long ago."""
    for name in _NODES:
        yield from _forms(name, catalog.tables[name].column(KEY_COLUMNS[name]))
    for name, spec in SPECS.items():
        if "timestamp" in spec.by_name and "timestamp" in catalog.tables[name].column_names:
            yield from _early(name, catalog)
            yield from _odd_times(name, catalog)
    unread = [name for name in catalog.tables["interactions"].column_names if name in _UNREAD]
    if unread:
        yield (
            f"interactions: the column {shown(unread[0])} is kept, and no model reads it. Kinds of "
            "events and ratings have weights (feedback in the settings); write what it says as an "
            "event, such as view and buy."
        )


def _forms(name: str, ids: Any) -> Iterator[str]:
    """Ids that differ in their Unicode form alone, such as é as one sign or as two."""
    odd = ids.filter(pc.invert(pc.string_is_ascii(ids)))
    seen: dict[str, str] = {}
    pairs = []
    for one in odd.to_pylist():
        other = seen.setdefault(unicodedata.normalize("NFC", one), one)
        if other != one:
            pairs.append((other, one))
    if pairs:
        yield (
            f"{name}: ids look the same and are written in different Unicode forms (composed and "
            f"decomposed), {len(pairs):,} in all, the first is {shown(pairs[0][0])} "
            f"({pairs[0][0]!a} and {pairs[0][1]!a}); they are different ids. Bring the "
            "files to one form (NFC) if they are meant to be one."
        )


def _early(name: str, catalog: Catalog) -> Iterator[str]:
    """Times before 1900, as which programs write an unknown time."""
    times = catalog.tables[name].column("timestamp")
    least = pc.min(times).as_py() if len(times) else None
    if least is None or least >= _YEAR_1900:
        return
    yield _note(
        name,
        catalog,
        pc.less(times, _YEAR_1900),
        "times before the year 1900 are kept",
        "Leave the value empty where the time is unknown.",
    )


def _odd_times(name: str, catalog: Catalog) -> Iterator[str]:
    """Times that look like another unit or an unknown time, or are far in the future."""
    times = catalog.tables[name].column("timestamp")
    bounds = pc.min_max(times)
    least, most = bounds["min"].as_py(), bounds["max"].as_py()
    if least is None:
        return
    for low, high, what in _UNITS:
        if low <= least and most <= high:
            yield _note(
                name,
                catalog,
                pc.is_valid(times),
                f"the times look like {what} and are read as seconds since 1970",
                "Write them as unix seconds or as ISO 8601 text if so.",
            )
    if most > _YEAR_2100:
        yield _note(
            name,
            catalog,
            pc.greater(times, _YEAR_2100),
            "times after the year 2100 are kept",
            "Leave the value empty where the time is unknown.",
        )
    if -1 <= least <= 0 and (most > _YEAR_1980 or most <= 0):
        yield _note(
            name,
            catalog,
            pc.is_in(times, value_set=pa.array([-1, 0])),
            "times of 0 or -1 are read as 1970-01-01",
            "Leave the value empty where the time is unknown.",
        )


def _note(name: str, catalog: Catalog, chosen: Any, what: str, cure: str) -> str:
    """A note on the chosen times of a frame, with their number and the first one."""
    found = np.flatnonzero(pc.fill_null(chosen, False).to_numpy())
    place, rows = int(found[0]), catalog.rows.get(name)
    source = Path(catalog.sources.get(name, f"{name} frame")).name
    value = catalog.tables[name].column("timestamp")[place].as_py()
    return (
        f"{source}, column timestamp: {what} ({len(found):,} in all, the first is {value} in row "
        f"{place if rows is None else int(rows[place])}). {cure}"
    )
