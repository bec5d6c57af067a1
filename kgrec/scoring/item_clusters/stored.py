"""ItemClusters: the clusters of a model's items, as they are saved."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

from kgrec.scoring.item_clusters.clusters import Clusters

MEASURED_K: Final = 20  # length of the lists by which recall is measured
PAYS: Final = 0.25  # share of the clusters up to which searching them is faster than all items
FEW: Final = 0.05  # share of the items; where fewer are left, all of these are scored


class Searched(NamedTuple):
    """The ``share`` of the clusters that is searched, and the ``recall`` that it has: how many of
    the best ``MEASURED_K`` items are found, on average; NaN where it was not measured."""

    share: float
    recall: float


@dataclass(frozen=True, eq=False)
class ItemClusters:
    """Clusters of all items.

    Attributes
    ----------
    parts : tuple of Clusters
        Those of items with a vector of the model, then of cold items, where there are any.
    whole, few : Searched
        How far clusters are searched for the best of all items, and of ``FEW`` of them, as measured
        with ``users`` users when the clusters were made.
    users : int
        See ``whole``.
    """

    parts: tuple[Clusters, ...]
    whole: Searched
    few: Searched
    users: int

    def share(self, k: int, left: float) -> float | None:
        """The share of the clusters to search for lists of ``k`` among a share ``left`` of the
        items; None where it is better to score all items.

        Lists that are longer, or from fewer items, reach further down the order of all items; the
        logarithm of the share follows that of the distance, between the two that were measured.
        """
        if left < FEW:
            return None
        further = max(k / MEASURED_K / left, 1.0)
        power = math.log(further) / math.log(1 / FEW)
        share = self.whole.share * (self.few.share / self.whole.share) ** power
        return share if power <= 1 and share <= PAYS else None

    @property
    def count(self) -> int:
        """The number of clusters."""
        return sum(len(part.centroids) for part in self.parts)

    @property
    def items(self) -> int:
        """The number of items."""
        return sum(len(part.cluster) for part in self.parts)

    def described(self) -> str:
        """The clusters in words."""
        if self.whole.share > PAYS:
            return f"all {self.items:,} items are scored: {self.count:,} clusters are no help"
        text = (
            f"{self.items:,} items in {self.count:,} clusters, of which {self.whole.share:.2%} are "
            f"searched: recall@{MEASURED_K} {self.whole.recall:.4f} of {self.users:,} users"
        )
        if self.few.share > PAYS:
            return f"{text}; where filters leave {FEW:.0%} of the items, all of these are scored"
        return (
            f"{text}; where filters leave {FEW:.0%} of the items {self.few.share:.2%}, recall "
            f"{self.few.recall:.4f}"
        )

    def arrays(self) -> dict[str, np.ndarray]:
        """The arrays that ``of_arrays`` reads."""
        measured = [*self.whole, *self.few, self.users, len(self.parts)]
        found = {"measured": np.array(measured, dtype=np.float64)}
        for number, part in enumerate(self.parts):
            found |= part.arrays(f"{number}.")
        return found

    @staticmethod
    def of_arrays(arrays: Mapping[str, np.ndarray]) -> ItemClusters:
        """The clusters that ``arrays`` wrote."""
        *searched, users, count = arrays["measured"].tolist()
        parts = tuple(Clusters.of_arrays(arrays, f"{number}.") for number in range(int(count)))
        return ItemClusters(parts, Searched(*searched[:2]), Searched(*searched[2:]), int(users))
