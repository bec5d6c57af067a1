"""Histories as tensors: which events a user has, and what each weighs at every time scale."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from kgrec.graph.snapshot import Ints
from kgrec.nn.sparse import SparsePattern


@dataclass(frozen=True, eq=False)
class Histories:
    """B users' events, row by row: ``indptr`` int64 ``[B + 1]``, the others ``[nnz]``.

    ``item`` int64 rows; ``age`` float32, the number of later events (ties share their mean);
    ``text`` int64 row of the event's own text (a review, a query), -1 where there is none;
    ``user`` int64 ``[B]`` rows, -1 for a history without a stored user; ``scenario`` int64 ``[B]``
    codes, -1 for none.
    """

    indptr: Ints
    item: Ints
    age: np.ndarray
    text: Ints
    user: Ints
    scenario: Ints

    def __len__(self) -> int:
        return len(self.indptr) - 1

    def part(self, start: int, end: int) -> Histories:
        """Rows ``start`` to ``end``."""
        indptr = self.indptr[start : min(end, len(self)) + 1]
        events = slice(int(indptr[0]), int(indptr[-1]))
        return Histories(
            indptr=indptr - indptr[0],
            item=self.item[events],
            age=self.age[events],
            text=self.text[events],
            user=self.user[start:end],
            scenario=self.scenario[start:end],
        )


def event_ages(indptr: Ints, timestamp: Ints) -> np.ndarray:
    """float32 ``[nnz]``: later events of the same row; events of one timestamp share the mean.

    ``indptr`` int64 ``[B + 1]``, ``timestamp`` int64 ``[nnz]``, oldest first within a row. Equal
    times carry no order, and giving them one would let ids decide.
    """
    counts = np.diff(indptr)
    row = np.repeat(np.arange(len(counts)), counts)
    age = (indptr[1:][row] - 1 - np.arange(len(row))).astype(np.float64)
    if not len(row):
        return age.astype(np.float32)
    first = np.ones(len(row), dtype=bool)
    first[1:] = (row[1:] != row[:-1]) | (timestamp[1:] != timestamp[:-1])
    tie = np.cumsum(first) - 1
    mean = np.bincount(tie, weights=age) / np.bincount(tie)
    return np.asarray(mean[tie], dtype=np.float32)


def scale_weights(indptr: Ints, age: np.ndarray, scales: Sequence[float]) -> np.ndarray:
    """float32 ``[S, nnz]``: exp(-age / scale), each row and scale summing to one."""
    if not len(age):
        return np.ones((len(scales), 0), dtype=np.float32)
    counts = np.diff(indptr)
    filled = counts > 0
    starts, counts = indptr[:-1][filled], counts[filled]
    since = age - np.repeat(np.minimum.reduceat(age, starts), counts)
    weights = np.exp(np.multiply.outer(-1.0 / np.asarray(scales, dtype=np.float64), since))
    weights /= np.repeat(np.add.reduceat(weights, starts, axis=1), counts, axis=1)
    return np.asarray(weights, dtype=np.float32)


@dataclass(frozen=True, eq=False)
class HistoryBatch:
    """``Histories`` on a device, ready to pool: weights float32 ``[S, nnz]`` over a pattern
    ``[B, n_items]``; the same for events with a text, whose rows are ``text_rows`` int64.
    ``stored`` and ``in_scenario`` say whether any row has a user or a scenario."""

    pattern: SparsePattern
    weights: Tensor
    text_pattern: SparsePattern | None
    text_weights: Tensor
    text_rows: Tensor
    user: Tensor
    scenario: Tensor
    stored: bool
    in_scenario: bool

    @staticmethod
    def build(
        histories: Histories,
        n_items: int,
        scales: Sequence[float],
        device: torch.device | str = "cpu",
    ) -> HistoryBatch:
        weights = scale_weights(histories.indptr, histories.age, scales)
        told = histories.text >= 0
        any_told = bool(told.any())
        told = told if any_told else np.empty(0, dtype=np.int64)  # a mask of nothing costs time
        return HistoryBatch(
            pattern=SparsePattern.build(histories.indptr, histories.item, n_items, device),
            weights=torch.as_tensor(weights, device=device),
            text_pattern=_told_pattern(histories.indptr, told, device) if any_told else None,
            text_weights=torch.as_tensor(weights[:, told], device=device),
            text_rows=torch.as_tensor(histories.text[told], device=device),
            user=torch.as_tensor(histories.user, device=device),
            scenario=torch.as_tensor(histories.scenario, device=device),
            stored=bool((histories.user >= 0).any()),
            in_scenario=bool((histories.scenario >= 0).any()),
        )


def _told_pattern(indptr: Ints, told: np.ndarray, device: torch.device | str) -> SparsePattern:
    kept = np.concatenate([[0], np.cumsum(told)])[indptr].astype(np.int64)
    count = int(told.sum())
    return SparsePattern.build(kept, np.arange(count, dtype=np.int64), count, device)
