"""The exposure of groups in lists under caps and floors, beside the optimum of a linear programme.

The programme chooses for each user and place a distribution over items (Birkhoff–von Neumann, as
in Singh and Joachims 2018): it maximises Σ score × discount under the same caps and floors.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any, Final

import numpy as np
import scipy.sparse as sp
from scipy.optimize import linprog

from graph_schema.errors import RequestError
from kgrec import Query, Recommender, Rules
from kgrec.arrays import row_numbers
from kgrec.evaluation.exposure_rerank import ExposureTarget, rerank_exposure, trained_counts
from kgrec.paths.index import Constraints
from kgrec.ranking import attribute_mask
from kgrec.ranking.exposure import position_discount
from kgrec.rules import BoundRules
from kgrec.scoring.ranked_lists import ListOptions, score_request

K: Final = 10
_WHOLE: Final = 1e-6  # a part of an item that is still the whole item, or nothing
_DEPTH: Final = 60  # best items of a user that the programme chooses among, beside K of each group


def list_exposure(model: Recommender, rules: Rules, users: list[str]) -> dict[str, Any]:
    """The exposure of each group under the caps and floors of ``rules``, in the lists of the model
    and in those of one programme a user: the largest relative difference, and the sums. ``whole_``
    is beside the same programme in whole numbers: the optimum may mix lists that break a cap each.
    """
    ruled = Recommender.of(model.state.with_rules(rules))
    bound = ruled.state.bound_rules
    assert bound is not None
    groups = _groups(bound)
    scores = _open_scores(model, users)
    ruled.rank(users, k=K)  # what is kept for the next request is computed now
    started = time.process_time()
    ours = ruled.snapshot.items.rows(ruled.rank(users, k=K).ids.ravel()).reshape(-1, K)
    took = time.process_time() - started
    discount, size = position_discount(K), len(groups)
    exposure, sums, broken = np.zeros((3, size)), np.zeros(3), 0
    for row, own in zip(ours, scores, strict=True):
        exposure[0] += groups[:, row] @ discount
        sums[0] += own[row] @ discount
        at, x = _optimum(own, bound)
        exposure[1] += groups[:, at] @ (x @ discount)
        sums[1] += own[at] @ (x @ discount)
        if np.abs(x - x.round()).max() > _WHOLE:
            broken += 1
            at, x = _optimum(own, bound, whole=True)
        exposure[2] += groups[:, at] @ (x @ discount)
        sums[2] += own[at] @ (x @ discount)
    found: dict[str, Any] = {"users_with_parts_of_lists": broken}
    for number, name in enumerate(("", "whole_"), start=1):
        large = exposure[number] >= 0.01 * len(users) * discount.sum()
        differences = np.abs(exposure[0] - exposure[number]) / np.maximum(exposure[number], 1e-12)
        found |= {
            f"{name}exposure_difference_max": float(differences[large].max()),
            f"{name}exposure_difference_mean": float(differences[large].mean()),
            f"{name}objective_ratio": float(sums[0] / sums[number]),
        }
    return {"groups": int(large.sum()), **found, "ms_a_list": 1e3 * took / len(users)}


def share_exposure(
    model: Recommender, users: list[str], group: dict[str, Any], share: float
) -> dict[str, Any]:
    """The share of the exposure that ``rerank`` gives a group over all lists, beside one programme
    over all users that asks for at least this share."""
    request = model.state.resolver.resolve(Query(users))
    options = ListOptions.build(model.snapshot, Constraints(), K)
    trained = trained_counts(model.state.full_snapshot)
    target = ExposureTarget(group, share)
    found = rerank_exposure(model.state.engine, request, target, options, trained)
    inside = attribute_mask(model.snapshot.items.frame("item_id"), group)
    scores = _open_scores(model, users)
    discount = position_discount(K)
    costs, equal, above, exposed, starts = [], [], [], [], [0]
    for own in scores:
        at = np.concatenate([_best(own, inside, K), _best(own, ~inside, K)])
        size = len(at)
        costs.append(-(own[at][:, None] * discount).ravel())
        equal.append(sp.kron(np.ones((1, size)), sp.eye(K)))
        above.append(sp.kron(sp.eye(size), np.ones((1, K))))
        exposed.append((inside[at][:, None] * discount).ravel())
        starts.append(starts[-1] + size * K)
    total = len(scores) * discount.sum()
    constraint = sp.csr_matrix(-np.concatenate(exposed)[None])
    solved = linprog(
        np.concatenate(costs),
        A_ub=sp.vstack([sp.block_diag(above), constraint]).tocsr(),
        b_ub=np.append(np.ones(sum(one.shape[0] for one in above)), -share * total),
        A_eq=sp.block_diag(equal).tocsr(),
        b_eq=np.ones(len(scores) * K),
        bounds=(0, 1),
        method="highs",
    )
    if solved.x is None:
        raise RequestError(f"the linear programme has no solution: {solved.message}")
    optimum = float(np.concatenate(exposed) @ solved.x / total)
    rows = model.snapshot.items.rows(found.frame["item_id"].astype(str).tolist()).reshape(-1, K)
    ours = float(sum(own[row] @ discount for own, row in zip(scores, rows, strict=True)))
    return {
        "asked": share,
        "before": found.share_before,
        "ours": float(found.share),
        "programme": optimum,
        "exposure_difference": abs(float(found.share) - optimum) / optimum,
        "objective_ratio": ours / -float(solved.fun),
    }


def _open_scores(model: Recommender, users: list[str]) -> np.ndarray:
    """float64 ``[B, n_items]``: the model's scores, -inf for seen items."""
    request = model.state.resolver.resolve(Query(users))
    plain = replace(request, rules=None)
    scores = score_request(model.state.engine, plain).cpu().numpy().astype(np.float64)
    histories = request.histories
    scores[row_numbers(histories.indptr), histories.item] = -np.inf
    return scores


