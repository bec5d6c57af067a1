"""A layer of PyTorch Geometric to compare with, apart since importing it is slow."""

from __future__ import annotations

from torch import Tensor
from torch_geometric.nn import MessagePassing


class Composition(MessagePassing):
    """CompGCN's multiplication with given weights, in PyTorch Geometric."""

    def __init__(self) -> None:
        super().__init__(aggr="add")

    def forward(self, x: Tensor, edge_index: Tensor, relation: Tensor, weight: Tensor) -> Tensor:
        return self.propagate(edge_index, x=x, relation=relation, weight=weight)

    def message(self, x_j: Tensor, relation: Tensor, weight: Tensor) -> Tensor:
        return weight.unsqueeze(1) * x_j * relation
