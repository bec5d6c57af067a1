"""Attribute columns of items, as tokens: categorical values and ranges of numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import scipy.sparse as sp
import torch
from torch import Tensor, nn

from kgrec.features.blocks.base import Both, FeatureBlock, LayerSizes, Similarity, Wording
from kgrec.features.blocks.matrices import ones, unit, used_columns
from kgrec.features.inputs import ItemInputs
from kgrec.features.names import ATTRIBUTES
from kgrec.features.tables import Vocabulary
from kgrec.graph.snapshot import GraphSnapshot, Ints
from kgrec.sparse import SparseMatrix


class Attributes(FeatureBlock):
    """The mean of an item's token vectors. Rows: float32 CSR ``[n, tokens]``."""

    name = ATTRIBUTES
    switch = "use_attributes"
    similarity = Similarity(usual=0.3, tried=(0.0, 0.1, 0.3, 1.0))
    row_tables = ("token",)
    wording = Wording(
        kind="attributes",
        labels={"en": "similar attributes", "de": "ähnliche Merkmale"},
        sentences={
            "en": {
                "attributes": "{chose}; “{item}” is like it in {values}.",
                "attributes unseen": "{chose}; the attributes of “{item}” are like its own.",
            },
            "de": {
                "attributes": "{chose}; „{item}“ ist gleich in {values}.",
                "attributes unseen": "{chose}; „{item}“ hat ähnliche Merkmale.",
            },
        },
    )

    def read(
        self, snapshot: GraphSnapshot, vocabulary: Vocabulary, texts: Mapping[str, np.ndarray]
    ) -> Mapping[str, Any]:
        return {ATTRIBUTES: vocabulary.item_tokens.matrix(snapshot.items.attributes)}

    def has_data(self, rows: Any) -> bool:
        return bool(rows.nnz)

    def present(self, rows: Any, n_items: int) -> Tensor:
        return torch.as_tensor(rows.getnnz(axis=1) > 0)

    def to_device(self, rows: Any, n_items: int, kg_layers: int, device: torch.device | str) -> Any:
        return SparseMatrix.build(rows, device)

    def narrow(self, rows: sp.csr_matrix, items: Ints) -> tuple[Any, Ints | None]:
        used, narrowed = used_columns(rows[items])
        return narrowed, used

    def parameters(self, part: str, sizes: LayerSizes) -> dict[str, Tensor]:
        count = len(sizes.vocabulary.item_tokens.tokens)
        return {"token": torch.randn(count, 2 * sizes.embedding_size) * 0.02}

    def encode(
        self, layer: nn.Module, part: str, inputs: ItemInputs, others: Tensor | None
    ) -> Both:
        left, right = (inputs.tokens @ layer.get_parameter("token")).chunk(2, dim=1)
        return left, right

    def compared(self, part: str, inputs: ItemInputs) -> Any:
        held = inputs.tokens
        return unit(ones(*held.pattern.csr, held.shape))