def _groups(bound: BoundRules) -> np.ndarray:
    """bool ``[g, n_items]``: the groups of all caps, and those of the floors."""
    found = []
    for number, rule in enumerate(bound.rules):
        if rule.effect == "floor":
            found.append(bound.items[number])
            continue
        indptr, group = bound.groups(number)
        mask = np.zeros((int(group.max()) + 1, len(indptr) - 1), dtype=bool)
        mask[group, row_numbers(indptr)] = True
        found += list(mask)
    return np.array(found)


def _best(scores: np.ndarray, mask: np.ndarray, count: int) -> np.ndarray:
    """int64: the ``count`` best items of a group, of those that the user has not seen."""
    rows = np.flatnonzero(mask & (scores > -np.inf))
    return np.asarray(rows[np.argsort(-scores[rows], kind="stable")[:count]])


def _optimum(
    scores: np.ndarray, bound: BoundRules, *, whole: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """The candidates int64 ``[c]`` and the optimal distribution ``[c, K]`` of one user, ``whole``:
    the optimal list. Raises RequestError without one."""
    groups = _groups(bound)
    found = [_best(scores, np.ones(len(scores), dtype=bool), _DEPTH)]
    at = np.unique(np.concatenate([*found, *(_best(scores, one, K) for one in groups)]))
    size, discount = len(at), position_discount(K)
    rows, limits = [sp.kron(sp.eye(size), np.ones((1, K)))], [np.ones(size)]
    for number, rule in enumerate(bound.rules):
        first = (np.arange(1, K + 1) <= (rule.of or K)).astype(float)
        if rule.effect == "floor":
            rows.append(-sp.csr_matrix(np.kron(bound.items[number][at], first)[None]))
            limits.append(np.array([-float(rule.least or 0)]))
            continue
        indptr, group = bound.groups(number)
        for one in range(int(group.max()) + 1):
            members = np.array([one in group[indptr[row] : indptr[row + 1]] for row in at])
            if members.any():
                rows.append(sp.csr_matrix(np.kron(members.astype(float), first)[None]))
                limits.append(np.array([float(rule.most or 0)]))
    solved = linprog(
        -(scores[at][:, None] * discount).ravel(),
        A_ub=sp.vstack(rows).tocsr(),
        b_ub=np.concatenate(limits),
        A_eq=sp.kron(np.ones((1, size)), sp.eye(K)).tocsr(),
        b_eq=np.ones(K),
        bounds=(0, 1),
        method="highs",
        integrality=int(whole),
    )
    if solved.x is None:
        raise RequestError(f"the linear programme has no solution: {solved.message}")
    return at, solved.x.reshape(size, K)
