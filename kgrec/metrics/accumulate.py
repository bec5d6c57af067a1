"""RankingMetrics: means over batches of users, in memory that doesn't grow with their number."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from graph_schema.errors import RequestError
from kgrec.arrays import Csr, row_numbers
from kgrec.metrics.metrics import UserMetrics, hit_matrix, self_information, user_metrics

MAX_K: Final = 10_000  # places of a list, so that a batch of lists fits into memory


class GroupMeans:
    """Sums of user metrics under a label, and the number of users."""

    def __init__(self) -> None:
        self.sums: dict[str, float] = {}
        self.n_users = 0

    def add(self, values: UserMetrics, rows: np.ndarray | slice) -> None:
        for name, column in values.items():
            self.sums[name] = self.sums.get(name, 0.0) + float(column[rows].sum())
        self.n_users += len(next(iter(values.values()))[rows])

    def means(self) -> dict[str, float]:
        return {name: total / self.n_users for name, total in self.sums.items()}


class RankingMetrics:
    """Mean metrics over users with targets.

    Parameters
    ----------
    ks
        Cutoffs, each 1 or more.
    n_items
        Number of items of the catalog.
    popularity
        Training counts ``[n_items]``; adds novelty@k.
    target_groups
        Labels of items, object ``[n_items]``, such as "cold" or "warm": adds the groups "cold
        targets" and so on, means over users with such a target, with only those targets as
        relevant.
    n_candidates
        Denominator of coverage; all items unless given.
    keep_users
        Keep every user's values, for significance tests.

    Raises
    ------
    RequestError
        No cutoff, or one below 1 or above ``MAX_K``.
    """

    def __init__(
        self,
        ks: Sequence[int],
        n_items: int,
        *,
        popularity: np.ndarray | None = None,
        target_groups: np.ndarray | None = None,
        n_candidates: int | None = None,
        keep_users: bool = False,
    ) -> None:
        if not ks or min(ks) < 1:
            raise RequestError(f"ks is {list(ks)}; give at least one cutoff, each 1 or more.")
        if max(ks) > MAX_K:
            raise RequestError(f"ks has {max(ks):,}; cutoffs go up to {MAX_K:,}.")
        self.ks = tuple(sorted(set(ks)))
        self.n_candidates = n_items if n_candidates is None else n_candidates
        self._information = None if popularity is None else self_information(popularity)
        self._target_groups = target_groups
        self._shown = {k: np.zeros(n_items, dtype=bool) for k in self.ks}
        self._novelty = dict.fromkeys(self.ks, 0.0)
        self._places = dict.fromkeys(self.ks, 0)
        self._all = GroupMeans()
        self._groups: dict[str, GroupMeans] = {}
        self._kept: list[UserMetrics] | None = [] if keep_users else None

    @property
    def n_users(self) -> int:
        return self._all.n_users

    def update(
        self,
        top: np.ndarray,
        targets: Csr,
        *,
        groups: np.ndarray | None = None,
        best_rank: np.ndarray | None = None,
    ) -> None:
        """Add a batch of users.

        Parameters
        ----------
        top
            Item rows int64 ``[B, K]``, best first, padded with -1.
        targets
            Held-out items as (indptr, item rows), at least one per user.
        groups
            A label per user ``[B]``.
        best_rank
            Ranks ``[B]`` as ``metrics.best_ranks`` returns them; adds "mrr" without a cutoff.
        """
        hits = hit_matrix(top, targets)
        values = user_metrics(hits, np.diff(targets[0]), self.ks)
        if best_rank is not None:
            values["mrr"] = 1.0 / best_rank
        self._all.add(values, slice(None))
        if self._kept is not None:
            self._kept.append(values)
        if groups is not None:
            for label in np.unique(groups.astype(str)):
                self._group(str(label)).add(values, groups.astype(str) == label)
        self._add_target_groups(top, hits, targets)
        self._add_shown(top)

    def metrics(self) -> dict[str, float]:
        """Every mean by name; empty where no user was added."""
        if not self.n_users:
            return {}
        result = self._all.means()
        for k in self.ks:
            result[f"coverage@{k}"] = float(self._shown[k].sum() / max(self.n_candidates, 1))
            if self._information is not None:
                result[f"novelty@{k}"] = self._novelty[k] / max(self._places[k], 1)
        return result

    def by_group(self) -> dict[str, dict[str, float]]:
        """Per label (of users and of targets): the means, and "users", their number."""
        return {
            label: {"users": float(means.n_users), **means.means()}
            for label, means in sorted(self._groups.items())
        }

    def per_user(self) -> UserMetrics:
        """Each user's values, float64 ``[n_users]`` by metric name, in the order of the updates.

        Raises
        ------
        RequestError
            The values were not kept.
        """
        if self._kept is None:
            raise RequestError("per-user values were not kept; pass keep_users=True.")
        names = self._kept[0] if self._kept else {}
        return {name: np.concatenate([batch[name] for batch in self._kept]) for name in names}

    def _group(self, label: str) -> GroupMeans:
        return self._groups.setdefault(label, GroupMeans())

    def _add_target_groups(self, top: np.ndarray, hits: np.ndarray, targets: Csr) -> None:
        if self._target_groups is None:
            return
        labels = self._target_groups.astype(str)
        of_target, user = labels[targets[1]], row_numbers(targets[0])
        for label in np.unique(of_target):
            counts = np.bincount(user[of_target == label], minlength=len(top))
            rows = counts > 0
            inside = hits[rows] & (labels[np.maximum(top[rows], 0)] == label)
            self._group(f"{label} targets").add(
                user_metrics(inside, counts[rows], self.ks), slice(None)
            )

    def _add_shown(self, top: np.ndarray) -> None:
        for k in self.ks:
            shown = top[:, :k][top[:, :k] >= 0]
            self._shown[k][shown] = True
            self._places[k] += len(shown)
            if self._information is not None:
                self._novelty[k] += float(self._information[shown].sum())
