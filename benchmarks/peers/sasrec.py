"""SASRec (Kang and McAuley 2018), trained with a softmax over all items in place of one negative.

The structure is the paper's: learned positions counted from the latest event, causal
self-attention and a point-wise network, each behind a layer norm and with a residual, and the
items' own vectors as the output layer.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise
from typing import ClassVar, Self

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.peers.base import Fitting, PeerData, Scores, Settings
from benchmarks.peers.epochs import run_epochs, seeded
from kgrec.graph.snapshot import Interactions, Ints

LENGTH = 200  # events read at once; longer histories are cut into pieces to train on
BATCH = 128
EPOCHS, EVERY, PATIENCE = 200, 5, 4
PADDING = -1


class Block(nn.Module):
    """Causal self-attention, then a point-wise network of two layers."""

    def __init__(self, size: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.before_attention, self.before_network = nn.LayerNorm(size), nn.LayerNorm(size)
        self.attention = nn.MultiheadAttention(size, heads, dropout, batch_first=True)
        self.network = nn.Sequential(
            nn.Linear(size, size), nn.ReLU(), nn.Dropout(dropout), nn.Linear(size, size)
        )
        self.dropout = nn.Dropout(dropout)

    def forward(self, events: Tensor, hidden: Tensor) -> Tensor:
        """``events`` float ``[B, L, d]``; ``hidden`` bool ``[B * heads, L, L]``: who sees whom."""
        inner = self.before_attention(events)
        result, _ = self.attention(inner, inner, inner, attn_mask=hidden, need_weights=False)
        events = events + self.dropout(result)
        out: Tensor = events + self.dropout(self.network(self.before_network(events)))
        return out


class SasRec(nn.Module):
    """The network: item rows ``[B, L]``, padded at the left with -1, to vectors ``[B, L, d]``."""

    def __init__(self, n_items: int, size: int, blocks: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.item = nn.Embedding(n_items, size)
        self.place = nn.Embedding(LENGTH, size)
        for table in (self.item, self.place):
            nn.init.normal_(table.weight, std=1 / math.sqrt(size))
        self.blocks = nn.ModuleList(Block(size, heads, dropout) for _ in range(blocks))
        self.norm = nn.LayerNorm(size)
        self.dropout = nn.Dropout(dropout)

    def forward(self, items: Tensor) -> Tensor:
        padded = items == PADDING
        length = items.shape[1]
        age = torch.arange(length - 1, -1, -1, device=items.device)
        vectors = self.item(items.clamp_min(0)) * (~padded).unsqueeze(2)
        events = self.dropout(vectors + self.place(age))
        later = torch.ones(length, length, dtype=torch.bool, device=items.device).triu(1)
        hidden = later | padded[:, None, :]
        hidden &= ~torch.eye(length, dtype=torch.bool, device=items.device)  # no empty row
        hidden = hidden.repeat_interleave(self.heads, dim=0)
        for block in self.blocks:
            events = block(events, hidden)
        out: Tensor = self.norm(events)
        return out

    def logits(self, vectors: Tensor) -> Tensor:
        return vectors @ self.item.weight.T


class SasRecPeer:
    """``history now`` reads the new events as any others."""

    name: ClassVar[str] = "sasrec"
    code: ClassVar[str] = "written here"
    timed: ClassVar[bool] = True
    seeded: ClassVar[bool] = True
    tries: ClassVar[tuple[Settings, ...]] = (
        {"size": 50, "dropout": 0.2},  # the paper's for MovieLens
        {"size": 64, "dropout": 0.5},
        {"size": 128, "dropout": 0.2},
        {"size": 128, "dropout": 0.5},
    )
    epochs: int | None = None

    def __init__(self, *, size: int, dropout: float, blocks: int = 2, heads: int = 1) -> None:
        self.size, self.dropout, self.blocks, self.heads = size, dropout, blocks, heads

    def fit(self, data: PeerData, how: Fitting) -> Self:
        self._n_users, self._device = data.n_users, how.device
        with seeded(how) as rng:
            model = SasRec(data.n_items, self.size, self.blocks, self.heads, self.dropout)
            self._model = model.to(how.device)
            pieces = _pieces(data.train.indptr(data.n_users), data.train.item)
            optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, betas=(0.9, 0.98))

            def losses() -> Iterator[Tensor]:
                for batch in _batches(pieces, rng, how.device):
                    yield self._loss(batch)

            self.epochs = run_epochs(
                model, optimizer, losses, how, epochs=EPOCHS, every=EVERY, patience=PATIENCE
            )
        return self

    def bind(self, history: Interactions) -> None:
        self._indptr, self._item = history.indptr(self._n_users), history.item

    def score(self, users: Ints) -> Scores:
        rows = [self._item[self._indptr[u] : self._indptr[u + 1]][-LENGTH:] for u in users]
        parts = [
            self._latest(torch.as_tensor(_padded(rows[start : start + BATCH])))
            for start in range(0, len(rows), BATCH)
        ]
        return torch.cat(parts)

    def _latest(self, items: Tensor) -> Tensor:
        with torch.inference_mode():
            vectors = self._model(items.to(self._device))[:, -1]
            return self._model.logits(vectors)

    def _loss(self, items: Tensor) -> Tensor:
        before, after = items[:, :-1], items[:, 1:]
        known = before != PADDING
        logits = self._model.logits(self._model(before)[known])
        return functional.cross_entropy(logits, after[known])


def _pieces(indptr: Ints, item: Ints) -> list[Ints]:
    """Each user's events in pieces of LENGTH + 1, cut from the latest backwards; a piece starts
    with the event that the piece before it ends with, so that every event is predicted once."""
    pieces = []
    for first, last in pairwise(indptr):
        end = last
        while end - first >= 2:
            start = max(first, end - LENGTH - 1)
            pieces.append(item[start:end])
            end = start + 1
    return pieces


def _batches(pieces: list[Ints], rng: np.random.Generator, device: str) -> Iterator[Tensor]:
    order = rng.permutation(len(pieces))
    for start in range(0, len(order), BATCH):
        rows = [pieces[row] for row in order[start : start + BATCH]]
        yield torch.as_tensor(_padded(rows)).to(device)


def _padded(rows: list[Ints]) -> Ints:
    """int64 ``[B, longest]``, padded at the left; at least one place."""
    longest = max([1, *map(len, rows)])
    padded = np.full((len(rows), longest), PADDING, dtype=np.int64)
    for place, row in zip(padded, rows, strict=True):
        if len(row):
            place[-len(row) :] = row
    return padded
