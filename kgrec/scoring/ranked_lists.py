"""The best items of each request, as arrays."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypedDict

import numpy as np
import pandas as pd
import torch
from torch.nn import functional

from graph_schema.names import ITEM
from kgrec.arguments import check_k
from kgrec.arrays import Csr, offsets, ranges
from kgrec.config import FeedbackConfig
from kgrec.feedback.seen_items import ALL, ExcludeSeen, SeenRule
from kgrec.graph.snapshot import NO_TIME, GraphSnapshot, Ints, Strings
from kgrec.paths.index import Constraints
from kgrec.ranking import pairs_to_csr, top_k
from kgrec.rules.list_rules import ListRules, RequestRules
from kgrec.rules.ruled_lists import add_boosts, boosted, one_ruled_list, ruled_lists
from kgrec.scoring.engine import Engine
from kgrec.scoring.lookup import candidate_mask
from kgrec.scoring.request import Request

_BATCH = 1024  # users scored at once, at most
_CELLS = {"cpu": 2**24, "cuda": 2**29}  # scores in memory at once, at most: 64 MB, 2 GB


class Ranked(NamedTuple):
    """The best items row by row, best first: ``ids`` object ``[B, k]`` (str, or int where the
    caller's ids are integers) and ``scores`` float32 ``[B, k]``, padded with None and -inf where
    fewer than k items are left."""

    ids: np.ndarray
    scores: np.ndarray


class RankedRows(NamedTuple):
    """``Ranked`` with item rows in place of ids: ``rows`` int64 ``[B, k]``, padded with -1."""

    rows: np.ndarray
    scores: np.ndarray

    def with_ids(self, engine: Engine, integers: bool | None = None) -> Ranked:
        """The lists with the items' ids, as integers where the caller uses those.

        ``integers``: whether the ids of the request were integers; None for one without ids."""
        as_integers = engine.snapshot.answers_integers(ITEM, integers)
        ids = engine.bound.integer_item_ids if as_integers else engine.item_ids
        return Ranked(ids[self.rows], self.scores)


@dataclass(frozen=True, eq=False)
class ListOptions:
    """Length of the lists, and the items that may be in them.

    Attributes
    ----------
    k : int
        Length of the lists; they are shorter where fewer items are left.
    mask : bool ``[n_items]`` or None
        The items that may be in any list; None for all.
    seen : SeenRule
        The items of the history that are left out.
    within_scenario : bool
        Requests in a scenario choose among the scenario's items, where the model was trained that
        way (see ``Engine.scenario_items``).
    """

    k: int
    mask: np.ndarray | None = None
    seen: SeenRule = ALL
    within_scenario: bool = True

    @staticmethod
    def build(
        snapshot: GraphSnapshot,
        constraints: Constraints,
        k: int,
        *,
        exclude_seen: ExcludeSeen = True,
        feedback: FeedbackConfig | None = None,
    ) -> ListOptions:
        """The options for ``constraints``, whose candidates replace the items of a scenario.

        ``exclude_seen`` true stands for ``feedback.exclude_seen``, where that says something.
        Raises RequestError for unknown candidates, conditions that leave no item, and k below 1.
        """
        mask = candidate_mask(snapshot, constraints)
        seen = SeenRule.of(exclude_seen, None if feedback is None else feedback.exclude_seen)
        return ListOptions(check_k(k), mask, seen, constraints.candidates is None)


def rank_items(engine: Engine, request: Request, options: ListOptions) -> RankedRows:
    """The best items of every history."""
    if len(request) == 1:
        return RankedRows(*_rank_one(engine, request, options))
    return rank_batches(engine, request, options)


def rank_batches(engine: Engine, request: Request, options: ListOptions) -> RankedRows:
    """``rank_items`` of a part of a request: to the bit as beside the others, also of one row."""
    size = batch_size(len(engine.item_ids) - 1, engine.device)
    parts = [
        _rank(engine, request.part(start, start + size), options)
        for start in range(0, max(len(request), 1), size)
    ]
    return _joined(parts)


def score_blocks(engine: Engine, request: Request) -> Iterator[tuple[int, torch.Tensor]]:
    """The scores that ``rank_items`` orders, to the bit: for one block of the request's rows after
    another, its first row and float32 ``[b, n_items]``."""
    if len(request) == 1:
        yield 0, torch.from_numpy(personal_scores(engine, request))[None]
        return
    size = batch_size(len(engine.item_ids) - 1, engine.device)
    for start in range(0, len(request), size):
        yield start, score_request(engine, request.part(start, start + size))


def score_request(engine: Engine, request: Request) -> torch.Tensor:
    """float32 ``[B, n_items]`` on the device: all scores, averaged over scenarios where the request
    has a mixture, with the boosts of the request's rules."""
    scores = _model_scores(engine, request)
    return scores if request.rules is None else boosted(scores, request.rules)


def _model_scores(engine: Engine, request: Request) -> torch.Tensor:
    if request.mixture is None:
        return engine.score(request.histories, request.context)
    total = torch.zeros(len(request), len(engine.item_ids) - 1, device=engine.device)
    for part, weight in request.weighted_scenarios():
        share = torch.as_tensor(weight, dtype=torch.float32, device=engine.device)
        total += share[:, None] * engine.score(part.histories, part.context)
    return total


def personal_scores(engine: Engine, request: Request) -> np.ndarray:
    """float32 ``[n_items]``: every item's score for the only history of a request."""
    one = None
    if request.mixture is None and not request.context:
        one = engine.score_one(request.histories)
    if one is None:
        return np.asarray(score_request(engine, request)[0].cpu().numpy())
    if request.rules is not None:
        add_boosts(one[0], request.rules.of(0))
    return np.asarray(one[0])


def similar_items(
    engine: Engine,
    rows: Ints,
    k: int,
    mask: np.ndarray | None = None,
    rules: ListRules | None = None,
) -> RankedRows:
    """The ``k`` items whose unit vectors are closest to those of ``rows``; scores are cosines.

    ``mask`` bool ``[n_items]``: the only items to return; None for all. ``rules`` hide and place
    items; boosts are in the units of scores, not of cosines, and change nothing.
    """
    vectors = engine.items.candidate
    if engine.cold_items is not None:  # predicted vectors are not normalised
        vectors = functional.normalize(vectors, dim=1)
    k, size = min(k, len(vectors)), batch_size(len(vectors), engine.device)
    parts = []
    with torch.inference_mode():
        for start in range(0, max(len(rows), 1), size):
            part = rows[start : start + size]
            scores = vectors[torch.as_tensor(part, device=vectors.device)] @ vectors.T
            itself = pairs_to_csr(np.arange(len(part)), part, len(part))
            if rules is not None:
                same = RequestRules((rules,), np.zeros(len(part), dtype=np.int64))
                parts.append(ruled_lists(scores, same, k=k, seen=itself, candidates=mask))
                continue
            found = top_k(scores, k, seen=itself, candidates=mask, overwrite=True)
            parts.append(_arrays(found))
    return _joined(parts)


def batch_size(n_items: int, device: torch.device) -> int:
    """Rows of scores over ``n_items`` that are computed at once."""
    return max(1, min(_BATCH, _CELLS.get(device.type, _CELLS["cuda"]) // max(n_items, 1)))


def ranked_frame(
    names: tuple[str, str], ids: Sequence[str], ranked: Ranked, integers: bool | None = None
) -> pd.DataFrame:
    """The lists of ``ids`` as a frame without padding: columns ``names`` (for the id of the list
    and of the item), score and rank. ``integers``: whether ``ids`` were given as integers."""
    kept = ranked.scores > -np.inf
    kind: type = np.int64 if integers else object
    items = ranked.ids[kept]
    if len(items) and isinstance(items[0], int):
        items = items.astype(np.int64)
    rank = np.broadcast_to(np.arange(1, kept.shape[1] + 1), kept.shape)
    return pd.DataFrame(
        {
            names[0]: np.repeat(np.array(ids, dtype=kind), kept.sum(axis=1)),
            names[1]: items,
            "score": ranked.scores[kept],
            "rank": rank[kept],
        },
        copy=False,  # all columns are new
    )


def _rank_one(
    engine: Engine, request: Request, options: ListOptions
) -> tuple[np.ndarray, np.ndarray]:
    """``_rank`` of a single history, by the fast path where there is one."""
    if request.mixture is None and not request.context:
        one = engine.score_one(request.histories)
        if one is not None and request.rules is not None:
            return one_ruled_list(one, request.rules.of(0), **_limits(engine, request, options))
        if one is not None:
            return top_k(one, **_limits(engine, request, options), overwrite=True)
    return _rank(engine, request, options)


def with_integers(ranked: Ranked) -> Ranked:
    """The lists with ids as integers; every id must be a whole number."""
    ids = [None if one is None else int(one) for one in ranked.ids.ravel()]
    return Ranked(np.array(ids, dtype=object).reshape(ranked.ids.shape), ranked.scores)


def _rank(engine: Engine, request: Request, options: ListOptions) -> tuple[np.ndarray, np.ndarray]:
    scores, limits = _model_scores(engine, request), _limits(engine, request, options)
    if request.rules is not None:
        return ruled_lists(scores, request.rules, **limits)
    return _arrays(top_k(scores, **limits, overwrite=True))


class _Limits(TypedDict):
    """The limits of lists, as ``top_k`` takes them."""

    k: int
    seen: Csr | None
    candidates: np.ndarray | None


def _limits(engine: Engine, request: Request, options: ListOptions) -> _Limits:
    histories, mask = request.histories, options.mask
    if options.within_scenario:
        mask = engine.candidates(histories.scenario, mask)
    seen = seen_items(engine, request, options.seen)
    return _Limits(k=min(options.k, len(engine.item_ids) - 1), seen=seen, candidates=mask)


def seen_items(engine: Engine, request: Request, rule: SeenRule) -> Csr | None:
    """The items that lists of a request leave out, as CSR; None for none.

    The age of an event is counted back from the newest one of the graph or of its history.
    """
    histories = request.histories
    if rule.nothing:
        return None
    if rule.whole:
        return histories.indptr, histories.item
    kind, time = _events(engine, request)
    newest = None if engine.private else engine.snapshot.seen_until
    now = np.full(len(time), NO_TIME if newest is None else newest)
    now = np.maximum(now, time.max(initial=NO_TIME))
    kept = rule.hides(kind, time, now)
    return offsets(kept)[histories.indptr], histories.item[kept]


def _events(engine: Engine, request: Request) -> tuple[Strings, Ints]:
    """Kind and time of the events of a request."""
    histories = request.histories
    if request.stored:
        events, first = engine.snapshot.interactions, engine.sequences.indptr
        rows = ranges(first[histories.user], np.diff(histories.indptr))
        return events.event[rows], events.timestamp[rows]
    if request.given is not None:
        return request.given.kind, request.given.time
    none = np.full(len(histories.item), "", dtype=object)
    return none, np.full(len(none), NO_TIME)


def _arrays(found: tuple[torch.Tensor, torch.Tensor]) -> tuple[np.ndarray, np.ndarray]:
    rows, scores = found
    return rows.cpu().numpy(), scores.cpu().numpy()


def _joined(parts: list[tuple[np.ndarray, np.ndarray]]) -> RankedRows:
    rows, scores = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    return RankedRows(rows, scores)
