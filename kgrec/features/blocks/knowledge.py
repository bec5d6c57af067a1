"""The knowledge graph around an item, by relation-aware message passing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import scipy.sparse as sp
import torch
from torch import Tensor, nn

from kgrec.features.blocks.base import Both, FeatureBlock, LayerSizes, Similarity, Wording
from kgrec.features.blocks.matrices import ones, unit
from kgrec.features.inputs import ItemInputs
from kgrec.features.kg_encoder import DeviceMessages, KGEncoder
from kgrec.features.messages import build_messages
from kgrec.features.names import KNOWLEDGE
from kgrec.features.tables import Vocabulary
from kgrec.graph.snapshot import GraphSnapshot


class Knowledge(FeatureBlock):
    """Vectors of the graph's neighbourhood. Rows: ``Messages``; on a device ``DeviceMessages``."""

    name = KNOWLEDGE
    switch = "use_knowledge"
    similarity = Similarity(usual=1.0, tried=(0.5, 1.0, 2.0))
    gate = 1.0
    reads_other_parts = True
    row_tables = ("knowledge.entity",)
    learned_ids = "entities"
    wording = Wording(
        kind="graph neighbourhood",
        labels={"en": "similar surroundings", "de": "ähnliche Umgebung"},
        sentences={
            "en": {
                "other:knowledge": "{chose}; its surroundings in the graph are like “{item}”’s.",
            },
            "de": {
                "other:knowledge": "{chose}; die Umgebung im Graphen ähnelt der von „{item}“.",
            },
        },
    )

    def read(
        self, snapshot: GraphSnapshot, vocabulary: Vocabulary, texts: Mapping[str, np.ndarray]
    ) -> Mapping[str, Any]:
        return {KNOWLEDGE: build_messages(snapshot, vocabulary.entities, vocabulary.relations)}

    def has_data(self, rows: Any) -> bool:
        return bool(rows.matrix.nnz)

    def present(self, rows: Any, n_items: int) -> Tensor:
        return torch.as_tensor(rows.matrix[:n_items].getnnz(axis=1) > 0)

    def to_device(self, rows: Any, n_items: int, kg_layers: int, device: torch.device | str) -> Any:
        return DeviceMessages.build(rows, n_items, kg_layers, device)

    def parameters(self, part: str, sizes: LayerSizes) -> dict[str, Tensor]:
        return {}

    def modules(self, part: str, sizes: LayerSizes) -> dict[str, nn.Module]:
        known = sizes.vocabulary
        counts = len(known.entities), len(known.relations)
        return {KNOWLEDGE: KGEncoder(*counts, sizes.embedding_size, sizes.kg_layers)}

    def encode(
        self, layer: nn.Module, part: str, inputs: ItemInputs, others: Tensor | None
    ) -> Both:
        encoder: Any = layer.knowledge
        around: Tensor = encoder(others, inputs.messages)
        return around, around

    def compared(self, part: str, inputs: ItemInputs) -> Any:
        """Return the nodes that send messages to each item; rare ones count log(n / items) more."""
        last = inputs.messages.layers[-1]
        indptr, columns = last.receive.pattern.csr
        n_items = len(inputs.item_row)
        links = ones(indptr, columns, (n_items, len(last.source)))
        held = np.asarray(links.sum(axis=0)).ravel()
        return unit(sp.csr_matrix(links @ sp.diags(np.log(n_items / np.maximum(held, 1)))))
