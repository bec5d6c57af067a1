"""Vectors of the user's own: precomputed vectors of items, of images, sound or anything else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from kgrec.errors import ModelError
from kgrec.features.blocks.base import DenseBlock, LayerSizes, Similarity, Wording
from kgrec.features.names import SEPARATOR
from kgrec.features.tables import Vocabulary
from kgrec.graph.snapshot import GraphSnapshot

NAME = "vectors"
_MEAN, _SCALE = "mean", "scale"


class Vectors(DenseBlock):
    """A projected part for each name of vectors. Rows: unit float32 ``[n, size]``.

    Columns are standardised by the items that training saw, so that a column of large numbers does
    not outweigh the others and inner products differ between items; then rows get unit length.
    Projections start at zero, and so does the weight in comparisons of cold items: vectors that do
    not help to predict choices, or trained items from each other, stay out.
    """

    name = NAME
    switch = "use_vectors"
    similarity = Similarity(usual=0.0, tried=(0.0, 0.03, 0.1, 0.3, 1.0))
    table = NAME
    wording = Wording(
        kind="other",
        labels={"en": "similar {name}", "de": "ähnlich: {name}"},
        sentences={
            "en": {
                "other:vectors": "{chose}; the {part} of “{item}” is like its {part}.",
                "other:vectors:image": "{chose}; “{item}” looks like it.",
            },
            "de": {
                "other:vectors": "{chose}; „{item}“ ist ähnlich ({part}).",
                "other:vectors:image": "{chose}; „{item}“ sieht ähnlich aus.",
            },
        },
    )

    def learn(self, snapshot: GraphSnapshot) -> Mapping[str, Any]:
        """Return the mean and scale of each column, by name."""
        known = {name: _known(rows) for name, rows in snapshot.items.vectors.items()}
        return {name: _statistics(rows) for name, rows in known.items() if len(rows)}

    def read(
        self, snapshot: GraphSnapshot, vocabulary: Vocabulary, texts: Mapping[str, np.ndarray]
    ) -> Mapping[str, Any]:
        learned: Mapping[str, Any] = vocabulary.blocks.get(NAME, {})
        return {
            _part(name): _standardised(name, snapshot, statistics)
            for name, statistics in learned.items()
        }

    def size(self, part: str, sizes: LayerSizes) -> int:
        learned = sizes.vocabulary.blocks[NAME]
        return next(len(each[_MEAN]) for name, each in learned.items() if _part(name) == part)

    def parameters(self, part: str, sizes: LayerSizes) -> dict[str, Tensor]:
        size = self.size(part, sizes)
        return {f"{self.table}.{part}": torch.zeros(size, 2 * sizes.embedding_size)}


def _part(name: str) -> str:
    """The part of vectors called ``name``; parameters' names can't have a dot."""
    return f"{NAME}{SEPARATOR}{name.replace('.', '_')}"


def _known(rows: np.ndarray) -> np.ndarray:
    return np.asarray(rows[(rows != 0).any(axis=1)])


def _statistics(rows: np.ndarray) -> dict[str, list[float]]:
    mean, scale = rows.mean(axis=0, dtype=np.float64), rows.std(axis=0, dtype=np.float64)
    scale = np.where(scale > 1e-6 * (np.abs(mean) + 1e-30), scale, 1.0)
    return {_MEAN: mean.tolist(), _SCALE: scale.tolist()}


def _standardised(
    name: str, snapshot: GraphSnapshot, statistics: Mapping[str, list[float]]
) -> np.ndarray:
    """float32 ``[n, size]`` of unit length, zero where an item has none. Raises ModelError."""
    mean, scale = (np.asarray(statistics[key]) for key in (_MEAN, _SCALE))
    rows = snapshot.items.vectors.get(name)
    if rows is None:
        return np.zeros((len(snapshot.items), len(mean)), dtype=np.float32)
    if rows.shape[1] != len(mean):
        raise ModelError(
            f"the vectors {name!r} have {rows.shape[1]} numbers, the model was trained on "
            f"{len(mean)}. Cure: make them as those of the training were made, or fit again."
        )
    there = (rows != 0).any(axis=1, keepdims=True)
    centred = np.where(there, (rows - mean) / scale, 0.0)
    length = np.linalg.norm(centred, axis=1, keepdims=True)
    return np.asarray(centred / np.where(length > 0, length, 1.0), dtype=np.float32)
