"""Rows and masks for ids, filters and counts of a request, with clear errors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from kgrec.arguments import Missing, check_text, id_list, named
from kgrec.errors import RequestError
from kgrec.graph.snapshot import GraphSnapshot, Ints, NodeTable
from kgrec.paths.index import Constraints
from kgrec.ranking.filters import Condition, conditions
from kgrec.scoring.engine import Engine


def known_users(users: NodeTable, ids: Sequence[str]) -> Ints:
    """int64: rows of stored users. Raises RequestError that names all unknown users."""
    rows = users.rows(ids)
    if (rows < 0).any():
        raise unknown_users(_unknown(ids, rows))
    return rows


def unknown_users(ids: Sequence[str]) -> RequestError:
    """The error that names users who are not in the graph."""
    return RequestError(
        f"{_are('user', ids)} not in the graph; give a history with the request (an empty one will "
        "do), add the user with update(), or leave out what is unknown, where the method has it "
        "with missing='ignore'."
    )


def item_rows(items: NodeTable, ids: Any, missing: Missing = "error") -> Ints:
    """int64: rows of items, without unknown ones where ``missing`` is "ignore".

    Raises RequestError that names all unknown items.
    """
    wanted = id_list(ids, "items")
    rows = items.rows(wanted) if wanted else np.empty(0, dtype=np.int64)
    if missing == "ignore":
        return rows[rows >= 0]
    if (rows < 0).any():
        raise RequestError(
            f"{_are('item', _unknown(wanted, rows))} not in the graph; add it with update()."
        )
    return rows


def _unknown(ids: Sequence[str], rows: Ints) -> list[str]:
    return list(dict.fromkeys(ids[place] for place in np.flatnonzero(rows < 0).tolist()))


def _are(kind: str, unknown: Sequence[str]) -> str:
    return f"{kind} {unknown[0]!r} is" if len(unknown) == 1 else f"{kind}s {named(unknown)} are"


def check_scenario(scenario: Any) -> None:
    """Raise RequestError unless it is a name or None."""
    if scenario is not None:
        check_text(scenario, "scenario")


def scenario_code(engine: Engine, scenario: str) -> int:
    """The code of a scenario. Raises RequestError where the model does not know it."""
    names = engine.vocabulary.scenarios.tolist()
    if scenario not in names:
        known = ", ".join(map(repr, names)) or "none: the training data had no scenario column"
        here = isinstance(scenario, str) and scenario in engine.snapshot.scenarios.index
        cure = " It is new in the graph: add it to the model with adapt()." if here else ""
        raise RequestError(f"unknown scenario {scenario!r}; the model knows {known}.{cure}")
    return int(names.index(scenario))


def candidate_mask(snapshot: GraphSnapshot, limits: Constraints) -> np.ndarray | None:
    """bool ``[n_items]``: the items that candidates, exclude and where leave; None for all.

    Raises RequestError for an empty list of candidates, unknown items and for conditions that
    leave no item.
    """
    if limits.candidates is None and limits.where is None and limits.exclude is None:
        return None
    found = _item_conditions(snapshot.items, limits)
    mask = np.ones(len(snapshot.items), dtype=bool)
    for condition in found:
        mask &= condition.mask
    if not mask.any() and len(mask):
        left = ", ".join(f"{one.name} leaves {int(one.mask.sum()):,}" for one in found)
        raise RequestError(
            f"no item is left to recommend of {len(mask):,}: {left}; together none. Loosen one."
        )
    return mask


def conditions_against(snapshot: GraphSnapshot, limits: Constraints, item: int) -> list[str]:
    """Names of the conditions that leave item row ``item`` out of the lists. Raises RequestError
    as ``candidate_mask`` does."""
    found = _item_conditions(snapshot.items, limits)
    return [condition.name for condition in found if not condition.mask[item]]


def _item_conditions(items: NodeTable, limits: Constraints) -> list[Condition]:
    found = []
    if limits.candidates is not None:
        wanted = id_list(limits.candidates, "candidates")
        if not wanted:
            raise RequestError("candidates is an empty list; pass item ids, or None for all.")
        mask = np.zeros(len(items), dtype=bool)
        mask[item_rows(items, wanted, limits.missing)] = True
        found.append(Condition("candidates", mask))
    if limits.exclude is not None:
        mask = np.ones(len(items), dtype=bool)
        mask[item_rows(items, id_list(limits.exclude, "exclude"), limits.missing)] = False
        found.append(Condition("exclude", mask))
    if limits.where is not None:
        found += conditions(item_frame(items), limits.where)
    return found


def item_frame(items: NodeTable) -> pd.DataFrame:
    """The attributes of the items, with their ids in column ``item_id``."""
    return items.frame("item_id")


def few_item_rows(engine: Engine, ids: Sequence[str]) -> Ints:
    """``item_rows`` by a dictionary, which is faster for a few ids."""
    try:
        return np.fromiter(map(engine.item_row.__getitem__, ids), np.int64, len(ids))
    except (KeyError, TypeError):  # an id that is unknown, or no string yet
        return item_rows(engine.snapshot.items, ids)
