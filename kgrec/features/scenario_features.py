"""Numbers that describe scenarios: their descriptions, their statistics, their attributes."""

from __future__ import annotations

import hashlib

import numpy as np
import pandas as pd

from kgrec.arrays import unit_rows
from kgrec.features.texts import DESCRIPTION
from kgrec.graph.snapshot import Interactions, NodeTable

STATISTICS = 4
HASHED = 16  # columns that hashed attributes share


def feature_size(vectors: np.ndarray) -> int:
    """Return the number of features f, for vectors of descriptions ``[k, size]``."""
    return int(vectors.shape[1]) + STATISTICS + HASHED


def scenario_features(
    scenarios: NodeTable, interactions: Interactions, vectors: np.ndarray
) -> np.ndarray:
    """Return the features of scenarios.

    Attributes are hashed, so that those of a later scenario have their columns already
    (Weinberger et al., "Feature Hashing for Large Scale Multitask Learning", ICML 2009).

    Parameters
    ----------
    scenarios : NodeTable
        The k scenarios.
    interactions : Interactions
        The training interactions, which name them.
    vectors : float32 ``[k, size]`` or ``[0, 0]``
        The vectors of their descriptions.

    Returns
    -------
    float32 ``[k, f]``
    """
    described = vectors if len(vectors) else np.zeros((len(scenarios), 0), dtype=np.float32)
    counted = _statistics(scenarios, interactions)
    return np.concatenate([described, counted, _attributes(scenarios)], axis=1).astype(np.float32)


def _statistics(scenarios: NodeTable, interactions: Interactions) -> np.ndarray:
    """The logs of the counts of interactions, users, items, and interactions per user, float64
    ``[k, 4]``, divided by ten, which makes them small beside a description."""
    seen = pd.DataFrame({"user": interactions.user, "item": interactions.item})
    groups = seen.groupby(scenarios.rows(interactions.scenario))
    counts = groups.agg(rows=("user", "size"), users=("user", "nunique"), items=("item", "nunique"))
    counts = counts.reindex(range(len(scenarios)), fill_value=0)
    counts["activity"] = counts["rows"] / counts["users"].clip(lower=1)
    return np.asarray(np.log1p(counts.to_numpy(dtype=np.float64)) / 10)


def _attributes(scenarios: NodeTable) -> np.ndarray:
    """float64 ``[k, HASHED]`` of unit length, zero where no attribute is known."""
    hashed = np.zeros((len(scenarios), HASHED))
    for column in scenarios.attributes.columns:
        if column == DESCRIPTION:
            continue
        for row, value in enumerate(scenarios.attributes[column]):
            for one in [] if pd.isna(value) else str(value).split("|"):
                digest = hashlib.sha256(f"{column}={one.strip()}".encode()).digest()
                hashed[row, digest[0] % HASHED] += 1 if digest[1] % 2 else -1
    return unit_rows(hashed)
