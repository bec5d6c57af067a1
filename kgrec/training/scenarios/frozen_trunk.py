"""Outputs of the frozen shared parameters for examples, up to where scenarios differ."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from kgrec.graph.snapshot import Ints
from kgrec.nn import HistoryBatch, HybridModel, ItemVectors, ItemWeights, ModelInputs
from kgrec.training.data.examples import Examples, histories_of
from kgrec.training.losses import softmax_terms
from kgrec.training.objective import GroupLoss, narrowed


@dataclass(frozen=True, eq=False)
class Trunk:
    """Outputs of frozen parameters, computed once. ``columns`` int64 are the candidates."""

    items: ItemVectors
    scored: ItemVectors
    known: Tensor
    columns: Ints | None
    weights: ItemWeights | None

    @staticmethod
    @torch.no_grad()
    def build(
        model: HybridModel,
        inputs: ModelInputs,
        candidates: Ints | None,
        items: ItemVectors | None,
        weights: ItemWeights | None,
    ) -> Trunk:
        items = model.item_vectors(inputs) if items is None else _plain(items)
        scored, columns = items, None
        if candidates is not None:
            columns = np.unique(candidates)
            scored = items.scoring(torch.as_tensor(columns, device=items.bias.device))
        return Trunk(items, scored, model.known(items.query, inputs), columns, weights)

    @torch.no_grad()
    def encode(
        self, model: HybridModel, inputs: ModelInputs, examples: Examples, code: int
    ) -> ScenarioExamples:
        own = np.full(len(examples.histories), code, dtype=np.int64)
        histories = replace(examples.histories, scenario=own)
        device, query = self.items.bias.device, self.items.query
        batch = HistoryBatch.build(histories, len(query), model.shape.scales, device)
        pooled = functional.normalize(model.pooled(query, inputs, batch), dim=1)
        item_scores = None
        if self.weights is not None:
            item_scores = self.weights.scores(histories, batch.pattern)
            item_scores = item_scores if self.columns is None else item_scores[:, self.columns]
        return ScenarioExamples(
            pooled=pooled * model.history_weight(batch),
            static=model.static(query, inputs, replace(batch, in_scenario=False), self.known),
            state=batch.state,
            scored=self.scored,
            item_scores=item_scores,
            examples=narrowed(examples, np.arange(len(histories)), self.columns),
        )


@dataclass(frozen=True, eq=False)
class ScenarioExamples:
    """Examples up to where scenarios differ: ``pooled``, ``static`` (without the scenario's bias)
    and ``state`` ``[B, ...]``, and ``item_scores`` ``[B, c]``, which item–item weights add."""

    pooled: Tensor
    static: Tensor
    state: Tensor
    scored: ItemVectors
    item_scores: Tensor | None
    examples: Examples

    def loss(self, model: HybridModel, code: int, user_weight: float) -> Tensor:
        scenario = torch.full((len(self.pooled),), code, device=self.pooled.device)
        users = model.adapted(self.pooled, scenario, self.state) + self.static
        bias = model.head.bias(scenario)
        scores = model.scores(users if bias is None else users + bias, self.scored)
        scores = scores if self.item_scores is None else scores + self.item_scores
        return GroupLoss(code, *softmax_terms(scores, self.examples, user_weight)).mean()


def _plain(items: ItemVectors) -> ItemVectors:
    """Copies of item vectors made in inference mode, through which gradients can flow."""
    return ItemVectors(items.query.clone(), items.candidate.clone(), items.bias.clone())


@contextmanager
def frozen(model: nn.Module, but: Collection[str] = ()) -> Iterator[None]:
    """Inside the block the model is in evaluation mode, with gradients for the parameters ``but``
    alone; afterwards it is as it was, without gradients."""
    wanted = {name: value.requires_grad for name, value in model.named_parameters()}
    training = model.training
    model.eval()
    for name, value in model.named_parameters():
        value.requires_grad_(name in but)
    try:
        yield
    finally:
        model.train(training)
        for name, value in model.named_parameters():
            value.requires_grad_(wanted[name])
            value.grad = None


def of_rows(examples: Examples, rows: Ints) -> Examples:
    """The examples of some rows; there may be none."""
    return replace(narrowed(examples, rows, None), histories=histories_of(examples.histories, rows))
