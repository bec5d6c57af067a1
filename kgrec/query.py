"""From what a caller asks to rows: users, histories, scenarios, candidates; with clear errors."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, chain
from typing import Any, Literal, TypeAlias

import numpy as np
import pandas as pd

from kgrec.errors import RequestError
from kgrec.graph.snapshot import GraphSnapshot, Ints, NodeTable
from kgrec.nn import Histories
from kgrec.ranking import Where, attribute_mask
from kgrec.scenarios.user_scenarios import scenarios_of
from kgrec.scoring.engine import Engine

GivenHistories: TypeAlias = Mapping[str, Sequence[str]] | Sequence[Sequence[str]]
Horizon: TypeAlias = Literal["next", "later"]


@dataclass(frozen=True, eq=False)
class Asked:
    """Whom a request is about, and each one's history; ``names`` are absent for histories that
    came without a user. ``mixture`` float64 ``[B, K + 1]``: what each of the vocabulary's scenarios
    and none of them (last) count for, where scores are to be averaged over scenarios."""

    histories: Histories
    names: list[str] | None = None
    context: Mapping[str, Any] | None = None
    mixture: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.histories)

    @property
    def ids(self) -> list[str]:
        """User ids as they appear in the answer: numbers for histories without a user."""
        return [str(row) for row in range(len(self))] if self.names is None else self.names

    def part(self, start: int, end: int) -> Asked:
        """Users ``start`` to ``end`` alone."""
        if start == 0 and end >= len(self):
            return self
        names = None if self.names is None else self.names[start:end]
        mixture = None if self.mixture is None else self.mixture[start:end]
        return Asked(self.histories.part(start, end), names, self.context, mixture)


def ask(
    engine: Engine,
    users: str | Sequence[str] | None,
    histories: GivenHistories | None,
    scenario: str | None,
    context: Mapping[str, Any] | None = None,
    horizon: Horizon = "next",
) -> Asked:
    """Stored users, or histories given by user id (or without one, numbered from 0).

    A given history takes the place of a stored one. Without ``scenario`` the rule of the settings
    tells it, where it goes by users. Raises RequestError for a user that is neither
    stored nor has a history here, an unknown item, scenario or horizon, or a request for nobody.
    """
    asked = _asked(engine, users, histories, scenario, context)
    if horizon == "next":
        return asked
    if horizon != "later":
        raise RequestError(f"unknown horizon {horizon!r}; use 'next' or 'later'.")
    later = np.ones(len(asked), dtype=bool)
    return replace(asked, histories=replace(asked.histories, later=later))


def _asked(
    engine: Engine,
    users: str | Sequence[str] | None,
    histories: GivenHistories | None,
    scenario: str | None,
    context: Mapping[str, Any] | None,
) -> Asked:
    if histories is None:
        if users is None:
            raise RequestError("nobody to recommend to; pass users or histories.")
        ids = id_list(users, "users")
        rows = known_users(engine.snapshot.users, ids)
        return Asked(engine.stored(rows, _codes(engine, rows, scenario, context)), ids, context)
    names, given = _named(users, histories)
    none = np.full(len(given), -1)
    # Only names are looked up: a stored user may happen to be called "0".
    rows = none if names is None else engine.snapshot.users.rows(names)
    codes = _codes(engine, rows, scenario, context)
    if len(given) == 1:
        return Asked(engine.typed_one(_item_rows(engine, given[0]), rows, codes), names, context)
    indptr = np.array([0, *accumulate(map(len, given))])
    items = _item_rows(engine, list(chain.from_iterable(given)))
    return Asked(engine.typed(indptr, items, rows, codes), names, context)


def _codes(
    engine: Engine, rows: Ints, scenario: str | None, context: Mapping[str, Any] | None
) -> Ints:
    """int64 ``[B]``: the scenario asked for, else the rule's of each user, -1 for none."""
    if scenario is not None:
        return np.full(len(rows), scenario_code(engine, scenario))
    ruled = scenarios_of(engine, rows, context)
    return np.full(len(rows), -1) if ruled is None else ruled


