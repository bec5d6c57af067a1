"""Which items of a history are left out of lists: all, none, or by kind and age of its events."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from kgrec.arguments import check_flag
from kgrec.config.feedback import OTHERS, Hiding, seconds
from kgrec.errors import RequestError
from kgrec.graph.columns import codes_and_names
from kgrec.graph.snapshot import NO_TIME, Ints, Strings

ExcludeSeen: TypeAlias = "bool | Mapping[str, Hiding]"


@dataclass(frozen=True)
class SeenRule:
    """Items that are left out because of an event, by its kind.

    Attributes
    ----------
    kinds : tuple of (str, float)
        For how many seconds after the event; inf: always, 0: never.
    others : float
        The same of other kinds.
    """

    kinds: tuple[tuple[str, float], ...] = ()
    others: float = np.inf

    @staticmethod
    def of(given: Any, default: Mapping[str, Hiding] | None = None) -> SeenRule:
        """From true, false, or durations by kind; true stands for ``default`` where there is one.
        Raises RequestError for anything else."""
        if not isinstance(given, Mapping):
            if not check_flag(given, "exclude_seen"):
                return NOTHING
            given = default or {}
        try:
            kinds = {str(kind): seconds(hiding) for kind, hiding in given.items()}
        except (ValueError, TypeError, AttributeError) as error:
            raise RequestError(
                f"exclude_seen can't be read: {error}; pass true, false, or a mapping such as "
                "{'buy': True, 'view': '30d'}."
            ) from error
        others = kinds.pop(OTHERS, np.inf)
        return SeenRule(tuple(kinds.items()), others)

    @property
    def whole(self) -> bool:
        """Whether all items of a history are left out."""
        return not self.kinds and bool(np.isinf(self.others))

    @property
    def nothing(self) -> bool:
        """Whether none is."""
        return not self.kinds and not self.others

    def hides(self, kind: Strings, time: Ints, now: Ints) -> np.ndarray:
        """bool ``[nnz]``: which events leave their items out.

        ``kind`` object, ``time`` int64 unix seconds (NO_TIME: unknown, and then as if just now) and
        ``now`` int64 ``[nnz]`` each.
        """
        codes, names = codes_and_names(kind)
        known = dict(self.kinds)
        limit = np.array([known.get(name, self.others) for name in names], dtype=np.float64)[codes]
        age = np.where(time == NO_TIME, 0, now - np.where(time == NO_TIME, 0, time))
        return np.asarray((limit > 0) & (age <= limit))


ALL = SeenRule()
NOTHING = SeenRule(others=0.0)
