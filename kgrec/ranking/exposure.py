"""Lists in which a group of items gets a chosen share of the exposure, at the least loss of score.

Exposure is the discount of a place in a list, 1 / log2(rank + 1), as in Singh and Joachims 2018
("Fairness of Exposure in Rankings") and Biega et al. 2018 ("Equity of Attention"). The share is
counted over the lists of all users together.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch

from graph_schema.errors import RequestError
from kgrec.arrays import Csr
from kgrec.ranking.topk import top_k

_PRECISION = 1e-9  # of the scores' range: tolerance of the smallest boost
_SLACK = 1e-12  # of the exposure: rounding error of sums


def position_discount(k: int) -> np.ndarray:
    """float64 ``[k]``: the discount of each place of a list, 1 for the first."""
    return np.asarray(1.0 / np.log2(np.arange(2, k + 2)))


@dataclass(frozen=True, eq=False)
class Choices:
    """The items that may come into each user's list; arrays ``[B, c]``, in the order of item rows.

    ``rows`` int64 (-1: none), ``scores`` float64 (-inf: none), ``inside`` bool: in the group.
    """

    rows: np.ndarray
    scores: np.ndarray
    inside: np.ndarray

    @staticmethod
    def of(
        scores: torch.Tensor | np.ndarray,
        k: int,
        group: np.ndarray,
        *,
        seen: Csr | None = None,
        candidates: np.ndarray | None = None,
    ) -> Choices:
        """Each user's ``k`` best items of the group and ``k`` best others: whatever the boost, no
        other item can enter a list of k.

        ``scores`` ``[B, n]``; ``group`` bool ``[n]``; ``candidates`` bool ``[n]`` or ``[B, n]``;
        ``seen`` as for ``top_k``. Raises RequestError as ``top_k`` does.
        """
        allowed = np.ones(len(group), dtype=bool) if candidates is None else candidates
        tensor = torch.as_tensor(scores)
        sides = [top_k(tensor, k, seen=seen, candidates=allowed & m) for m in (group, ~group)]
        rows = np.concatenate([side[0].cpu().numpy() for side in sides], axis=1)
        values = np.concatenate([side[1].cpu().numpy() for side in sides], axis=1)
        order = np.argsort(rows, axis=1, kind="stable")
        rows = np.take_along_axis(rows, order, axis=1)
        inside = (rows >= 0) & group[np.maximum(rows, 0)]
        return Choices(rows, np.take_along_axis(values, order, axis=1).astype(np.float64), inside)

    @staticmethod
    def joined(parts: list[Choices]) -> Choices:
        """The users of several batches, one after the other."""
        return Choices(
            np.concatenate([part.rows for part in parts]),
            np.concatenate([part.scores for part in parts]),
            np.concatenate([part.inside for part in parts]),
        )


@dataclass(frozen=True, eq=False)
class ExposedLists:
    """Lists made with ``boost`` added to the score of every item in the group.

    ``rows`` int64 and ``scores`` float64 (the model's own, without the boost), both ``[B, k]``,
    padded with -1 and -inf. ``share`` is the group's share of the exposure, ``place_score`` the
    mean score of a place, weighted by the discounts.
    """

    rows: np.ndarray
    scores: np.ndarray
    boost: float
    share: float
    place_score: float


def boosted_lists(choices: Choices, k: int, boost: float = 0.0) -> ExposedLists:
    """The ``k`` best by score + ``boost`` for items of the group; ties go to the lower item row.

    For the exposure that they give the group, no other lists have a higher sum of score × discount:
    they maximise it plus boost × exposure. Raises RequestError for a boost that is not finite.
    """
    if not math.isfinite(boost):
        raise RequestError(f"the boost is {boost}; give a finite number, in units of the score.")
    keys = choices.scores + boost * choices.inside
    order = np.argsort(-keys, axis=1, kind="stable")[:, :k]
    rows, scores, inside = (
        np.take_along_axis(array, order, axis=1)
        for array in (choices.rows, choices.scores, choices.inside)
    )
    discount = np.where(rows >= 0, position_discount(rows.shape[1]), 0.0)
    total = max(float(discount.sum()), np.finfo(float).tiny)
    return ExposedLists(
        rows=rows,
        scores=scores,
        boost=boost,
        share=float(discount[inside].sum()) / total,
        place_score=float((discount * np.where(rows >= 0, scores, 0.0)).sum()) / total,
    )


def lists_with_share(choices: Choices, k: int, share: float) -> ExposedLists:
    """The best lists in which the group has ``share`` of the exposure, by the smallest boost.

    Exposure moves in steps, one swap in one list at a time: it is the first step that reaches
    ``share``, from below where the group has less without a boost, from above where it has more.
    Raises RequestError for a share outside 0..1 or one that no lists reach, with the range.
    """
    if not (isinstance(share, int | float) and 0.0 <= share <= 1.0):
        raise RequestError(f"the share of exposure is {share!r}; give a number from 0 to 1.")
    plain = boosted_lists(choices, k)
    if abs(plain.share - share) <= _SLACK:
        return plain
    sign = 1.0 if share > plain.share else -1.0
    known = choices.scores[choices.rows >= 0]
    far = float(np.ptp(known)) + 1.0 if len(known) else 1.0
    best = boosted_lists(choices, k, sign * far)
    if sign * (share - best.share) > _SLACK:
        other = boosted_lists(choices, k, -sign * far).share
        low, high = sorted((other, best.share))
        raise RequestError(
            f"no lists give the group a share of {share:g}: with these users, candidates and k it "
            f"lies between {low:.4f} and {high:.4f}. Ask for a share in that range."
        )
    short, enough = 0.0, far
    while enough - short > _PRECISION * far:
        middle = (short + enough) / 2.0
        found = boosted_lists(choices, k, sign * middle)
        if sign * (share - found.share) > _SLACK:
            short = middle
        else:
            enough, best = middle, found
    return best
