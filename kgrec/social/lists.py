"""Users recommended to users."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

import numpy as np
import scipy.sparse as sp

from graph_schema.names import USER
from kgrec.arguments import id_list
from kgrec.arrays import binary_matrix, row_numbers
from kgrec.errors import RequestError
from kgrec.feedback.weights import without_negative
from kgrec.graph.snapshot import Floats, GraphSnapshot, Ints
from kgrec.nn import Histories
from kgrec.paths.index import Constraints
from kgrec.ranking import top_k
from kgrec.ranking.filters import conditions
from kgrec.scoring.engine import Engine
from kgrec.scoring.lookup import known_users
from kgrec.scoring.ranked_lists import Ranked
from kgrec.scoring.request import Request
from kgrec.social.blend import PLAIN, Blend
from kgrec.social.features import NAMES, PairFeatures, Profiler, Profiles
from kgrec.social.fit import fit_blend
from kgrec.social.follows import Follows

_USERS: Final = 1_024  # whose vectors are computed at once
_CELLS: Final = 2**22  # features in memory at once


@dataclass(frozen=True, eq=False)
class People:
    """The users of an engine's graph, to be recommended to users.

    Attributes
    ----------
    engine : Engine
        The model over the graph.
    blend : Blend
        The weights of the features of pairs of users.
    """

    engine: Engine
    blend: Blend

    @cached_property
    def follows(self) -> Follows:
        """Who follows whom."""
        return Follows.of(self.engine.snapshot)

    @cached_property
    def _profiles(self) -> tuple[Profiler, Profiles]:
        snapshot = self.engine.snapshot
        users = np.arange(len(snapshot.users))
        blocks = [
            _taste(self.engine, self.engine.stored(users[start : start + _USERS]))
            for start in range(0, len(users), _USERS)
        ]
        width = self.engine.items.query.shape[1]
        taste = np.concatenate(blocks) if blocks else np.empty((0, width), np.float32)
        weights = self.engine.model.shape.feedback
        blind_to = self.engine.vocabulary.blind_to
        return Profiler.of(without_negative(weights, snapshot), taste, blind_to)

    @cached_property
    def pairs(self) -> PairFeatures:
        """The features of pairs of users."""
        return PairFeatures(self.follows, self._profiles[1])

    def best(
        self,
        request: Request,
        k: int,
        limits: Constraints,
        *,
        exclude_seen: bool,
        hidden: np.ndarray | None = None,
    ) -> Ranked:
        """The ``k`` users with the highest scores for each user of a request, ids and scores
        ``[B, <= k]``; never the user, nor, with ``exclude_seen``, whom the user follows, nor those
        whom rules hide from the user (``hidden`` bool ``[B, m]``).

        Raises RequestError for unknown users, and conditions that leave none.
        """
        snapshot = self.engine.snapshot
        mask, size = user_mask(snapshot, limits), len(snapshot.users)
        k = min(k, max(size, 1))
        step = max(1, _CELLS // max(size * len(NAMES), 1))
        rows, scores = [np.empty((0, k), np.int64)], [np.empty((0, k), np.float32)]
        for start in range(0, len(request), step):
            part = request.part(start, start + step)
            found = self._scores(part.histories)
            out = [self._left_out(user, exclude_seen) for user in part.histories.user.tolist()]
            seen = (np.cumsum([0, *map(len, out)]), np.concatenate(out))
            if hidden is not None:
                found[hidden[start : start + len(found)]] = -np.inf
            place, best = top_k(found, k, seen=seen, candidates=mask)
            rows.append(place)
            scores.append(best)
        names = self._names(request)
        return Ranked(names[np.concatenate(rows)], np.concatenate(scores))

    def features(self, histories: Histories) -> tuple[Floats, bool]:
        """float32 ``[1, m, NAMES]`` of the only user, and whether the user follows nobody."""
        user, mine = int(histories.user[0]), self._profile(histories)
        if user >= 0:
            return self.pairs.of(np.array([user]), mine), not len(self.follows.followed(user))
        return self.pairs.of_profiles(mine), True

    def _scores(self, histories: Histories) -> Floats:
        """float32 ``[B, m]``."""
        found = []
        for row in range(len(histories)):  # each alone, so that no score depends on the others
            features, lone = self.features(histories.part(row, row + 1))
            found.append(self.blend.scores(features, lone=lone)[0])
        return np.stack(found)

    def _profile(self, histories: Histories) -> Profiles:
        profiler, known = self._profiles
        shape = (len(histories), len(self.engine.snapshot.items))
        liked = np.ones(len(histories.item), dtype=bool)
        if histories.weight is not None:
            liked = histories.weight > 0
        row = row_numbers(histories.indptr)
        chosen = binary_matrix(row[liked], histories.item[liked], shape)
        values = sp.csr_matrix((len(histories), known.attributes.shape[1]))
        if (histories.user >= 0).all():
            values = known.attributes[histories.user]
        return profiler.profiles(chosen, _taste(self.engine, histories), values)

    def _left_out(self, user: int, followed: bool) -> Ints:
        if user < 0:
            return np.empty(0, dtype=np.int64)
        return np.append(self.follows.followed(user) if followed else np.empty(0, np.int64), user)

    def _names(self, request: Request) -> np.ndarray:
        snapshot = self.engine.snapshot
        whole = snapshot.answers_integers(USER, request.integers)
        ids = snapshot.users.ids
        return np.array([*(map(int, ids) if whole else ids), None], dtype=object)


def fitted_blend(engine: Engine, seed: int) -> Blend | None:
    """The blend of an engine's graph; None where it has too few user → user facts to fit one."""
    people = People(engine, PLAIN)
    if not people.follows.out.nnz:
        return None
    found = fit_blend(people.follows, people.pairs.profiles, seed)
    return None if found is PLAIN else found


def _taste(engine: Engine, histories: Histories) -> Floats:
    """float32 ``[B, d]``: vectors of the histories alone, without attributes and whom the users
    follow, so that they hold nothing of the facts that a fit hides."""
    alone = replace(histories, user=np.full(len(histories), -1))
    return np.asarray(engine.user_vectors(alone).cpu().numpy(), dtype=np.float32)


def user_mask(snapshot: GraphSnapshot, limits: Constraints) -> np.ndarray | None:
    """bool ``[m]``: the users that candidates, exclude and where leave; None for all. Raises
    RequestError for unknown users, and for conditions that leave none."""
    if limits.candidates is None and limits.where is None and limits.exclude is None:
        return None
    mask = np.ones(len(snapshot.users), dtype=bool)
    if limits.candidates is not None:
        wanted = np.zeros(len(mask), dtype=bool)
        wanted[_rows(snapshot, limits.candidates, "candidates", limits)] = True
        mask &= wanted
    if limits.exclude is not None:
        mask[_rows(snapshot, limits.exclude, "exclude", limits)] = False
    if limits.where is not None:
        frame = snapshot.users.attributes.copy(deep=False)
        frame.insert(0, "user_id", snapshot.users.ids)
        for condition in conditions(frame, limits.where):
            mask &= condition.mask
    if not mask.any():
        raise RequestError("no user is left to recommend: loosen candidates, where or exclude.")
    return mask


def _rows(snapshot: GraphSnapshot, ids: object, name: str, limits: Constraints) -> Ints:
    wanted = id_list(ids, name)
    if limits.missing == "ignore":
        rows = snapshot.users.rows(wanted)
        return rows[rows >= 0]
    return known_users(snapshot.users, wanted)
