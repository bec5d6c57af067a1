"""KGIN (Wang et al. 2021): users choose items by intents, each a blend of the graph's relations.

    p  = Σ_r α(r, p) e_r                              an intent, α a softmax over relations
    u' = 1/|N_u| Σ_i (1 + Σ_p β(u, p) p) ⊙ i          β a softmax over intents of p · u
    e' = 1/|N_e| Σ_(r, v) e_r ⊙ v                     over the facts (e, r, v) in both directions

The 1 is not in the paper's formula but in its authors' program. Layers are summed, scores are inner
products, the loss is BPR with a small decay and a penalty on intents that are alike. An item is a
node of the graph itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np
import scipy.sparse as sp
import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.peers.base import Fitting, PeerData, Scores, Settings
from benchmarks.peers.epochs import Pairs, run_epochs, seeded
from graph_schema.names import ENTITY, ITEM
from kgrec.graph.snapshot import Facts, Interactions, Ints
from kgrec.metrics.baselines import binary_history
from kgrec.sparse import SparseMatrix

EPOCHS, EVERY, PATIENCE = 400, 10, 5


@dataclass(frozen=True, eq=False)
class Graph:
    """The facts in both directions as two products: ``gather`` ``[pairs, nodes]`` adds up the
    nodes that one relation leads to, ``spread`` ``[nodes, pairs]`` takes each node's mean;
    ``relation`` int64 ``[pairs]``."""

    gather: SparseMatrix
    spread: SparseMatrix
    relation: Tensor
    n_nodes: int
    n_relations: int

    @staticmethod
    def build(data: PeerData, device: str) -> Graph:
        head, relation, tail = _triples(data)
        n_nodes, n_relations = data.n_items + data.n_entities, int(relation.max(initial=0)) + 1
        keys, pair = np.unique(head * n_relations + relation, return_inverse=True)
        owner, count = keys // n_relations, np.bincount(head, minlength=n_nodes)
        ones = np.ones(len(tail), dtype=np.float32)
        gather = sp.csr_matrix((ones, (pair, tail)), shape=(len(keys), n_nodes))
        share = 1.0 / count[owner]
        spread = sp.csr_matrix((share, (owner, np.arange(len(keys)))), shape=(n_nodes, len(keys)))
        return Graph(
            SparseMatrix.build(gather, device),
            SparseMatrix.build(spread, device),
            torch.as_tensor(keys % n_relations).to(device),
            n_nodes,
            n_relations,
        )


def _triples(data: PeerData) -> tuple[Ints, Ints, Ints]:
    """int64 heads, relations, tails over nodes (items, then entities), with inverse relations."""
    facts = [f for f in data.facts if {f.head_label, f.tail_label} <= {ITEM, ENTITY}]
    names = sorted({f.relation for f in facts})
    parts: list[tuple[Ints, Ints, Ints]] = [(np.empty(0, np.int64),) * 3]
    for fact in facts:
        head, tail = _nodes(fact, "head", data), _nodes(fact, "tail", data)
        code = np.full(len(head), names.index(fact.relation), dtype=np.int64)
        parts += [(head, code, tail), (tail, code + len(names), head)]
    head, code, tail = (np.concatenate(part) for part in zip(*parts, strict=True))
    return head, code, tail


def _nodes(facts: Facts, end: str, data: PeerData) -> Ints:
    label, rows = (
        (facts.head_label, facts.head) if end == "head" else (facts.tail_label, facts.tail)
    )
    return rows + data.n_items if label == ENTITY else rows


@dataclass(frozen=True)
class Shape:
    """The paper's defaults, but for ``learning_rate``, which suits larger steps."""

    size: int = 64
    intents: int = 4
    layers: int = 3
    dropout: float = 0.1
    edge_dropout: float = 0.5
    decay: float = 1e-5
    independence: float = 1e-4
    learning_rate: float = 1e-3


