"""Fairness: exposure of items, quality for users, and quality of explanations, by group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from kgrec.arguments import check_number, check_seed, given_ids
from kgrec.arrays import distinct
from kgrec.errors import RequestError
from kgrec.evaluation.exposure_rerank import ItemGroupSpec, choices_for, group_mask, trained_counts
from kgrec.evaluation.fairness_figures import ExposureCost
from kgrec.evaluation.fairness_report import FairnessReport
from kgrec.evaluation.path_quality import ExplainedPairs, ExplainPair, explain_lists
from kgrec.graph import GraphSnapshot
from kgrec.graph.snapshot import Ints
from kgrec.metrics.evaluate import reachable
from kgrec.metrics.exposure import (
    RESAMPLES,
    ItemGroup,
    Shown,
    UserGroup,
    estimates,
    gini,
    item_groups,
    user_groups,
)
from kgrec.metrics.groups import (
    POPULARITY,
    Groups,
    attribute_groups,
    history_groups,
    masks,
    popularity_groups,
    taste_groups,
)
from kgrec.metrics.significance import paired_bootstrap
from kgrec.progress import Progress
from kgrec.query import Resolver
from kgrec.ranking import Csr, pairs_to_csr, take_rows
from kgrec.ranking.exposure import Choices, ExposedLists, boosted_lists, lists_with_share
from kgrec.scoring.ranked_lists import ListOptions

Figures = TypeVar("Figures", ItemGroup, UserGroup)


@dataclass(frozen=True)
class FairnessRequest:
    """Settings of a fairness report; see ``Recommender.fairness`` for the fields."""

    k: int = 10
    by: Sequence[str] = ()
    items: Sequence[str] = ()
    group: ItemGroupSpec | None = None
    shares: Sequence[float] = ()
    explained: int = 50
    seed: int = 0

    def __post_init__(self) -> None:
        explained = self.explained
        if isinstance(explained, bool) or not isinstance(explained, int | np.integer):
            raise RequestError(f"explained is {explained!r}; give a number of users, or 0.")
        if explained < 0:
            raise RequestError(f"explained is {explained}; give a number of users, or 0.")
        shares = [check_number(share, "shares") for share in given_ids(self.shares, "shares")]
        if (self.group is None) != (not shares):
            raise RequestError(
                "group and shares belong together: the group of items that gets these shares."
            )


def measure_fairness(
    resolver: Resolver,
    full: GraphSnapshot,
    explain: ExplainPair,
    request: FairnessRequest,
    progress: Progress | None = None,
) -> FairnessReport:
    """Exposure and quality of the lists, and quality of their explanations, by group.

    ``full`` is the snapshot with the held-out rows. Raises RequestError.
    """
    engine, k = resolver.engine, min(request.k, len(full.items))
    snapshot, interactions = engine.snapshot, trained_counts(full)
    audience = Audience.build(snapshot, full)
    by_items = _item_masks(snapshot, interactions, request.items)
    by_users = _user_masks(snapshot, audience, interactions, request.by)
    head = popularity_groups(interactions) == "head"
    inside = head if request.group is None else group_mask(snapshot, interactions, request.group)
    users = resolver.of_users(audience.users)
    choices = choices_for(engine, users, inside, ListOptions(k), progress)
    plain = boosted_lists(choices, k)
    shown = Shown(plain.rows, len(interactions), audience.targets)
    drawn = np.random.default_rng(check_seed(request.seed)).permutation(len(audience.users))
    sample = np.sort(drawn[: request.explained])
    pairs = explain_lists(snapshot, explain, audience.users, plain.rows, sample, progress)
    exposure = shown.item_exposure()
    of_head = audience.share_of(snapshot, head)
    return FairnessReport(
        k=k,
        users=len(audience.users),
        items=len(interactions),
        gini=gini(exposure),
        coverage=float((exposure > 0).mean()),
        quality=estimates(shown.quality()),
        item_groups={
            name: _with_paths(item_groups(shown, interactions, groups), groups, pairs, pairs.item)
            for name, groups in by_items.items()
        },
        user_groups={
            name: _with_paths(user_groups(shown, head, of_head, groups), groups, pairs, pairs.place)
            for name, groups in by_users.items()
        },
        paths=pairs.quality(np.ones(len(pairs.item), dtype=bool)),
        favoured="" if request.group is None else _group_name(request.group),
        costs=[] if request.group is None else _costs(choices, plain, shown, list(request.shares)),
    )


@dataclass(frozen=True, eq=False)
class Audience:
    """The users of a report.

    Attributes
    ----------
    users : int64 ``[B]``
        Their rows.
    targets : CSR or None
        Their held-out items; None where the catalog has no test rows.
    """

    users: Ints
    targets: Csr | None

    @staticmethod
    def build(snapshot: GraphSnapshot, full: GraphSnapshot) -> Audience:
        """The users with test rows whose items can be recommended, else all with a history."""
        seen = snapshot.interactions
        n_users = len(full.users)
        held = full.interactions.select(np.asarray(full.interactions.split == "test"))
        if not len(held):
            users = distinct(seen.user)
            if not len(users):
                raise RequestError("nobody has a history or test rows; there is nothing to report.")
            return Audience(users, None)
        kept, _ = reachable(
            pairs_to_csr(held.user, held.item, n_users),
            pairs_to_csr(seen.user, seen.item, n_users),
            np.ones(len(full.items), dtype=bool),
        )
        users = np.flatnonzero(np.diff(kept[0]) > 0)
        if not len(users):
            raise RequestError("no test row names an item that its user has not had; check splits.")
        return Audience(users, take_rows(kept, users))

    def lengths(self, snapshot: GraphSnapshot) -> Ints:
        """int64 ``[B]``: the number of events of each user."""
        events = snapshot.interactions.user
        return np.asarray(np.bincount(events, minlength=len(snapshot.users))[self.users])

    def share_of(self, snapshot: GraphSnapshot, group: np.ndarray) -> np.ndarray:
        """float64 ``[B]``: the share of each user's events whose item is in ``group``."""
        seen = snapshot.interactions
        inside = np.bincount(seen.user[group[seen.item]], minlength=len(snapshot.users))
        return np.asarray(inside[self.users] / np.maximum(self.lengths(snapshot), 1))


