"""The best users for items, and the users most similar to users."""

from __future__ import annotations

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torch.nn import functional

from graph_schema.names import USER
from kgrec.answers.vectors import user_vectors
from kgrec.arrays import row_numbers
from kgrec.differential_privacy.refusal import check_not_private
from kgrec.graph.snapshot import Ints
from kgrec.nn import Histories
from kgrec.query import Query, Resolver
from kgrec.ranking import top_k
from kgrec.scoring.engine import Engine
from kgrec.scoring.ranked_lists import (
    Ranked,
    batch_size,
    ranked_frame,
    score_blocks,
    with_integers,
)
from kgrec.scoring.request import Request

_ROWS = 16  # a product over fewer rows sums in another order


def best_users(
    engine: Engine,
    request: Request,
    items: Ints,
    k: int,
    *,
    exclude_seen: bool = True,
    integers: bool = False,
    hidden: np.ndarray | None = None,
) -> Ranked:
    """The ``k`` users of a request with the highest score for each of ``items`` (int64 rows).

    The request is scored in blocks, of which only the columns of ``items`` are kept. Equal scores
    rank in the order of the request, of which a user is in a list once. With ``exclude_seen``
    users whose history has the item are left out, and always those from whom rules hide it, and the
    stored ones of ``hidden`` (bool ``[n_users]``). Ids in the answer are those of users,
    integers where the request or the caller (``integers``) uses those.
    """
    check_not_private(engine.private, "a list of users for an item")
    wanted, place = np.unique(items, return_inverse=True)
    columns, repeated = torch.from_numpy(wanted), pd.Index(request.ids).duplicated()
    best = _Best.of(len(wanted), k)
    for start, scores in score_blocks(engine, request):
        part = scores[:, columns.to(scores.device)].T.cpu().contiguous().clone()
        part[:, repeated[start : start + len(scores)]] = -torch.inf
        if request.rules is not None:
            kept_from = request.rules.of_rows(slice(start, start + len(scores))).hidden_of(wanted)
            part[torch.from_numpy(kept_from.T)] = -torch.inf
        if hidden is not None:
            users = request.histories.user[start : start + len(scores)]
            part[:, (users >= 0) & hidden[users]] = -torch.inf
        if exclude_seen:
            _leave_out_seen(part, request.histories.part(start, start + len(scores)), wanted)
        best = best.with_block(start, part)
    return best.ranked(_names(engine, request, integers or request.integers), place)


def similar_users_frame(resolver: Resolver, query: Query, k: int) -> pd.DataFrame:
    """The users most similar to those of a query, in its scenario and horizon; see
    ``Recommender.similar_users``. Raises RequestError."""
    request, engine = resolver.resolve(query), resolver.engine
    everyone = Query(
        engine.snapshot.users.ids.tolist(), scenario=query.scenario, horizon=query.horizon
    )
    hidden = resolver.hidden_users(request)
    ranked = similar_users(engine, request, resolver.resolve(everyone), k, hidden)
    if engine.snapshot.answers_integers(USER, request.integers):
        ranked = with_integers(ranked)
    return ranked_frame(("user_id", "similar_id"), request.ids, ranked, request.integers)