class Kgin(nn.Module):
    """Vectors of all users and items, from the graph and the users' items."""

    def __init__(self, n_users: int, graph: Graph, shape: Shape) -> None:
        super().__init__()
        self.graph, self.layers, self.edge_dropout = graph, shape.layers, shape.edge_dropout
        size, intents = shape.size, shape.intents
        self.user = nn.Parameter(torch.empty(n_users, size))
        self.node = nn.Parameter(torch.empty(graph.n_nodes, size))
        self.relation = nn.Parameter(torch.empty(graph.n_relations, size))
        self.blend = nn.Parameter(torch.empty(intents, graph.n_relations))
        for table in (self.user, self.node, self.relation, self.blend):
            nn.init.xavier_uniform_(table)
        self.dropout = nn.Dropout(shape.dropout)

    def intents(self) -> Tensor:
        """float32 ``[intents, d]``."""
        return self.blend.softmax(1) @ self.relation

    def forward(self, chosen: SparseMatrix, n_items: int) -> tuple[Tensor, Tensor]:
        """Users ``[m, d]`` and items ``[n, d]``; ``chosen`` ``[m, n]`` has the rows' means."""
        intents = self.intents()
        user: Tensor = self.user
        node: Tensor = self.node
        users, nodes = user, node
        chosen, gather = self._thinned(chosen), self._thinned(self.graph.gather)
        for _ in range(self.layers):
            share = (user @ intents.T).softmax(1)
            result = (chosen @ node[:n_items]) * (1 + share @ intents)
            pooled = gather @ node
            pooled = pooled * functional.embedding(self.graph.relation, self.relation)
            node = functional.normalize(self.dropout(self.graph.spread @ pooled), dim=1)
            user = functional.normalize(self.dropout(result), dim=1)
            users, nodes = users + user, nodes + node
        return users, nodes[:n_items]

    def _thinned(self, edges: SparseMatrix) -> SparseMatrix:
        """In training some of the edges, drawn anew; the others weigh more instead."""
        kept = functional.dropout(edges.values, self.edge_dropout, self.training)
        return replace(edges, values=kept)

    def similarity(self) -> Tensor:
        """The mean squared cosine between two intents: what the paper's independence term keeps
        low."""
        unit = functional.normalize(self.blend.softmax(1), dim=1)
        cosines = unit @ unit.T
        count = len(unit)
        return (cosines.square().sum() - count) / max(1, count * (count - 1))


class KginPeer:
    """``history now`` takes each user's mean over the new items as well."""

    name: ClassVar[str] = "kgin"
    code: ClassVar[str] = "written here"
    timed: ClassVar[bool] = False
    seeded: ClassVar[bool] = True
    tries: ClassVar[tuple[Settings, ...]] = (
        {},  # the paper's
        {"layers": 2, "decay": 1e-3},
        {"size": 128, "layers": 2, "decay": 1e-3},
        {"learning_rate": 3e-4},
    )
    epochs: int | None = None

    def __init__(self, **shape: Any) -> None:
        self.shape = Shape(**shape)

    def fit(self, data: PeerData, how: Fitting) -> Self:
        self._n_users, self._n_items, self._device = data.n_users, data.n_items, how.device
        with seeded(how) as rng:
            graph = Graph.build(data, how.device)
            self._model = Kgin(data.n_users, graph, self.shape).to(how.device)
            pairs = Pairs(data.train, data.n_users, data.n_items)
            chosen = self._chosen(data.train)
            optimizer = torch.optim.Adam(self._model.parameters(), lr=self.shape.learning_rate)

            def losses() -> Iterator[Tensor]:
                for batch in pairs.batches(rng, how.device):
                    yield self._loss(chosen, *batch)

            self.epochs = run_epochs(
                self._model, optimizer, losses, how, epochs=EPOCHS, every=EVERY, patience=PATIENCE
            )
        return self

    def bind(self, history: Interactions) -> None:
        with torch.inference_mode():
            vectors = self._model(self._chosen(history), self._n_items)
        self._users: Tensor = vectors[0]
        self._items: Tensor = vectors[1]

    def score(self, users: Ints) -> Scores:
        mine: Tensor = self._users[torch.as_tensor(users, device=self._users.device)]
        return mine @ self._items.T

    def _loss(self, chosen: SparseMatrix, user: Tensor, item: Tensor, negative: Tensor) -> Tensor:
        users, items = self._model(chosen, self._n_items)
        mine, liked, other = users[user], items[item], items[negative]
        bpr = -functional.logsigmoid((mine * (liked - other)).sum(1)).mean()
        decay = sum(vectors.square().sum() for vectors in (mine, liked, other)) / (2 * len(user))
        loss: Tensor = (
            bpr + self.shape.decay * decay + self.shape.independence * self._model.similarity()
        )
        return loss

    def _chosen(self, history: Interactions) -> SparseMatrix:
        rows = binary_history(history, self._n_users, self._n_items)
        counts = np.maximum(np.diff(rows.indptr), 1)
        return SparseMatrix.build(sp.diags(1.0 / counts) @ rows, self._device)
