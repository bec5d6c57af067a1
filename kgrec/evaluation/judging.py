"""Estimates, from a log of explored lists, of the reward that a new model would have had."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from os import PathLike
from typing import Any, Final

import numpy as np
import pandas as pd

from kgrec.arrays import Csr, distinct, row_numbers
from kgrec.config import FeedbackConfig
from kgrec.errors import RequestError
from kgrec.evaluation.feedback_log import FeedbackLog
from kgrec.evaluation.reward_model import Places, predict_rewards
from kgrec.feedback.seen_items import ExcludeSeen
from kgrec.graph.snapshot import Floats, Ints
from kgrec.metrics.off_policy import PolicyValue, WeightedRows
from kgrec.paths.index import Constraints
from kgrec.query import Query, Resolver
from kgrec.scoring.item_clusters.lists import ItemSearch, best_items
from kgrec.scoring.ranked_lists import ListOptions, score_blocks, seen_items
from kgrec.scoring.request import Request

FEWEST: Final = 100  # effective size of a log, at least
_LEARNED: Final = 0.01  # of the log's rows may be in the histories of the model
_ERRORS: Final = 5.0  # standard errors by which the mean weight may exceed 1


@dataclass(frozen=True)
class JudgeReport:
    """The mean reward that a place of a model's lists would have had, by a log.

    Attributes
    ----------
    lists, users, places : int
        Size of the log; ``places`` are its rows.
    k : int
        Places of a list, the largest position of the log.
    effective_size : float
        So many places of equal weight would tell as much, at least 100.
    matched : int
        Places where the log shows what the model would.
    coverage : PolicyValue
        Estimated share of the model's places that the log could have shown. Where its interval
        lies below 1, IPS takes the rest to have no reward, SNIPS the mean, DR the predicted one.
    logged : PolicyValue
        Mean reward of the lists that were shown.
    values : dict of str to PolicyValue
        Mean reward of the model's lists: "snips", "dr", "ips" and "dm".
    gains : dict of str to PolicyValue
        The same minus the mean reward of the lists that were shown.
    """

    lists: int
    users: int
    places: int
    k: int
    effective_size: float
    matched: int
    coverage: PolicyValue
    logged: PolicyValue
    values: dict[str, PolicyValue]
    gains: dict[str, PolicyValue]

    def to_dict(self) -> dict[str, Any]:
        """The report as plain values."""
        return asdict(self)

    def __str__(self) -> str:
        head = (
            f"{self.places:,} places of {self.lists:,} lists for {self.users:,} users; "
            f"{self.matched:,} match the model's; effective size {self.effective_size:,.0f}; "
            f"coverage {self.coverage.mean:.3f}"
        )
        rows = [f"  logged {self.logged}"]
        rows += [
            f"  {name:<6} {value}, gain {self.gains[name]}" for name, value in self.values.items()
        ]
        return "\n".join([head, "mean reward of a place, 95 % interval:", *rows])


def judge_lists(
    resolver: Resolver,
    search: ItemSearch | None,
    source: FeedbackLog | pd.DataFrame | str | PathLike[str],
    query: Query,
    exclude_seen: ExcludeSeen = True,
    feedback: FeedbackConfig | None = None,
) -> JudgeReport:
    """The report on the model's lists for the log's users, in the circumstances of ``query``, whose
    ``missing`` says whether users that are not in the graph are left out.

    Raises RequestError where the log is too small for this model, its probabilities can't be true,
    or the model has learned from it.
    """
    log = FeedbackLog.read(source)
    if query.missing == "ignore":
        log = log.of_users(resolver.engine.snapshot.users.rows(log.user_id.tolist()) >= 0)
    case = _Case.build(resolver, log, query)
    k, engine = int(log.position.max()), resolver.engine
    options = ListOptions.build(
        engine.snapshot, Constraints(), k, exclude_seen=exclude_seen, feedback=feedback
    )
    case.check_histories(log, seen_items(engine, case.request, options.seen))
    lists = best_items(engine, case.request, options, search).rows
    new = np.full((len(lists), k), -1, dtype=np.int64)
    new[:, : lists.shape[1]] = lists
    chosen = new[case.user, log.position - 1]
    weight = np.where(chosen == case.item, 1.0 / log.probability, 0.0)
    shown, expected = case.predictions(log, chosen)
    rows = WeightedRows(log.reward, weight, shown, expected, case.user)
    return _report(rows, log, k)


def _report(rows: WeightedRows, log: FeedbackLog, k: int) -> JudgeReport:
    size, coverage = rows.effective_size, rows.coverage()
    _check_weights(rows.weight, coverage)
    if size < FEWEST:
        more = "" if size < 1.0 else f" (about {FEWEST / size:.0f} times as many)"
        raise RequestError(
            f"the log's effective size for this model is {size:.0f} of {len(log):,} places, below "
            f"{FEWEST}: an estimate would be chance. Log more lists{more}, or explore more places."
        )
    return JudgeReport(
        lists=len(set(log.list_id)),
        users=len(set(log.user_id)),
        places=len(log),
        k=k,
        effective_size=size,
        matched=int(np.count_nonzero(rows.weight)),
        coverage=coverage,
        logged=rows.logged(),
        values=rows.values(),
        gains=rows.gains(),
    )


def _check_weights(weight: Floats, coverage: PolicyValue) -> None:
    """Raise RequestError where the mean weight is above 1 beyond chance."""
    error = (coverage.high - coverage.low) / 4.0
    if coverage.mean - 1.0 > _ERRORS * error + 1e-6:
        raise RequestError(
            f"the probabilities of the log don't sum to 1: the weights have the mean "
            f"{coverage.mean:.2f}, where at most 1 is possible. Log the probability of the item at "
            "its place, not that of a click or of the item among some others."
        )


@dataclass(frozen=True, eq=False)
class _Case:
    """The log's users as a request, and each row's place in it.

    ``user`` int64 ``[n]``: the row of the request; ``item`` int64 ``[n]``: the item's row, -1 for
    one that the model does not know.
    """

    resolver: Resolver
    request: Request
    user: Ints
    item: Ints

    @staticmethod
    def build(resolver: Resolver, log: FeedbackLog, query: Query) -> _Case:
        names, user = np.unique(log.user_id.astype(str), return_inverse=True)
        asked = Query(names.tolist(), None, query.scenario, query.context, query.horizon)
        item = resolver.engine.snapshot.items.rows(log.item_id.tolist())
        return _Case(resolver, resolver.resolve(asked), user.astype(np.int64), np.asarray(item))

    def check_histories(self, log: FeedbackLog, seen: Csr | None) -> None:
        """Raise RequestError where items of the log are among those that lists leave out as
        ``seen`` by its users."""
        if seen is None:
            return
        n_items = len(self.resolver.engine.item_ids) - 1
        had = distinct(row_numbers(seen[0]) * n_items + seen[1])
        learned = int(np.isin(self.user * n_items + self.item, had).sum())
        if learned > _LEARNED * len(log):
            raise RequestError(
                f"{learned:,} of {len(log):,} items of the log are in the model's histories of the "
                "same users: it has learned from the log, and would not show them again. "
                "Judge a model that was fitted on events from before the log, or let lists "
                "contain seen items (exclude_seen=False, --include-seen)."
            )

    def predictions(self, log: FeedbackLog, chosen: Ints) -> tuple[Floats, Floats]:
        """Predicted rewards, float64 ``[n]`` each: of the shown items, and of the ``chosen`` (int64
        ``[n]``) in their places."""
        scores = self._scores(np.stack([self.item, chosen], axis=1))
        return predict_rewards(
            log.reward,
            self.user,
            Places(self.item, log.position, scores[:, 0]),
            Places(chosen, log.position, scores[:, 1]),
        )

    def _scores(self, items: Ints) -> Floats:
        """float64, in the shape of ``items`` ``[n, c]``: scores of the log's users, standardised
        over all items; 0 for item -1."""
        found = np.zeros(items.shape)
        order = np.argsort(self.user, kind="stable")
        for start, block in score_blocks(self.resolver.engine, self.request):
            low, high = np.searchsorted(self.user[order], [start, start + len(block)])
            rows = order[low:high]
            scores = block.cpu().numpy().astype(np.float64)
            scores -= scores.mean(axis=1, keepdims=True)
            scores /= np.maximum(scores.std(axis=1, keepdims=True), 1e-9)
            found[rows] = scores[self.user[rows, None] - start, np.maximum(items[rows], 0)]
        return np.where(items >= 0, found, 0.0)