def _item_masks(
    snapshot: GraphSnapshot, interactions: Ints, names: Sequence[str]
) -> dict[str, Groups]:
    found: dict[str, Groups] = {"popularity": masks(popularity_groups(interactions), POPULARITY)}
    for name in names:
        groups = attribute_groups(snapshot.items.attributes, name, "items")
        found[_free_name(name, found)] = groups
    return found


def _user_masks(
    snapshot: GraphSnapshot, audience: Audience, interactions: Ints, names: Sequence[str]
) -> dict[str, Groups]:
    head = np.asarray(popularity_groups(interactions) == "head")
    found: dict[str, Groups] = {
        "history": history_groups(audience.lengths(snapshot)),
        "taste": taste_groups(audience.share_of(snapshot, head)),
    }
    for name in names:
        groups = attribute_groups(snapshot.users.attributes, name, "users")
        found[_free_name(name, found)] = {
            label: mask[audience.users] for label, mask in groups.items()
        }
    return found


def _free_name(name: str, taken: Mapping[str, object]) -> str:
    return f"attribute {name}" if name in taken else name


def _with_paths(
    figures: dict[str, Figures], groups: Groups, pairs: ExplainedPairs, at: Ints
) -> dict[str, Figures]:
    """The groups' figures with the quality of explanations. ``at`` int64 ``[p]``: the row in the
    groups' masks that each explanation belongs to."""
    return {
        name: replace(one, paths=pairs.quality(groups[name][at])) for name, one in figures.items()
    }


def _costs(
    choices: Choices, plain: ExposedLists, shown: Shown, shares: Sequence[float]
) -> list[ExposureCost]:
    """The cost of the lists as they are, then of each share."""
    lists = [plain, *(lists_with_share(choices, shown.k, share) for share in shares)]
    before = shown.quality()
    return [_cost(one, plain, replace(shown, rows=one.rows), before) for one in lists]


def _cost(
    lists: ExposedLists, plain: ExposedLists, shown: Shown, before: dict[str, np.ndarray]
) -> ExposureCost:
    quality = shown.quality()
    return ExposureCost(
        share=lists.share,
        boost=lists.boost,
        place_score=lists.place_score,
        score_loss=plain.place_score - lists.place_score,
        coverage=float((shown.item_exposure() > 0).mean()),
        quality=estimates(quality),
        change={
            name: paired_bootstrap(before[name], values, resamples=RESAMPLES)
            for name, values in quality.items()
        },
    )


def _group_name(group: ItemGroupSpec) -> str:
    if isinstance(group, str):
        return group
    if callable(group):
        return getattr(group, "__name__", "the group")
    return ", ".join(f"{name}={value}" for name, value in group.items())
