"""Lists with explored places, each drawn by the seed and its user alone."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Any, Final

import numpy as np
import pandas as pd

from graph_schema.errors import RequestError
from kgrec.arguments import check_seed
from kgrec.ranking.exploration import SwapPlan, check_explore, pool_sizes, swap_plan
from kgrec.scoring.engine import Engine
from kgrec.scoring.item_clusters.lists import ItemSearch, best_items
from kgrec.scoring.ranked_lists import ListOptions, Ranked, RankedRows, ranked_frame
from kgrec.scoring.request import Request

NEW_EVENTS: Final = 5  # items with fewer interactions are new
_LIST_ID = re.compile(r"[0-9a-f]{16}")
_SEED_DIGITS: Final = 8


class ExploredLists(Ranked):
    """``Ranked`` of explored lists, with what a log of them needs.

    ``probabilities`` float64 ``[B, k]``: of each item at its place (NaN where a list is shorter);
    ``list_ids`` object ``[B]``.
    """

    probabilities: np.ndarray
    list_ids: np.ndarray

    @classmethod
    def of(cls, ranked: Ranked, probabilities: np.ndarray, list_ids: np.ndarray) -> ExploredLists:
        """The ranked lists with their probabilities and ids."""
        found = cls(*ranked)
        found.probabilities, found.list_ids = probabilities, list_ids
        return found


@dataclass(frozen=True)
class Exploration:
    """How to explore: ``share`` of the places, from 0 to 0.5, and the seed of the request."""

    share: float
    seed: int

    @staticmethod
    def build(explore: Any, seed: Any, k: int) -> Exploration | None:
        """The exploration of a request; None without. ``seed``: a whole number, the id of a list
        (whose seed is taken), or None to draw one. Raises RequestError."""
        if explore is None:
            if seed is not None:
                raise RequestError("seed is given without explore; it draws the explored places.")
            return None
        return Exploration(check_explore(explore, k), _seed(seed))


def explored_items(
    engine: Engine,
    request: Request,
    options: ListOptions,
    search: ItemSearch | None,
    exploration: Exploration,
) -> ExploredLists:
    """The best items of every history, with explored places.

    A list depends on its user, the seed and the model alone, whoever else is asked about.
    """
    k = min(options.k, len(engine.item_ids) - 1)
    following, new = pool_sizes(k)
    ranked = best_items(engine, request, replace(options, k=k + following), search)
    k, following = min(k, ranked.rows.shape[1]), max(ranked.rows.shape[1] - k, 0)
    pool = _joined(ranked, _new_items(engine, request, options, search, new))
    rows = np.full((len(request), k), -1, dtype=np.int64)
    scores = np.full((len(request), k), -np.inf, dtype=np.float32)
    probabilities = np.full((len(request), k), np.nan)
    ids = [_list_id(exploration.seed, name) for name in request.ids]
    for row, name in enumerate(ids):
        items, places, plan = _own_plan(pool, ranked, row, k, exploration.share)
        order = plan.draw(np.random.default_rng(int(name, 16)))
        n = len(order)
        rows[row, :n] = items[places[order]]
        scores[row, :n] = pool.scores[row, places[order]]
        probabilities[row, :n] = plan.probability[order, np.arange(n)]
    lists = RankedRows(rows, scores).with_ids(engine, request.integers)
    return ExploredLists.of(lists, probabilities, np.array(ids, dtype=object))


def answer_frame(request: Request, ranked: Ranked) -> pd.DataFrame:
    """The lists of a request as a frame: user_id, item_id, score and rank, and of explored lists
    also probability and list_id."""
    frame = ranked_frame(("user_id", "item_id"), request.ids, ranked, request.integers)
    if isinstance(ranked, ExploredLists):
        kept = ranked.scores > -np.inf
        frame["probability"] = ranked.probabilities[kept]
        frame["list_id"] = np.repeat(ranked.list_ids, kept.sum(axis=1))
    return frame


def _own_plan(
    pool: RankedRows, ranked: RankedRows, row: int, k: int, share: float
) -> tuple[np.ndarray, np.ndarray, SwapPlan]:
    """The items that one list is made of, the columns that have one, and the plan for so many."""
    items = pool.rows[row]
    places = np.flatnonzero(items >= 0)
    filled = int(np.count_nonzero(places < ranked.rows.shape[1]))
    length = min(k, filled)
    return items, places, swap_plan(share, length, filled - length, len(places) - filled)


def _new_items(
    engine: Engine, request: Request, options: ListOptions, search: ItemSearch | None, new: int
) -> RankedRows | None:
    """The best ``new`` of the items with few interactions; None where there are none."""
    few = engine.event_counts < NEW_EVENTS
    mask = few if options.mask is None else few & options.mask
    if not mask.any():
        return None
    return best_items(engine, request, replace(options, k=new, mask=mask), search)


def _joined(ranked: RankedRows, new: RankedRows | None) -> RankedRows:
    """The items of both, side by side; those that are among the ranked ones count once."""
    if new is None:
        return ranked
    twice = (new.rows[:, :, None] == ranked.rows[:, None, :]).any(axis=2)
    rows = np.where(twice, -1, new.rows)
    return RankedRows(np.hstack([ranked.rows, rows]), np.hstack([ranked.scores, new.scores]))


def _list_id(seed: int, name: str) -> str:
    """16 hexadecimal digits: the seed of the request, then a hash of the user's id."""
    user = blake2b(name.encode(errors="surrogatepass"), digest_size=4).hexdigest()
    return f"{seed:0{_SEED_DIGITS}x}{user}"


def _seed(seed: Any) -> int:
    if not isinstance(seed, str):
        return check_seed(seed)
    if not _LIST_ID.fullmatch(seed):
        raise RequestError(
            f"seed is {seed[:40]!r}; give a whole number, or a list id of 16 hexadecimal digits."
        )
    return int(seed[:_SEED_DIGITS], 16)
