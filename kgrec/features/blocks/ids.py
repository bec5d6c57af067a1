"""Learned vectors of the items that training saw: what people's choices say of an item."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from kgrec.arrays import distinct
from kgrec.features.blocks.base import Both, FeatureBlock, LayerSizes, Wording
from kgrec.features.inputs import ItemInputs
from kgrec.features.names import IDS
from kgrec.features.tables import Vocabulary
from kgrec.graph.snapshot import GraphSnapshot, Ints, rows_in


class Ids(FeatureBlock):
    """A vector per item of the vocabulary and side. Rows: int64 ``[n]``, -1 for a cold item."""

    name = IDS
    switch = "use_ids"
    row_tables = ("query_id", "candidate_id")
    learned_ids = "items"
    wording = Wording(
        kind="collaborative",
        labels={"en": "chosen alike", "de": "ähnlich gewählt"},
    )

    def read(
        self, snapshot: GraphSnapshot, vocabulary: Vocabulary, texts: Mapping[str, np.ndarray]
    ) -> Mapping[str, Any]:
        return {IDS: rows_in(vocabulary.items, snapshot.items.ids)}

    def present(self, rows: Any, n_items: int) -> Tensor:
        return torch.as_tensor(rows >= 0)

    def narrow(self, rows: Any, items: Ints) -> tuple[Any, Ints | None]:
        """Return the items' places among the distinct vocabulary rows (at least one) they have."""
        rows = rows[items]
        known = distinct(rows[rows >= 0])
        if not len(known):
            known = np.zeros(1, dtype=np.int64)
        return np.where(rows >= 0, np.searchsorted(known, rows), -1), known

    def parameters(self, part: str, sizes: LayerSizes) -> dict[str, Tensor]:
        d, count = sizes.embedding_size, len(sizes.vocabulary.items)
        return {name: torch.randn(count, d) * d**-0.5 for name in self.row_tables}

    def encode(
        self, layer: nn.Module, part: str, inputs: ItemInputs, others: Tensor | None
    ) -> Both:
        rows = inputs.item_row.clamp_min(0)
        query, candidate = (getattr(layer, name) for name in self.row_tables)
        return functional.embedding(rows, query), functional.embedding(rows, candidate)