@torch.inference_mode()
def similar_users(
    engine: Engine, asked: Request, others: Request, k: int, hidden: np.ndarray | None = None
) -> Ranked:
    """The ``k`` of ``others``, stored users, whose vectors have the highest cosine with each asked
    one.

    A user is not similar to itself. Users of whom nothing is known are similar to nobody, and
    nobody to them. ``hidden`` bool ``[B, n_users]``: whom rules hide from each.
    """
    check_not_private(engine.private, "a list of similar users")
    vectors = functional.normalize(user_vectors(engine, others), dim=1)
    mine = functional.normalize(user_vectors(engine, asked), dim=1)
    unknown, stranger = _unknown(engine, others), _unknown(engine, asked)
    row_of = {user: row for row, user in enumerate(others.histories.user.tolist())}
    itself = np.array([row_of.get(user, -1) for user in asked.histories.user.tolist()])
    parts, size = [], batch_size(len(others), engine.device)
    for start in range(0, len(asked), size):
        block = mine[start : start + size]
        cosines = _product(block, vectors)
        own = itself[start : start + len(block)]
        stored = np.flatnonzero(own >= 0)
        cosines[stored, own[stored]] = -torch.inf
        cosines[:, unknown] = -torch.inf
        if hidden is not None:
            cosines[torch.from_numpy(hidden[start : start + len(block)])] = -torch.inf
        cosines[stranger[start : start + len(block)]] = -torch.inf
        found, best = top_k(cosines, min(k, len(others)), overwrite=True)
        parts.append((found.cpu().numpy(), best.cpu().numpy()))
    if not parts:
        return Ranked(np.empty((0, k), dtype=object), np.empty((0, k), dtype=np.float32))
    rows, scores = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    return Ranked(_names(engine, others, asked.integers)[rows], scores)


def _unknown(engine: Engine, request: Request) -> np.ndarray:
    """bool ``[B]``: the users without a history, of whom the model knows no attribute and nobody
    whom they follow."""
    histories, known = request.histories, engine.known
    described = np.full(len(request), bool(request.context))
    stored = histories.user >= 0
    if len(known):
        described[stored] = known.any(dim=1).cpu().numpy()[histories.user[stored]]
    else:
        described[stored] = False
    return np.asarray((np.diff(histories.indptr) == 0) & ~described)


class _Best:
    """The best users found so far: rows int64 and scores float32, both ``[n_items, <= k]``."""

    def __init__(self, rows: np.ndarray, scores: Tensor, k: int) -> None:
        self.rows, self.scores, self.k = rows, scores, k

    @staticmethod
    def of(n_items: int, k: int) -> _Best:
        """Nobody yet."""
        return _Best(np.empty((n_items, 0), dtype=np.int64), torch.empty(n_items, 0), k)

    def with_block(self, start: int, scores: Tensor) -> _Best:
        """With the users from row ``start`` on, whose ``scores`` are float32 ``[n_items, b]``."""
        block = np.broadcast_to(np.arange(start, start + scores.shape[1]), scores.shape)
        rows = np.concatenate([self.rows, block], axis=1)
        scores = torch.cat([self.scores, scores], dim=1)
        places, best = top_k(scores, min(self.k, scores.shape[1]), overwrite=True)
        found = np.take_along_axis(rows, np.maximum(places.numpy(), 0), axis=1)
        return _Best(np.where(places.numpy() < 0, -1, found), best, self.k)

    def ranked(self, names: np.ndarray, place: Ints) -> Ranked:
        """The lists of the items at ``place``, with the ``names`` of users (see ``_names``)."""
        return Ranked(names[self.rows[place]], self.scores.numpy()[place])


def _names(engine: Engine, request: Request, integers: bool | None) -> np.ndarray:
    """object ``[n + 1]``: the users' ids, then None, which row -1 points to; as integers where the
    caller's ids are, and all users are stored ones."""
    stored = bool((request.histories.user >= 0).all())
    whole = stored and engine.snapshot.answers_integers(USER, integers)
    return np.array([*(map(int, request.ids) if whole else request.ids), None], dtype=object)


def _leave_out_seen(scores: Tensor, histories: Histories, items: Ints) -> None:
    """Set the scores ``[items, b]`` of items in a user's history to -inf; ``items`` ascending."""
    if not len(items):
        return
    place = np.minimum(np.searchsorted(items, histories.item), len(items) - 1)
    seen = items[place] == histories.item
    scores[place[seen], row_numbers(histories.indptr)[seen]] = -torch.inf


def _product(rows: Tensor, others: Tensor) -> Tensor:
    """float32 ``[b, n]``: inner products, each row's the same whatever the other rows."""
    padded = functional.pad(rows, (0, 0, 0, -len(rows) % _ROWS))
    return (padded @ others.T)[: len(rows)]
