"""Exposure of groups of items, and quality for groups of users."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from graph_schema.errors import RequestError
from kgrec.arrays import Csr, row_numbers
from kgrec.metrics.groups import Groups
from kgrec.metrics.metrics import UserMetrics, hit_matrix, user_metrics
from kgrec.metrics.significance import Difference, independent_bootstrap, paired_bootstrap
from kgrec.ranking.exposure import position_discount

RESAMPLES = 2_000
QUALITY = ("ndcg", "recall")  # the metrics of a report, each at k


@dataclass(frozen=True, eq=False)
class Shown:
    """The lists of some users: ``rows`` int64 ``[B, k]`` item rows, best first, padded with -1.

    ``targets`` (indptr ``[B + 1]``, item rows) are held-out items, at least one for each user;
    None where nothing is held out.
    """

    rows: np.ndarray
    n_items: int
    targets: Csr | None = None

    @property
    def k(self) -> int:
        return int(self.rows.shape[1])

    def item_exposure(self) -> np.ndarray:
        """float64 ``[n_items]``: each item's share of the exposure, 0 where it is in no list."""
        filled = self.rows >= 0
        discount = np.broadcast_to(position_discount(self.k), self.rows.shape)[filled]
        total = np.bincount(self.rows[filled], weights=discount, minlength=self.n_items)
        return np.asarray(total / max(float(total.sum()), np.finfo(float).tiny))

    def quality(self) -> UserMetrics:
        """NDCG and Recall at k of every user, float64 ``[B]``; empty without targets."""
        if self.targets is None:
            return {}
        return self._at_k(hit_matrix(self.rows, self.targets), np.diff(self.targets[0]))

    def quality_of(self, group: np.ndarray) -> UserMetrics:
        """The same for the users with a target in ``group`` (bool ``[n_items]``), with only those
        targets as relevant."""
        if self.targets is None:
            return {}
        owner, wanted = row_numbers(self.targets[0]), self.targets[1]
        counts = np.bincount(owner[group[wanted]], minlength=len(self.rows))
        users = counts > 0
        inside = (self.rows >= 0) & group[np.maximum(self.rows, 0)]
        hits = hit_matrix(self.rows, self.targets) & inside
        return self._at_k(hits[users], counts[users])

    def _at_k(self, hits: np.ndarray, n_targets: np.ndarray) -> UserMetrics:
        found = user_metrics(hits, n_targets, (self.k,))
        return {name: found[f"{name}@{self.k}"] for name in QUALITY}


@dataclass(frozen=True)
class Estimate:
    """A mean over ``n`` users with its 95 % bootstrap interval."""

    mean: float
    low: float
    high: float
    n: int

    @staticmethod
    def of(values: np.ndarray, seed: int = 0) -> Estimate | None:
        """None where there are no values; ``values`` float64 ``[n]``."""
        if not len(values):
            return None
        zeros = np.zeros(len(values))
        found = paired_bootstrap(zeros, values, resamples=RESAMPLES, seed=seed)
        return Estimate(found.mean, found.low, found.high, len(values))


@dataclass(frozen=True)
class PathQuality:
    """Quality of the explanations of ``pairs`` recommendations.

    ``explained``: the share with a path of the graph that contributes at least 5 % of score −
    baseline and without whose edges the score falls; ``best``: the mean share that the best such
    path contributes; ``links``: the median number of facts and interactions of the nodes between
    history item and recommendation, other users left out (None without such nodes).
    """

    pairs: int
    explained: float
    best: float
    links: float | None


@dataclass(frozen=True)
class ItemGroup:
    """A group of items and its shares (0 to 1): of the catalog's items, of the training
    interactions, of the held-out pairs (None without any) and of the exposure."""

    items: int
    catalog: float
    interactions: float
    targets: float | None
    exposure: float
    quality: dict[str, Estimate] = field(default_factory=dict)
    paths: PathQuality | None = None


@dataclass(frozen=True)
class UserGroup:
    """A group of users: quality of their lists, and ``gap``, their NDCG less that of all other
    users (None without held-out pairs or other users). ``head_history`` and ``head_shown`` are the
    shares of head items in their events and in their lists."""

    users: int
    quality: dict[str, Estimate]
    gap: Difference | None
    head_history: float
    head_shown: float
    paths: PathQuality | None = None


def gini(shares: np.ndarray) -> float:
    """Gini coefficient: 0 where all of ``shares`` (``[n]``, none negative) are equal, towards 1
    where one has all."""
    total = float(shares.sum())
    if not total:
        return 0.0
    ordered, n = np.sort(shares), len(shares)
    return float(2 * (np.arange(1, n + 1) * ordered).sum() / (n * total) - (n + 1) / n)


def item_groups(shown: Shown, trained: np.ndarray, groups: Groups) -> dict[str, ItemGroup]:
    """Shares of each of ``groups`` (masks ``[n_items]``, which may overlap).

    ``trained`` int ``[n_items]`` counts training interactions. Raises RequestError for a mask of
    another length.
    """
    _check(groups, shown.n_items, "items")
    exposure = shown.item_exposure()
    all_trained = max(int(trained.sum()), 1)
    return {
        name: ItemGroup(
            items=int(mask.sum()),
            catalog=float(mask.mean()),
            interactions=float(trained[mask].sum() / all_trained),
            targets=None if shown.targets is None else float(mask[shown.targets[1]].mean()),
            exposure=float(exposure[mask].sum()),
            quality=estimates(shown.quality_of(mask)),
        )
        for name, mask in groups.items()
    }


def user_groups(
    shown: Shown, head: np.ndarray, head_history: np.ndarray, groups: Groups
) -> dict[str, UserGroup]:
    """Quality for the users of each of ``groups`` (masks ``[B]``); empty groups are left out.

    ``head`` bool ``[n_items]``; ``head_history`` float64 ``[B]``: the share of head items in each
    user's events. Raises RequestError for a mask of another length.
    """
    _check(groups, len(shown.rows), "users")
    quality = shown.quality()
    result = {}
    for name, mask in groups.items():
        if not mask.any():
            continue
        exposure = Shown(shown.rows[mask], shown.n_items).item_exposure()
        result[name] = UserGroup(
            users=int(mask.sum()),
            quality=estimates({metric: values[mask] for metric, values in quality.items()}),
            gap=_gap(quality, mask),
            head_history=float(head_history[mask].mean()),
            head_shown=float(exposure[head].sum()),
        )
    return result


def estimates(quality: UserMetrics) -> dict[str, Estimate]:
    """The mean of each metric with its interval; none without values."""
    found = {name: Estimate.of(values) for name, values in quality.items()}
    return {name: estimate for name, estimate in found.items() if estimate is not None}


def _gap(quality: UserMetrics, mask: np.ndarray) -> Difference | None:
    if not quality or mask.all():
        return None
    values = quality[QUALITY[0]]
    return independent_bootstrap(values[~mask], values[mask], resamples=RESAMPLES)


def _check(groups: Groups, size: int, what: str) -> None:
    for name, mask in groups.items():
        if mask.shape != (size,) or mask.dtype != bool:
            raise RequestError(
                f"group {name!r} is {mask.dtype} {mask.shape}; pass one bool for each of the "
                f"{size} {what}."
            )
