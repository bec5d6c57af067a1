"""Fit the blend on held-out user → user facts: softmax regression over all other users.

Features are computed without the held-out facts. One set of weights is for users of whom a part of
the facts is hidden, one for users of whom all are hidden, as for those who follow nobody.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.optimize import minimize

from kgrec.graph.snapshot import Floats, Ints
from kgrec.social.blend import LONE, PLAIN, Blend, columns
from kgrec.social.features import NAMES, PairFeatures, Profiles
from kgrec.social.follows import Follows

_HELD: Final = 0.2  # share of the facts, and of the users whose facts are all hidden
_FOLDS: Final = 4
_MOST: Final = 600  # users to fit on, of each kind
_FEWEST: Final = 20  # held-out facts
_OTHERS: Final = 4_000  # users that each is compared with, at most
_RIDGES: Final = (0.003, 0.03, 0.3)
_RIVALS: Final = ("resource allocation", "taste", "popularity")
_DISCOUNT: Final = 1 / np.log2(np.arange(2, 12))
_CELLS: Final = 2**22  # features computed at once


@dataclass(frozen=True, eq=False)
class Held:
    """Users with held-out facts: features float32 ``[B, c, NAMES]`` of candidates, which are held
    out (bool ``[B, c]``), and which may be in the list."""

    features: Floats
    wanted: np.ndarray
    allowed: np.ndarray

    def of(self, rows: Ints) -> Held:
        """Some of the users."""
        return Held(self.features[rows], self.wanted[rows], self.allowed[rows])

    def padded(self, width: int) -> Held:
        """The same with so many candidates: those added may not be in the list."""
        more = ((0, 0), (0, width - self.wanted.shape[1]))
        return Held(
            np.pad(self.features, (*more, (0, 0))),
            np.pad(self.wanted, more),
            np.pad(self.allowed, more),
        )

    def ndcg(self, scores: Floats) -> float:
        """Mean NDCG@10 of scores ``[B, c]``."""
        best = np.argsort(-np.where(self.allowed, scores, -np.inf), axis=1, kind="stable")[:, :10]
        hits = np.take_along_axis(self.wanted, best, axis=1)
        count = np.minimum(self.wanted.sum(axis=1), 10)
        return float(((hits @ _DISCOUNT[: hits.shape[1]]) / np.cumsum(_DISCOUNT)[count - 1]).mean())


def fit_blend(follows: Follows, profiles: Profiles, seed: int) -> Blend:
    """The blend of a graph; PLAIN where it has too few facts to fit one."""
    draw = np.random.default_rng(seed)
    head, tail = follows.pairs()
    hidden = draw.random(len(head)) < _HELD
    if int(hidden.sum()) < _FEWEST:
        return PLAIN
    some = _held_out(follows, profiles, head[hidden], tail[hidden], draw)
    none = _all_held_out(follows, profiles, draw)
    scales = _scales(some)
    weights, figures = _chosen(some, scales, np.ones(2 * len(NAMES), dtype=bool), draw)
    alone = weights * LONE
    if none is not None:
        alone, found = _chosen(none, scales, LONE, draw)
        figures |= {f"{name}, follows nobody": value for name, value in found.items()}
    return Blend(tuple(scales.tolist()), tuple(weights.tolist()), tuple(alone.tolist()), figures)


def _all_held_out(follows: Follows, profiles: Profiles, draw: np.random.Generator) -> Held | None:
    """Users whose facts are all held out, in _FOLDS parts of the users, each beside the others."""
    head, tail = follows.pairs()
    part = draw.permutation(follows.out.shape[0]) % (2 * _FOLDS)
    found = []
    for number in range(_FOLDS):
        lone = part == number
        gone = lone[head] | lone[tail] if follows.mutual else lone[head]
        if gone.any():
            found.append(
                _held_out(follows, profiles, head[gone], tail[gone], draw, lone, _MOST // _FOLDS)
            )
    width = max((held.wanted.shape[1] for held in found), default=0)
    parts = [held.padded(width) for held in found if held.wanted.any()]
    if not parts:
        return None
    return Held(
        np.concatenate([one.features for one in parts]),
        np.concatenate([one.wanted for one in parts]),
        np.concatenate([one.allowed for one in parts]),
    )


def _held_out(
    follows: Follows,
    profiles: Profiles,
    head: Ints,
    tail: Ints,
    draw: np.random.Generator,
    only: np.ndarray | None = None,
    most: int = _MOST,
) -> Held:
    """Users with facts that are held out, at most ``most``; ``only``: those of these users
    (bool)."""
    left = follows.without(head, tail)
    if follows.mutual:
        head, tail = np.append(head, tail), np.append(tail, head)
    users = np.unique(head if only is None else head[only[head]])
    users = np.sort(draw.permutation(users)[:most])
    others = np.arange(len(follows.degree))
    if len(others) > _OTHERS:
        others = np.union1d(draw.permutation(others)[:_OTHERS], tail[np.isin(head, users)])
    pairs = PairFeatures(left, profiles)
    wanted = np.zeros((len(users), len(others)), dtype=bool)
    kept = np.isin(head, users)
    wanted[np.searchsorted(users, head[kept]), np.searchsorted(others, tail[kept])] = True
    allowed = users[:, None] != others[None]
    for row, user in enumerate(users.tolist()):
        allowed[row, np.isin(others, left.followed(user))] = False
    size = max(1, _CELLS // max(len(follows.degree) * len(NAMES), 1))
    blocks = [
        pairs.of(users[start : start + size])[:, others] for start in range(0, len(users), size)
    ]
    return Held(np.concatenate(blocks), wanted & allowed, allowed)


def _scales(held: Held) -> Floats:
    """float64 ``[NAMES]``: the mean of each feature where it is not zero."""
    flat = held.features.reshape(-1, len(NAMES))
    counts = (flat > 0).sum(axis=0)
    return np.asarray(np.where(counts > 0, flat.sum(axis=0, dtype=np.float64), 1.0)
                      / np.maximum(counts, 1))  # fmt: skip


def _chosen(
    held: Held, scales: Floats, used: np.ndarray, draw: np.random.Generator
) -> tuple[Floats, dict[str, float]]:
    """The weights, and NDCG@10 of the blend and of single features: the ridge is chosen on one half
    of the users after a fit on the other, and then all are fitted on. A single feature that is
    better than every blend takes its place."""
    curves = columns(held.features, scales) * used.astype(np.float32)
    order = draw.permutation(len(curves))
    first, second = order[: len(order) // 2], order[len(order) // 2 :]
    other = held.of(second)
    options = {
        ridge: other.ndcg(curves[second] @ _fit(held.of(first), curves[first], ridge))
        for ridge in _RIDGES
    }
    best = max(options, key=lambda ridge: options[ridge])
    figures = {"blend": options[best]}
    for name in _RIVALS:
        if used[NAMES.index(name)]:
            figures[name] = other.ndcg(curves[second, :, NAMES.index(name)])
    winner = max(figures, key=lambda name: figures[name])
    if winner == "blend":
        return _fit(held, curves, best).astype(np.float64), figures
    return np.eye(2 * len(NAMES))[NAMES.index(winner)], figures


def _fit(held: Held, curves: Floats, ridge: float) -> Floats:
    """float32 ``[2 NAMES]``: the weights with the largest likelihood of the held-out facts, each
    user's of weight one, less ``ridge`` times half their squares."""
    wanted = held.wanted / np.maximum(held.wanted.sum(axis=1, keepdims=True), 1)
    mean = np.einsum("bcf,bc->f", curves, wanted) / len(curves)

    def loss(weights: Floats) -> tuple[float, Floats]:
        scores = np.where(held.allowed, curves @ weights.astype(np.float32), -np.inf)
        top = scores.max(axis=1, keepdims=True)
        shares = np.exp(scores - top)
        total = shares.sum(axis=1, keepdims=True)
        value = float((np.log(total) + top).mean()) - float(mean @ weights)
        slope = np.einsum("bcf,bc->f", curves, shares / total) / len(curves) - mean
        return value + ridge / 2 * float(weights @ weights), slope + ridge * weights

    found = minimize(
        loss, np.zeros(2 * len(NAMES)), jac=True, method="L-BFGS-B", options={"maxiter": 60}
    )
    return np.asarray(found.x, dtype=np.float32)
