"""Times that tell no order, are of another unit, or are missing for some rows."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from kgrec.graph.columns import NO_TIME
from kgrec.graph.snapshot import GraphSnapshot, Ints
from kgrec.leaks.finding import Finding

_LATEST = 10**11  # seconds: the year 5138; milliseconds are beyond this from 1973 on
_EARLIEST = 86_400 * 365  # seconds: 1971; years, days since 1970 and order numbers are before it
_MISSING = 0.01  # share of rows without a time that is reported
_WHERE = "interactions, timestamp"


def times_found(graph: GraphSnapshot) -> Iterator[Finding]:
    """What is wrong with the timestamps of interactions; nothing where there are none at all."""
    times = np.asarray(graph.interactions.timestamp)
    known = times[times != NO_TIME]
    if not len(known):
        return
    if len(known) > 1 and not graph.interactions.tells_order(len(graph.users)):
        yield _without_order(known)
    elif int(np.median(known)) > _LATEST:
        yield _of_other_unit(
            known, "milliseconds or a smaller unit", "Divide them by 1,000 or more"
        )
    elif int(known.max()) < _EARLIEST and int(known.min()) >= 0:
        yield _of_other_unit(known, "years, days or order numbers", "Convert them")
    missing = 1 - len(known) / len(times)
    if missing >= _MISSING:
        yield Finding(
            "times missing",
            "note",
            _WHERE,
            f"{missing:.1%} of the rows have no time; they count as older than all others.",
            "Fill them in, or leave the column out where most are missing.",
            {"share": missing},
        )


def _without_order(known: Ints) -> Finding:
    equal = bool((known == known[0]).all())
    what = f"all {len(known):,} times are {int(known[0])}" if equal else "each user has one time"
    return Finding(
        "times without order",
        "warning",
        _WHERE,
        f"{what}, so that they tell no order; fit and splits treat the rows as having no time.",
        "Give real times in unix seconds, or leave the column out.",
        {"rows": len(known)},
    )


def _of_other_unit(known: Ints, unit: str, cure: str) -> Finding:
    low, high = int(known.min()), int(known.max())
    return Finding(
        "unit of times",
        "warning",
        _WHERE,
        f"times lie between {low} and {high}, which are {unit} rather than unix seconds.",
        f"{cure} to unix seconds: visits, ages and dates are read in seconds.",
        {"first": low, "last": high},
    )
