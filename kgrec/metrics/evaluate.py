"""Evaluate rankings: score every user with targets against the whole catalog and report means."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch

from graph_schema.errors import RequestError
from kgrec.arrays import Csr, contains, pairs_to_csr, row_numbers, take_rows
from kgrec.metrics.accumulate import RankingMetrics
from kgrec.metrics.metrics import UserMetrics, best_ranks
from kgrec.progress import Progress
from kgrec.ranking.topk import top_k
from kgrec.visualization.notebook import fragment, html_table, paragraphs

ScoreBatch = Callable[[np.ndarray], "np.ndarray | torch.Tensor"]
_MAX_USERS, _MAX_SCORES = 1024, 2**25  # scored at once, so that memory stays flat


@dataclass(frozen=True, eq=False)
class EvaluationReport:
    """Means of ranking metrics, the same per group, and the counts of what was evaluated.

    Attributes
    ----------
    metrics
        Mean over users by metric name, such as "ndcg@10".
    by_group
        The same per group, with "users", the number of users in it.
    n_users, n_items, n_targets
        Users with targets, items in the catalog, held-out pairs that count.
    n_targets_left_out
        Held-out pairs that no list can contain: the user had seen the item, or it is no candidate.
    users
        Ids (or int64 rows where there are none) of the users of ``per_user``; empty unless asked
        for.
    per_user
        Values of each user, float64 ``[n_users]`` by metric name; empty unless asked for.
    """

    metrics: dict[str, float]
    by_group: dict[str, dict[str, float]]
    n_users: int
    n_items: int
    n_targets: int
    n_targets_left_out: int = 0
    users: np.ndarray = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    per_user: UserMetrics = field(default_factory=dict)

    def __getitem__(self, name: str) -> float:
        return self.metrics[name]

    def __str__(self) -> str:
        """A table: one row per metric, one column for all users and one per group."""
        return "\n".join([*aligned(self._table()), *self._notes()])

    def _repr_html_(self) -> str:
        """The same for notebooks."""
        heading = f"{self.n_users:,} users, {self.n_items:,} items, {self.n_targets:,} held out"
        return fragment(heading, html_table(self._table()), paragraphs(self._notes()))

    def _table(self) -> list[list[str]]:
        groups = list(self.by_group)
        table = [["metric", "all", *groups]]
        table.append(["users", f"{self.n_users:,}", *self._group_users()])
        for name, value in self.metrics.items():
            cells = [_number(self.by_group[group].get(name)) for group in groups]
            table.append([name, _number(value), *cells])
        return table

    def _notes(self) -> list[str]:
        left_out = self.n_targets_left_out
        reason = f"{left_out:,} held-out pairs left out: seen before or no candidate"
        return [reason] if left_out else []

    def _group_users(self) -> list[str]:
        return [f"{int(values['users']):,}" for values in self.by_group.values()]


def evaluate_ranking(
    score_batch: ScoreBatch,
    *,
    n_items: int,
    targets: Csr,
    seen: Csr,
    ks: Sequence[int] = (10, 20),
    batch_size: int | None = None,
    groups: np.ndarray | None = None,
    item_popularity: np.ndarray | None = None,
    target_groups: np.ndarray | None = None,
    candidates: np.ndarray | None = None,
    keep_users: bool = False,
    full_mrr: bool = False,
    progress: Progress | None = None,
) -> EvaluationReport:
    """Evaluate a full ranking over all items (or ``candidates``), averaged over users with targets.

    Parameters
    ----------
    score_batch
        Function from user rows int64 ``[B]`` to scores ``[B, n_items]``. It never sees what is held
        out.
    n_items
        Number of items of the catalog.
    targets
        Items to find, as (indptr ``[n_users + 1]``, item rows).
    seen
        Items that may not be recommended, in the same form.
    ks
        Cutoffs of the metrics.
    groups
        Labels of users, object ``[n_users]``, such as scenarios.
    target_groups
        Labels of items, object ``[n_items]``: with "cold", the group "cold targets" counts only
        those targets.
    item_popularity
        Training counts ``[n_items]``; adds novelty@k.
    candidates
        Item rows int64, or bool ``[n_items]``; other items are not ranked.
    batch_size
        Users scored at once; None: as many as memory allows.
    full_mrr
        Whether to add "mrr" without a cutoff.
    keep_users
        Whether to keep the values of each user, for ``compare_reports``.
    progress
        Called with ("users evaluated", users done, users in all).

    Returns
    -------
    EvaluationReport
        Means over users, each from 0 to 1, except novelty (bits).

    Raises
    ------
    RequestError
        No user has a target, or the scores have a wrong shape.
    """
    allowed = _candidate_mask(candidates, n_items)
    kept, left_out = reachable(targets, seen, allowed)
    users = np.flatnonzero(np.diff(kept[0]) > 0)
    if not len(users):
        raise RequestError("no user has a held-out item that could be recommended; check splits.")
    tally = RankingMetrics(
        ks,
        n_items,
        popularity=item_popularity,
        target_groups=target_groups,
        n_candidates=int(allowed.sum()),
        keep_users=keep_users,
    )
    if batch_size is None:
        batch_size = max(1, min(_MAX_USERS, _MAX_SCORES // n_items))
    for start in range(0, len(users), batch_size):
        rows = users[start : start + batch_size]
        scores = _checked(score_batch(rows), (len(rows), n_items))
        mask, wanted = take_rows(seen, rows), take_rows(kept, rows)
        top, _ = top_k(scores, max(ks), seen=mask, candidates=candidates)
        tally.update(
            top.cpu().numpy(),
            wanted,
            groups=None if groups is None else groups[rows],
            best_rank=_best_ranks(scores, wanted, mask, allowed) if full_mrr else None,
        )
        if progress is not None:
            progress("users evaluated", start + len(rows), len(users))
    return EvaluationReport(
        metrics=tally.metrics(),
        by_group=tally.by_group(),
        n_users=len(users),
        n_items=int(allowed.sum()),
        n_targets=len(kept[1]),
        n_targets_left_out=left_out,
        users=users if keep_users else np.empty(0, dtype=np.int64),
        per_user=tally.per_user() if keep_users else {},
    )


def _candidate_mask(candidates: np.ndarray | None, n_items: int) -> np.ndarray:
    if candidates is None:
        return np.ones(n_items, dtype=bool)
    if candidates.dtype == bool:
        return candidates
    mask = np.zeros(n_items, dtype=bool)
    mask[candidates] = True
    return mask


def reachable(targets: Csr, seen: Csr, allowed: np.ndarray) -> tuple[Csr, int]:
    """Distinct targets that a list can contain, and the number of those left out."""
    n_users = len(targets[0]) - 1
    if len(seen[0]) != n_users + 1:
        raise RequestError(f"targets hold {n_users} users, seen {len(seen[0]) - 1}; pass the same.")
    indptr, items = pairs_to_csr(row_numbers(targets[0]), targets[1], n_users)
    users = row_numbers(indptr)
    keep = allowed[items] & ~contains(seen, users, items)
    return pairs_to_csr(users[keep], items[keep], n_users), int((~keep).sum())


def _checked(scores: np.ndarray | torch.Tensor, shape: tuple[int, int]) -> torch.Tensor:
    tensor = torch.as_tensor(scores)
    if tuple(tensor.shape) != shape:
        raise RequestError(f"score_batch returned shape {tuple(tensor.shape)}; expected {shape}.")
    return tensor.detach().float()


def _best_ranks(scores: torch.Tensor, wanted: Csr, mask: Csr, allowed: np.ndarray) -> np.ndarray:
    full = scores.cpu().numpy().copy()
    full[:, ~allowed] = -np.inf
    full[row_numbers(mask[0]), mask[1]] = -np.inf
    return best_ranks(full, wanted)


def aligned(table: Sequence[Sequence[str]]) -> list[str]:
    """Lines of a table: the first column is left-aligned, the others are right-aligned."""
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return [
        "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) for row in table
    ]


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"
