"""Lists with explored places, each drawn by the seed and its user alone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Any, Final

import numpy as np
import pandas as pd

from graph_schema.errors import RequestError
from kgrec.arguments import check_seed
from kgrec.differential_privacy.refusal import check_not_private
from kgrec.graph.snapshot import Ints
from kgrec.ranking.exploration import check_explore, draw_list, pool_size
from kgrec.rules.rule import PLACING
from kgrec.scoring.engine import Engine
from kgrec.scoring.item_clusters.lists import ItemSearch, best_items
from kgrec.scoring.ranked_lists import (
    ListOptions,
    Ranked,
    RankedRows,
    batch_size,
    personal_scores,
    ranked_frame,
    score_request,
    seen_items,
)
from kgrec.scoring.request import Request

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

    A list depends on its user, the seed and the model alone, whoever else is asked about. Raises
    RequestError where rules set places, which explored places could break.
    """
    check_not_private(engine.private, "which items are new (explore)")
    _check_rules(request)
    k = min(options.k, len(engine.item_ids) - 1)
    ranked = best_items(engine, request, replace(options, k=k + pool_size(k)), search)
    k = min(k, ranked.rows.shape[1])
    rows = np.full((len(request), k), -1, dtype=np.int64)
    scores = np.full((len(request), k), -np.inf, dtype=np.float32)
    probabilities = np.full((len(request), k), np.nan)
    unscored = np.zeros((len(request), k), dtype=bool)
    ids = [_list_id(exploration.seed, name) for name in request.ids]
    for row, new in enumerate(_new_items(engine, request, options)):
        best = ranked.rows[row][ranked.rows[row] >= 0]
        new = new[~np.isin(new, best)]
        rng = np.random.default_rng(int(ids[row], 16))
        drawn = draw_list(best, new, k, exploration.share, rng)
        n, known = len(drawn.rows), drawn.start < len(best)
        rows[row, :n], probabilities[row, :n] = drawn.rows, drawn.probability
        scores[row, :n][known] = ranked.scores[row, drawn.start[known]]
        unscored[row, :n] = ~known
    _fill_scores(engine, request, rows, scores, unscored)
    lists = RankedRows(rows, scores).with_ids(engine, request.integers)
    return ExploredLists.of(lists, probabilities, np.array(ids, dtype=object))


def _new_items(engine: Engine, request: Request, options: ListOptions) -> Iterator[Ints]:
    """For each history the rows of the new items that may be in its list, int64."""
    histories, mask = request.histories, options.mask
    if options.within_scenario:
        mask = engine.candidates(histories.scenario, mask)
    few = engine.new_items
    shared = few if mask is None or mask.ndim > 1 else few[mask[few]]
    seen = seen_items(engine, request, options.seen)
    for row in range(len(request)):
        new = shared[mask[row, shared]] if mask is not None and mask.ndim > 1 else shared
        if seen is not None:
            new = new[~np.isin(new, seen[1][seen[0][row] : seen[0][row + 1]])]
        yield new if request.rules is None else new[request.rules.of(row).allowed[new]]


def _check_rules(request: Request) -> None:
    """Raise RequestError for rules that pin, cap or reserve places of a list of the request."""
    if request.rules is None:
        return
    for _, rules in request.rules.parts():
        if rules.placement is not None:
            names = [repr(rule.name) for rule in rules.rules if rule.effect in PLACING]
            raise RequestError(
                f"lists can't be explored where rules set places: {', '.join(names)}. Cure: leave "
                "explore out, or ask for users or a scenario in which they don't hold."
            )


def _fill_scores(
    engine: Engine, request: Request, rows: Ints, scores: np.ndarray, unscored: np.ndarray
) -> None:
    """Write the scores of the new items that were drawn into lists; few lists have one."""
    wanted = np.flatnonzero(unscored.any(axis=1))
    size = batch_size(len(engine.item_ids) - 1, engine.device)
    for start in range(0, len(wanted), size):
        part = wanted[start : start + size]
        if len(request) == 1:
            found = personal_scores(engine, request)[None]
        else:
            found = score_request(engine, request.of_rows(part)).cpu().numpy()
        own = np.take_along_axis(found, np.maximum(rows[part], 0), axis=1)
        scores[part] = np.where(unscored[part], own, scores[part])


def answer_frame(request: Request, ranked: Ranked) -> pd.DataFrame:
    """The lists of a request as a frame: user_id, item_id, score and rank, and of explored lists
    also probability and list_id."""
    frame = ranked_frame(("user_id", "item_id"), request.ids, ranked, request.integers)
    if isinstance(ranked, ExploredLists):
        kept = ranked.scores > -np.inf
        frame["probability"] = ranked.probabilities[kept]
        frame["list_id"] = np.repeat(ranked.list_ids, kept.sum(axis=1))
    return frame


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
