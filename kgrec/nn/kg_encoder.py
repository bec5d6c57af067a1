"""KGEncoder: relation-aware message passing over the knowledge graph."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from kgrec.graph.features import Messages
from kgrec.nn.sparse import SparseMatrix


@dataclass(frozen=True, eq=False)
class DeviceMessages:
    """``Messages`` on a device; ``to_items`` are the rows of ``to_nodes`` that are items."""

    source: Tensor
    relation: Tensor
    to_items: SparseMatrix
    to_nodes: SparseMatrix | None

    @staticmethod
    def build(
        messages: Messages, n_items: int, layers: int, device: torch.device | str
    ) -> DeviceMessages:
        """``to_nodes`` is made only where more than one layer needs it."""
        return DeviceMessages(
            source=torch.as_tensor(messages.source).to(device),
            relation=torch.as_tensor(messages.relation).to(device),
            to_items=SparseMatrix.build(messages.matrix[:n_items], device),
            to_nodes=SparseMatrix.build(messages.matrix, device) if layers > 1 else None,
        )


class KGEncoder(nn.Module):
    """L layers of x_i ← Σ over (e, r) of a_ie · (x_e ⊙ w_r), a fixed and degree-normalised.

    The composition x_e ⊙ w_r is CompGCN's multiplication (Vashishth et al., ICLR 2020), taken per
    distinct (node, relation), so that a layer is one sparse product whatever the number of
    relations. Items enter with what the other parts know of them.
    """

    def __init__(self, n_entities: int, n_relations: int, embedding_size: int, layers: int) -> None:
        super().__init__()
        self.entity = nn.Parameter(torch.randn(n_entities, embedding_size) * embedding_size**-0.5)
        self.relation = nn.Parameter(torch.ones(layers, n_relations, embedding_size))

    def forward(self, items: Tensor, messages: DeviceMessages) -> Tensor:
        """``items`` float32 ``[n, d]`` → what their neighbourhoods say ``[n, d]``, over all layers.

        A row is zero where an item has no known neighbour.
        """
        nodes = torch.cat([items, self.entity])
        total = torch.zeros_like(items)
        last = len(self.relation) - 1
        for layer, weight in enumerate(self.relation):
            sent = functional.embedding(messages.source, nodes)
            sent = sent * functional.embedding(messages.relation, weight)
            if layer == last:
                return total + messages.to_items @ sent
            assert messages.to_nodes is not None
            nodes = messages.to_nodes @ sent
            total = total + nodes[: len(items)]
        return total
