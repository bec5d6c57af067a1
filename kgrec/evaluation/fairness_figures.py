"""FairnessFigures: the values of a fairness report."""

from __future__ import annotations

from dataclasses import dataclass, field

from kgrec.metrics.exposure import Estimate, ItemGroup, PathQuality, UserGroup
from kgrec.metrics.significance import Difference


@dataclass(frozen=True)
class ExposureCost:
    """The cost of giving a group of items ``share`` of the exposure.

    Attributes
    ----------
    share : float
        The group's share of the exposure, 0 to 1.
    boost : float
        What is added to the score of each of its items.
    place_score : float
        The mean score of a place, weighted by its exposure.
    score_loss : float
        Decrease of ``place_score`` against the lists without a boost.
    coverage : float
        The share of the items that are in any list.
    quality, change : dict
        Metrics on held-out pairs, and their differences from the lists without a boost (paired by
        user); empty without held-out pairs.
    """

    share: float
    boost: float
    place_score: float
    score_loss: float
    coverage: float
    quality: dict[str, Estimate] = field(default_factory=dict)
    change: dict[str, Difference] = field(default_factory=dict)


@dataclass(frozen=True)
class FairnessFigures:
    """Exposure and quality of the lists of ``k`` items that ``users`` users get.

    Attributes
    ----------
    k, users, items : int
        Length of the lists, number of users and of items.
    gini, coverage : float
        Gini coefficient of the items' exposure; share of the items that are in any list.
    quality : dict
        Metrics of all users.
    item_groups, user_groups : dict
        Figures of each group, by grouping ("popularity", "history", "taste" or an attribute).
    paths : PathQuality or None
        Figures of all explanations.
    favoured : str
        The group of ``costs``.
    costs : list of ExposureCost
        The cost of each share of the exposure; the first entry is the lists as they are.
    """

    k: int
    users: int
    items: int
    gini: float
    coverage: float
    quality: dict[str, Estimate]
    item_groups: dict[str, dict[str, ItemGroup]]
    user_groups: dict[str, dict[str, UserGroup]]
    paths: PathQuality | None = None
    favoured: str = ""
    costs: list[ExposureCost] = field(default_factory=list)
