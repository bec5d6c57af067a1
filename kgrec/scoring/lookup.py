"""Rows and masks for ids, filters and counts of a request, with clear errors."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from kgrec.errors import RequestError
from kgrec.graph.snapshot import GraphSnapshot, Ints, NodeTable
from kgrec.ranking import Where, attribute_mask
from kgrec.scoring.engine import Engine


def id_list(ids: str | Iterable[Any], what: str) -> list[str]:
    """Ids as a list of strings; a single id becomes a list of one. Raises RequestError."""
    if isinstance(ids, str):
        return [ids]
    if not isinstance(ids, Iterable):
        raise RequestError(f"{what} must be an id or a list of ids, not {ids!r}.")
    return [str(one) for one in ids]


def known_users(users: NodeTable, ids: Sequence[str]) -> Ints:
    """int64: rows of stored users. Raises RequestError for an unknown user."""
    rows = users.rows(ids)
    if (rows < 0).any():
        unknown = ids[int(np.argmax(rows < 0))]
        raise RequestError(
            f"user {unknown!r} is not in the graph; pass histories={{{unknown!r}: [item ids]}} "
            "(an empty list will do), or add the user with update()."
        )
    return rows


def item_rows(items: NodeTable, ids: Sequence[str]) -> Ints:
    """int64: rows of items. Raises RequestError for an unknown item."""
    wanted = [str(item) for item in ids]
    rows = items.rows(wanted) if wanted else np.empty(0, dtype=np.int64)
    if (rows < 0).any():
        unknown = wanted[int(np.argmax(rows < 0))]
        raise RequestError(f"item {unknown!r} is not in the graph; add it with update().")
    return rows


def scenario_code(engine: Engine, scenario: str) -> int:
    """The code of a scenario. Raises RequestError where the model does not know it."""
    names = engine.vocabulary.scenarios.tolist()
    if scenario not in names:
        known = ", ".join(map(repr, names)) or "none: the training data had no scenario column"
        here = isinstance(scenario, str) and scenario in engine.snapshot.scenarios.index
        cure = " It is new in the graph: add it to the model with adapt()." if here else ""
        raise RequestError(f"unknown scenario {scenario!r}; the model knows {known}.{cure}")
    return int(names.index(scenario))


def candidate_mask(
    snapshot: GraphSnapshot, candidates: Sequence[str] | None, where: Where | None
) -> np.ndarray | None:
    """bool ``[n_items]``: the items that candidates and conditions leave; None for all.

    Raises RequestError for an empty list and for conditions that leave no item.
    """
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
    """The attributes of the items, with their ids in column ``item_id``."""
    frame = items.attributes.copy(deep=False)
    frame.insert(0, "item_id", items.ids)
    return frame


def check_k(k: Any) -> int:
    """k as an int. Raises RequestError unless it is a whole number of at least one."""
    if isinstance(k, bool) or not isinstance(k, int | np.integer) or k < 1:
        raise RequestError(f"k is {k!r}; ask for at least one result.")
    return int(k)


def check_count(value: object, name: str) -> int:
    """``value`` as an int. Raises RequestError unless it is a whole number of at least one."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
        raise RequestError(f"{name} is {value!r}; give a whole number of at least 1.")
    return int(value)


def few_item_rows(engine: Engine, ids: Sequence[str]) -> Ints:
    """``item_rows`` by a dictionary, which is faster for a few ids."""
    try:
        return np.fromiter(map(engine.item_row.__getitem__, ids), np.int64, len(ids))
    except (KeyError, TypeError):  # an id that is unknown, or no string yet
        return item_rows(engine.snapshot.items, ids)
