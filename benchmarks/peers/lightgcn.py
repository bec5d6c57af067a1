"""PyG's LightGCN (He et al. 2020): users and items as nodes of one graph, trained with BPR."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any, ClassVar, Self

import numpy as np
import scipy.sparse as sp
import torch
from torch import Tensor

from benchmarks.peers.base import Fitting, PeerData, Scores, Settings
from benchmarks.peers.epochs import Pairs, run_epochs, seeded
from kgrec.graph.snapshot import Interactions, Ints
from kgrec.metrics.baselines import binary_history

EPOCHS, EVERY, PATIENCE = 400, 10, 5


class LightGcnPeer:
    """``history now`` propagates the fitted embeddings over the new edges as well."""

    name: ClassVar[str] = "lightgcn"
    code: ClassVar[str] = "torch_geometric"
    timed: ClassVar[bool] = False
    seeded: ClassVar[bool] = True
    tries: ClassVar[tuple[Settings, ...]] = (
        {"size": 64, "layers": 3, "reg": 1e-4},  # the paper's
        {"size": 64, "layers": 2, "reg": 1e-3},
        {"size": 128, "layers": 3, "reg": 1e-4},
        {"size": 128, "layers": 2, "reg": 1e-3},
    )
    epochs: int | None = None

    def __init__(self, *, size: int, layers: int, reg: float, learning_rate: float = 5e-3) -> None:
        self.size, self.layers, self.reg = size, layers, reg
        self.learning_rate = learning_rate

    def fit(self, data: PeerData, how: Fitting) -> Self:
        from torch_geometric.nn.models import LightGCN

        self._n_users, self._n_items, self._device = data.n_users, data.n_items, how.device
        with seeded(how) as rng:
            self._model = LightGCN(
                data.n_users + data.n_items, self.size, self.layers, normalize=False
            ).to(how.device)
            graph = self._graph(data.train)
            pairs = Pairs(data.train, data.n_users, data.n_items)
            optimizer = torch.optim.Adam(self._model.parameters(), lr=self.learning_rate)

            def losses() -> Iterator[Tensor]:
                for batch in pairs.batches(rng, how.device):
                    yield self._loss(graph, *batch)

            self.epochs = run_epochs(
                self._model, optimizer, losses, how, epochs=EPOCHS, every=EVERY, patience=PATIENCE
            )
        return self

    def bind(self, history: Interactions) -> None:
        with torch.inference_mode():
            vectors = self._model.get_embedding(self._graph(history))
        self._users: Tensor = vectors[: self._n_users]
        self._items: Tensor = vectors[self._n_users :]

    def score(self, users: Ints) -> Scores:
        mine: Tensor = self._users[torch.as_tensor(users, device=self._users.device)]
        return mine @ self._items.T

    def _loss(self, graph: Tensor, user: Tensor, item: Tensor, negative: Tensor) -> Tensor:
        vectors = self._model.get_embedding(graph)
        item, negative = item + self._n_users, negative + self._n_users
        mine = vectors[user]
        loss: Tensor = self._model.recommendation_loss(
            (mine * vectors[item]).sum(1),
            (mine * vectors[negative]).sum(1),
            node_id=torch.cat([user, item, negative]),
            lambda_reg=self.reg,
        )
        return loss

    def _graph(self, history: Interactions) -> Tensor:
        """The symmetrically normalised adjacency of users and items, torch CSR."""
        chosen = binary_history(history, self._n_users, self._n_items)
        both = sp.bmat([[None, chosen], [chosen.T, None]], format="csr")
        scale = sp.diags(1.0 / np.sqrt(np.maximum(np.diff(both.indptr), 1)))
        return _csr(sp.csr_matrix(scale @ both @ scale), self._device)


def _csr(matrix: Any, device: str) -> Tensor:
    """torch's CSR of a scipy CSR, float32."""
    parts = (matrix.indptr.astype(np.int64), matrix.indices.astype(np.int64))
    indptr, indices = (torch.as_tensor(part) for part in parts)
    values = torch.as_tensor(matrix.data.astype(np.float32))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Sparse CSR tensor support is in beta")
        rows = torch.sparse_csr_tensor(indptr, indices, values, matrix.shape, check_invariants=True)
    return rows.to(device)
