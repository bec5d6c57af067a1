"""Sampled training: a step computes the vectors of the items that it needs, and of no others."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

import numpy as np
import torch
from torch import Tensor

from kgrec.arrays import distinct
from kgrec.features.blocks import FEATURE_BLOCKS
from kgrec.features.names import IDS
from kgrec.features.tables import FeatureTables
from kgrec.graph.columns import count_rows
from kgrec.graph.snapshot import Ints
from kgrec.nn import USER_ATTRIBUTES, HybridModel, ModelInputs
from kgrec.training.data.examples import Examples, Sequences
from kgrec.training.data.neighbours import GraphPart, GraphSampler
from kgrec.training.objective import Candidates
from kgrec.training.optim.sparse_adamw import RowAdamW, rows_alone

_ALMOST_ONE = 1 - 1e-12
_UNIFORM_SHARE = 0.5  # of the negatives; the others are drawn by popularity

# Parameters with a row per trained item, entity or attribute of items, by the part whose rows
# count them.
ROW_TABLES: Final = {
    "item_bias": IDS,
    **{f"features.{name}": block.name for block in FEATURE_BLOCKS for name in block.row_tables},
}


@dataclass(frozen=True, eq=False)
class SampledStep:
    """The inputs of one step; ``seen_item`` and ``target_item`` of the examples number the
    candidates."""

    inputs: ModelInputs
    examples: Examples
    candidates: Candidates


@dataclass(frozen=True, eq=False)
class DrawnStep:
    """What a step reads of the graph: the tables of its items, its candidates (int64, ascending
    items) and the texts of its events (int64, ascending)."""

    examples: Examples
    part: GraphPart
    candidates: Ints
    texts: Ints


@dataclass(frozen=True, eq=False)
class StepSampler:
    """Narrows examples to their own items and ``negatives`` drawn ones, shared by the batch."""

    model: HybridModel
    tables: FeatureTables
    data: Sequences
    negatives: int
    fanout: int
    device: torch.device

    @cached_property
    def _graph(self) -> GraphSampler:
        return GraphSampler(self.tables, self.model.shape.kg_layers, self.fanout)

    @cached_property
    def _popularity(self) -> np.ndarray:
        """float64 ``[n_items]``: each item's share of the events."""
        counts = count_rows(self.data.item, len(self.tables.item_row))
        share: np.ndarray = counts / max(counts.sum(), 1)
        return share

    @cached_property
    def _drawn(self) -> np.ndarray:
        """float64 ``[n_items]``: the chance of each item in one draw of a negative."""
        uniform = _UNIFORM_SHARE / len(self._popularity)
        return uniform + (1 - _UNIFORM_SHARE) * self._popularity

    @cached_property
    def _up_to(self) -> np.ndarray:
        return np.cumsum(self._drawn)

    @contextmanager
    def step(
        self,
        examples: Examples,
        rng: np.random.Generator,
        optimizer: RowAdamW,
    ) -> Iterator[SampledStep]:
        """Inside, the model has only the rows that the step needs; see ``rows_alone``."""
        drawn = self.draw(examples, rng)
        rows = table_rows(self.model, drawn.part)
        used = {name: self._on_device(each) for name, each in rows.items()}
        with rows_alone(self.model, used, optimizer):
            yield self.read(drawn)

    def draw(self, examples: Examples, rng: np.random.Generator) -> DrawnStep:
        """Draw the negatives and the neighbours of a step."""
        histories = examples.histories
        drawn = np.searchsorted(self._up_to, rng.random(self.negatives) * self._up_to[-1])
        candidates = distinct(np.concatenate([examples.target_item, drawn]))
        texts = distinct(histories.text[histories.text >= 0])
        part = self._graph.part(np.union1d(candidates, histories.item), histories.user, texts, rng)
        return DrawnStep(examples, part, candidates, texts)

    def read(self, drawn: DrawnStep) -> SampledStep:
        """The inputs of a drawn step, for a model that holds its rows alone."""
        part, examples, candidates = drawn.part, drawn.examples, drawn.candidates
        return SampledStep(
            inputs=ModelInputs.build(part.tables, self.model.shape, self.device),
            examples=_renumbered(examples, part.items, candidates, drawn.texts),
            candidates=Candidates(
                rows=self._on_device(np.searchsorted(part.items, candidates)),
                items=candidates,
                log_chance=self._log_chance(candidates, len(examples.target_item)),
            ),
        )

    def _log_chance(self, candidates: Ints, n_targets: int) -> Tensor:
        """The log of each candidate's chance to be among ``n_targets`` targets, taken to be drawn
        by popularity, or among the negatives."""
        popular = np.minimum(self._popularity[candidates], _ALMOST_ONE)
        missed = n_targets * np.log1p(-popular)
        missed += self.negatives * np.log1p(-np.minimum(self._drawn[candidates], _ALMOST_ONE))
        return self._on_device(np.log(-np.expm1(missed)).astype(np.float32))

    def _on_device(self, values: np.ndarray) -> Tensor:
        return torch.as_tensor(values, device=self.device)


def table_rows(model: HybridModel, part: GraphPart) -> dict[str, Ints]:
    """The rows (int64, ascending) that ``part`` reads of each learned table of ``model``."""
    known = dict(model.named_parameters())
    rows = {name: part.used[kind] for name, kind in ROW_TABLES.items()}
    rows[USER_ATTRIBUTES] = part.user_tokens
    return {name: used for name, used in rows.items() if name in known}


def step_users(
    users: Ints, lengths: Ints, batch_size: int, max_events: int, rng: np.random.Generator
) -> list[Ints]:
    """``users`` in random order, cut into steps of similar size: about ``batch_size`` users, or at
    most ``max_events`` events (``lengths`` int64, by user) where users have many."""
    cost = step_cost(lengths, batch_size, max_events)
    parts = cut_users(users, cost, math.ceil(cost[users].sum() - 1e-9), rng)
    return [part for part in parts if len(part)]


def step_cost(lengths: Ints, batch_size: int, max_events: int) -> np.ndarray:
    """float64: the share of a step that each user takes, by ``lengths`` (int64, events)."""
    return np.maximum(1 / batch_size, lengths / max_events)


def cut_users(users: Ints, cost: np.ndarray, n_steps: int, rng: np.random.Generator) -> list[Ints]:
    """``users`` in random order, cut into ``n_steps`` parts of about equal ``cost`` (float64, by
    user); parts are empty where there are fewer users."""
    order = rng.permutation(users)
    up_to = np.cumsum(cost[order])
    whole = up_to[-1] if len(up_to) else 0.0
    ends = whole * np.arange(1, n_steps) / n_steps * (1 + 1e-12)
    return np.split(order, np.searchsorted(up_to, ends))


def _renumbered(examples: Examples, items: Ints, candidates: Ints, texts: Ints) -> Examples:
    """The examples in the numbers of a step; seen items that the step doesn't hold are dropped."""
    histories = examples.histories
    seen = np.searchsorted(candidates, examples.seen_item)
    scored = candidates[np.minimum(seen, len(candidates) - 1)] == examples.seen_item
    text = np.where(histories.text >= 0, np.searchsorted(texts, histories.text), -1)
    return replace(
        examples,
        histories=replace(
            histories,
            item=np.searchsorted(items, histories.item),
            text=text,
            user=np.arange(len(histories), dtype=np.int64),
        ),
        seen_row=examples.seen_row[scored],
        seen_item=seen[scored],
        target_item=np.searchsorted(candidates, examples.target_item),
    )
