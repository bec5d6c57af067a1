"""KGEncoder: relation-aware message passing over the knowledge graph."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
import torch
from torch import Tensor, nn
from torch.nn import functional

from kgrec.features.messages import Messages
from kgrec.sparse import SparseMatrix

_COLUMNS = 64  # of the nodes' vectors at a time
_CACHED = 2**22  # numbers that a cache holds as they are
_OFTEN = 8  # times that a node is read, on average
_ROWS = 1024  # of the messages at a time


@dataclass(frozen=True, eq=False)
class Layer:
    """One layer's messages.

    Attributes
    ----------
    source, relation : int64 ``[t]``
        The sender and the relation of each message, by ascending sender.
    first : int64 ``[nodes]``
        The first message of each sender.
    receive : SparseMatrix ``[receivers, t]``
        Which node receives which message.
    """

    source: Tensor
    relation: Tensor
    first: Tensor
    receive: SparseMatrix


@dataclass(frozen=True, eq=False)
class DeviceMessages:
    """``Messages`` on a device, layer by layer; the last layer reaches items alone.

    Attributes
    ----------
    layers : tuple of Layer
    from_items : bool
        Whether any message starts at an item; sources are numbered items first then, else they
        are entities alone.
    """

    layers: tuple[Layer, ...]
    from_items: bool

    @staticmethod
    def build(
        messages: Messages, n_items: int, layers: int, device: torch.device | str
    ) -> DeviceMessages:
        """Return the messages of so many layers on a device."""
        to_items = messages.matrix[:n_items].tocsc()
        used = np.flatnonzero(np.diff(to_items.indptr) > 0)
        from_items = layers > 1 or bool((messages.source[used] < n_items).any())
        offset = 0 if from_items else n_items

        def layer(tokens: np.ndarray, matrix: sp.csr_matrix) -> Layer:
            source = messages.source[tokens] - offset
            first = np.searchsorted(source, np.arange(messages.matrix.shape[0] - offset))
            return Layer(
                source=torch.as_tensor(source).to(device),
                relation=torch.as_tensor(messages.relation[tokens]).to(device),
                first=torch.as_tensor(first).to(device),
                receive=SparseMatrix.build(matrix, device),
            )

        every = np.arange(len(messages.source))
        inner = [layer(every, messages.matrix) for _ in range(layers - 1)]
        return DeviceMessages((*inner, layer(used, to_items[:, used].tocsr())), from_items)


class KGEncoder(nn.Module):
    """L layers of x_i ← Σ over (e, r) of a_ie · (x_e ⊙ w_r), a fixed and degree-normalised.

    The composition x_e ⊙ w_r is CompGCN's multiplication (Vashishth et al., ICLR 2020), taken per
    distinct (node, relation), so that a layer is one sparse product whatever the number of
    relations. Items enter with the sum of their other parts' vectors.
    """

    def __init__(self, n_entities: int, n_relations: int, embedding_size: int, layers: int) -> None:
        super().__init__()
        self.entity = nn.Parameter(torch.randn(n_entities, embedding_size) * embedding_size**-0.5)
        self.relation = nn.Parameter(torch.ones(layers, n_relations, embedding_size))

    def forward(self, items: Tensor, messages: DeviceMessages) -> Tensor:
        """Return the items' neighbourhood vectors, summed over layers.

        Parameters
        ----------
        items : float32 ``[n, d]``
            What items send.
        messages : DeviceMessages

        Returns
        -------
        float32 ``[n, d]``
            Zero where an item has no known neighbour.
        """
        nodes = torch.cat([items, self.entity]) if messages.from_items else self.entity
        total = torch.zeros_like(items)
        for layer, weight in zip(messages.layers, self.relation, strict=True):
            nodes = _received(nodes, layer, weight)
            total = total + nodes[: len(items)]
        return total

    def messages(self, items: Tensor, messages: DeviceMessages) -> Tensor:
        """Return the messages of the first layer, float32 ``[t, d]``; ``items`` as in forward."""
        nodes = torch.cat([items, self.entity]) if messages.from_items else self.entity
        return _sent(nodes, messages.layers[0], self.relation[0])


def _received(nodes: Tensor, layer: Layer, weight: Tensor) -> Tensor:
    """The sum of each node's received messages, float32 ``[n, d]``.

    On a CPU, some columns at a time where nodes are read often, so that messages stay in its cache.
    """
    often = len(layer.receive.values) >= _OFTEN * len(nodes)
    if nodes.device.type != "cpu" or nodes.numel() <= _CACHED or not often:
        return _product(nodes, weight, layer)
    parts = zip(torch.split(nodes, _COLUMNS, 1), torch.split(weight, _COLUMNS, 1), strict=True)
    return torch.cat([_product(part.contiguous(), of.contiguous(), layer) for part, of in parts], 1)


def _product(nodes: Tensor, weight: Tensor, layer: Layer) -> Tensor:
    """``layer.receive @ _sent(…)``, with gradients for nodes and relations."""
    if not torch.is_grad_enabled():
        return layer.receive @ _sent(nodes, layer, weight)
    return _Product.apply(nodes, weight, layer)  # type: ignore[no-any-return]


def _sent(nodes: Tensor, layer: Layer, weight: Tensor) -> Tensor:
    """The messages, float32 ``[t, d]``."""
    sent = nodes.index_select(0, layer.source)
    for rows in _chunks(layer, weight):
        sent[rows].mul_(weight.index_select(0, layer.relation[rows]))
    return sent


def _chunks(layer: Layer, weight: Tensor) -> list[slice]:
    """The messages, on a CPU some at a time, whose vectors stay in its cache."""
    count = len(layer.source)
    step = max(_ROWS, len(weight)) if weight.device.type == "cpu" else max(count, 1)
    return [slice(start, start + step) for start in range(0, count, step)]


class _Product(torch.autograd.Function):
    """Messages are computed again for the gradients instead of being kept: a pass over them takes
    as long as all of their sums."""

    @staticmethod
    def forward(ctx: Any, nodes: Tensor, weight: Tensor, layer: Layer) -> Tensor:
        ctx.layer = layer
        ctx.save_for_backward(nodes, weight)
        return layer.receive @ _sent(nodes, layer, weight)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, None]:
        nodes, weight = ctx.saved_tensors
        layer: Layer = ctx.layer
        sent = layer.receive.transposed_product(grad)
        of_weight = torch.zeros_like(weight)
        for rows in _chunks(layer, weight):
            part, relation = sent[rows], layer.relation[rows]
            product = nodes.index_select(0, layer.source[rows]).mul_(part)
            of_weight += torch.ops.aten.embedding_dense_backward(
                product, relation, len(weight), -1, False
            )
            part.mul_(weight.index_select(0, relation))
        every = torch.arange(len(sent), device=sent.device)
        of_nodes = functional.embedding_bag(every, sent, layer.first, mode="sum")
        return of_nodes, of_weight, None
