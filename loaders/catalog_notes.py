"""What looks like a mistake in a whole catalog and is kept: ids in two Unicode forms, odd times."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow.compute as pc

from graph_schema.catalog import Catalog
from graph_schema.frames import SPECS
from graph_schema.names import KEY_COLUMNS
from graph_schema.report import shown

_NODES: Final = ("users", "items", "entities", "scenarios")
_YEAR_1900: Final = -2_208_988_800


def catalog_notes(catalog: Catalog) -> Iterator[str]:
    """Yield what a user should know of ids that look the same, and of times long ago."""
    for name in _NODES:
        yield from _forms(name, catalog.tables[name].column(KEY_COLUMNS[name]))
    for name, spec in SPECS.items():
        if "timestamp" in spec.by_name and "timestamp" in catalog.tables[name].column_names:
            yield from _early(name, catalog)


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
    early = np.flatnonzero(pc.fill_null(pc.less(times, _YEAR_1900), False).to_numpy())
    place = int(early[0])
    rows = catalog.rows.get(name)
    source = Path(catalog.sources.get(name, f"{name} frame")).name
    yield (
        f"{source}, column timestamp: times before the year 1900 are kept ({len(early):,} in all, "
        f"the first is {times[place].as_py()} in row "
        f"{place if rows is None else int(rows[place])}). Leave the value empty where the time is "
        "unknown."
    )