def _named(
    users: str | Sequence[str] | None, histories: GivenHistories
) -> tuple[list[str] | None, list[Sequence[str]]]:
    """Users' ids, if they have any, and as many lists of item ids."""
    names = None if users is None else id_list(users, "users")
    if isinstance(histories, Mapping):
        if names is not None:
            raise RequestError("histories already name their users; pass users or histories.")
        names, given = [str(user) for user in histories], list(histories.values())
    else:
        given = list(histories)
    if names is not None and len(names) != len(given):
        raise RequestError(f"{len(names)} users but {len(given)} histories; pass one for each.")
    return names, [items if type(items) is list else _history(items) for items in given]


def _history(items: Any) -> list[str]:
    if isinstance(items, str):
        raise RequestError("a history is a list of item ids, not one string.")
    return id_list(items, "a history")


def _item_rows(engine: Engine, ids: Sequence[str]) -> Ints:
    """``item_rows`` through a dictionary, which is faster for a few ids."""
    try:
        return np.fromiter(map(engine.item_row.__getitem__, ids), np.int64, len(ids))
    except (KeyError, TypeError):  # an id that is unknown, or no string yet
        return item_rows(engine.snapshot.items, ids)


def id_list(ids: str | Iterable[Any], what: str) -> list[str]:
    """Ids as a list of strings, one id for a list of one. Raises RequestError."""
    if isinstance(ids, str):
        return [ids]
    if not isinstance(ids, Iterable):
        raise RequestError(f"{what} must be an id or a list of ids, not {ids!r}.")
    return [str(one) for one in ids]


def known_users(users: NodeTable, ids: Sequence[str]) -> Ints:
    """Rows of stored users; RequestError names the first that is unknown."""
    rows = users.rows(ids)
    if (rows < 0).any():
        unknown = ids[int(np.argmax(rows < 0))]
        raise RequestError(
            f"user {unknown!r} is not in the graph; pass histories={{{unknown!r}: [item ids]}} "
            "(an empty list will do), or add the user with update()."
        )
    return rows


def item_rows(items: NodeTable, ids: Sequence[str]) -> Ints:
    """Rows of items; RequestError names the first that is unknown."""
    wanted = [str(item) for item in ids]
    rows = items.rows(wanted) if wanted else np.empty(0, dtype=np.int64)
    if (rows < 0).any():
        unknown = wanted[int(np.argmax(rows < 0))]
        raise RequestError(f"item {unknown!r} is not in the graph; add it with update().")
    return rows


def scenario_code(engine: Engine, scenario: str) -> int:
    """The scenario's code; RequestError lists what the model knows."""
    names = engine.vocabulary.scenarios.tolist()
    if scenario not in names:
        known = ", ".join(map(repr, names)) or "none: the training data had no scenario column"
        here = isinstance(scenario, str) and scenario in engine.snapshot.scenarios.index
        cure = " It is new in the graph: adapt() takes it into the model." if here else ""
        raise RequestError(f"unknown scenario {scenario!r}; the model knows {known}.{cure}")
    return int(names.index(scenario))


def candidate_mask(
    snapshot: GraphSnapshot, candidates: Sequence[str] | None, where: Where | None
) -> np.ndarray | None:
    """bool ``[n_items]``, None for all; RequestError for an empty list or a filter that leaves
    nothing."""
    if candidates is None and where is None:
        return None
    mask = np.ones(len(snapshot.items), dtype=bool)
    if candidates is not None:
        wanted = id_list(candidates, "candidates")
        if not wanted:
            raise RequestError("candidates is an empty list; pass item ids, or None for all.")
        mask[:] = False
        mask[item_rows(snapshot.items, wanted)] = True
    if where is not None:
        mask &= attribute_mask(item_frame(snapshot.items), where)
    if not mask.any():
        raise RequestError("no item is left to recommend after candidates and where.")
    return mask


def item_frame(items: NodeTable) -> pd.DataFrame:
    """Attributes with the ids in column ``item_id``."""
    frame = items.attributes.copy(deep=False)
    frame.insert(0, "item_id", items.ids)
    return frame


def check_k(k: Any) -> int:
    """k as an int; RequestError unless it is a whole number of at least one."""
    if isinstance(k, bool) or not isinstance(k, int | np.integer) or k < 1:
        raise RequestError(f"k is {k!r}; ask for at least one result.")
    return int(k)
