"""Blend: one score of pairs of users from their features, by weights that were fitted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from kgrec.graph.snapshot import Floats
from kgrec.social.features import COMMON, GRAPH, NAMES

_LARGEST: Final = 20.0  # of a straight line


@dataclass(frozen=True)
class Blend:
    """Weights of the features, for users who follow somebody and for those who follow nobody.

    score = Σ w · log2(1 + x) + v · min(x, 20), with x = feature / scale and the weights w and v of
    the feature: a logarithm and a straight line, as large values of some features mean much and of
    others little.

    Attributes
    ----------
    scales : tuple of float
        By feature (``NAMES``).
    weights, lone : tuple of float
        Of the logarithms of all features, then of the straight lines; ``lone`` are those for users
        who follow nobody.
    figures : dict of str to float
        NDCG@10 on held-out facts of the blend and of single features, when it was chosen.
    """

    scales: tuple[float, ...]
    weights: tuple[float, ...]
    lone: tuple[float, ...]
    figures: Mapping[str, float]

    def parts(self, features: Floats, *, lone: bool) -> Floats:
        """float32, shape of ``features``: what each adds to the score."""
        weights = np.array(self.lone if lone else self.weights, dtype=np.float32)
        both = columns(features, np.array(self.scales)) * weights
        return both[..., : len(NAMES)] + both[..., len(NAMES) :]

    def scores(self, features: Floats, *, lone: bool) -> Floats:
        """float32 ``[B, m]`` of features ``[B, m, NAMES]``."""
        return np.asarray(self.parts(features, lone=lone).sum(axis=2))

    def to_json(self) -> dict[str, Any]:
        """As JSON-safe values, by the names of the features."""
        return {
            "features": list(NAMES),
            "scales": list(self.scales),
            "weights": list(self.weights),
            "lone": list(self.lone),
            "figures": dict(self.figures),
        }

    @staticmethod
    def of_json(values: Mapping[str, Any]) -> Blend:
        """What ``to_json`` wrote. Raises ValueError for other features."""
        if values["features"] != list(NAMES):
            raise ValueError(f"features of users are {values['features']}, not {list(NAMES)}")
        scales, weights, lone = (
            tuple(map(float, values[name])) for name in ("scales", "weights", "lone")
        )
        return Blend(scales, weights, lone, dict(values["figures"]))


def columns(features: Floats, scales: Floats) -> Floats:
    """float32 ``[..., 2 NAMES]``: the logarithms of features ``[..., NAMES]``, then the lines."""
    unit = features / scales.astype(np.float32)
    return np.concatenate(
        [np.log2(1 + unit), np.minimum(unit, _LARGEST)], axis=-1, dtype=np.float32
    )


# Without facts to fit on: taste first, then what is shared.
_PLAIN = {"taste": 1.0, "shared items": 1.0, "shared entities": 0.5, "attributes": 0.2}
PLAIN = Blend(
    scales=(1.0,) * len(NAMES),
    weights=(*(_PLAIN.get(name, 0.0) for name in NAMES), *[0.0] * len(NAMES)),
    lone=(*(_PLAIN.get(name, 0.0) for name in NAMES), *[0.0] * len(NAMES)),
    figures={},
)
# The columns of features of users who follow nobody.
LONE = np.tile([False] * len(GRAPH) + [True] * len(COMMON), 2)
