"""What the controls share: their rows and features, training with early stopping, and choosing."""

from __future__ import annotations

import sys
import time
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, TypeAlias

import numpy as np
import scipy.sparse as sp
import torch
from torch import Tensor, nn
from torch.nn import functional

from kgrec.features.tables import FeatureTables
from kgrec.graph.snapshot import Interactions, Ints
from kgrec.sparse import SparseMatrix

Settings: TypeAlias = Mapping[str, float]
_BATCH, _STEPS = 16_384, 16  # rows a step at most, steps an epoch at least
_EPOCHS, _PATIENCE = 30, 2
_ROWS = 65_536  # scored at once


@dataclass(frozen=True, eq=False)
class ControlRows:
    """``user`` and ``item`` rows, ``scenario`` codes int64 ``[n]``; ``like`` float32 ``[n]``."""

    user: Tensor
    item: Tensor
    scenario: Tensor
    like: Tensor

    @staticmethod
    def build(rows: Interactions, codes: Ints, like: float) -> ControlRows:
        return ControlRows(
            torch.as_tensor(rows.user),
            torch.as_tensor(rows.item),
            torch.as_tensor(codes),
            torch.as_tensor((rows.rating >= like).astype(np.float32)),
        )

    def part(self, rows: Tensor) -> ControlRows:
        return ControlRows(self.user[rows], self.item[rows], self.scenario[rows], self.like[rows])


@dataclass(frozen=True, eq=False)
class ControlData:
    """Rows by split; per user the attributes, per item attributes (genres, year) and the graph's
    messages (entity and relation), weighted as kgrec reads them."""

    train: ControlRows
    valid: ControlRows
    test: ControlRows
    user_tokens: SparseMatrix
    item_tokens: SparseMatrix
    knowledge: SparseMatrix
    n_scenarios: int

    @staticmethod
    def features(tables: FeatureTables) -> tuple[SparseMatrix, SparseMatrix, SparseMatrix]:
        n_items = len(tables.item_row)
        received = sp.csr_matrix(tables.messages.matrix[:n_items])
        used = np.flatnonzero(np.diff(received.tocsc().indptr))
        matrices = (tables.user_tokens, tables.item_tokens, received[:, used])
        user_tokens, item_tokens, knowledge = map(SparseMatrix.build, matrices)
        return user_tokens, item_tokens, knowledge


class Control(nn.Module):
    """A model of likes that learns a vector per user."""

    options: ClassVar[tuple[Settings, ...]]

    @abstractmethod
    def __init__(self, data: ControlData, settings: Settings) -> None:
        super().__init__()

    @abstractmethod
    def forward(self, rows: ControlRows) -> Tensor:
        """float32 ``[B]``: logits of a like."""


@dataclass(frozen=True, eq=False)
class FittedControl:
    """The best of a control's settings: validation logloss and test logits float32 ``[n]``."""

    settings: Settings
    valid: float
    logits: np.ndarray
    seconds: float


def choose_control(
    kind: type[Control], data: ControlData, options: Sequence[Settings], seed: int
) -> FittedControl:
    """Fit with each setting, stop early and choose by validation logloss; test rows are only scored
    by the best."""
    best: FittedControl | None = None
    for settings in options:
        tried = _fit(kind, data, settings, seed)
        print(f"{kind.__name__} {dict(settings)}: valid {tried.valid:.4f}", file=sys.stderr)
        if best is None or tried.valid < best.valid:
            best = tried
    assert best is not None
    return best


def _fit(kind: type[Control], data: ControlData, settings: Settings, seed: int) -> FittedControl:
    torch.manual_seed(seed)
    started = time.perf_counter()
    model = kind(data, settings)
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=settings["lr"], weight_decay=settings["reg"], fused=True
    )
    best, kept, waited = np.inf, model.state_dict(), 0
    for _ in range(_EPOCHS):
        _epoch(model, data.train, optimizer)
        logits = torch.as_tensor(_scores(model, data.valid))
        valid = float(functional.binary_cross_entropy_with_logits(logits, data.valid.like))
        waited = 0 if valid < best else waited + 1
        if valid < best:
            best = valid
            kept = {name: value.clone() for name, value in model.state_dict().items()}
        if waited == _PATIENCE:
            break
    model.load_state_dict(kept)
    return FittedControl(settings, best, _scores(model, data.test), time.perf_counter() - started)


def _epoch(model: Control, rows: ControlRows, optimizer: torch.optim.Optimizer) -> None:
    model.train()
    size = max(min(_BATCH, len(rows.like) // _STEPS), 1)
    for part in torch.split(torch.randperm(len(rows.like)), size):
        batch = rows.part(part)
        loss = functional.binary_cross_entropy_with_logits(model(batch), batch.like)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()


def _scores(model: Control, rows: ControlRows) -> np.ndarray:
    model.eval()
    every = torch.arange(len(rows.like))
    with torch.no_grad():
        scores = torch.cat([model(rows.part(p)) for p in torch.split(every, _ROWS)])
    return np.asarray(scores.numpy())
