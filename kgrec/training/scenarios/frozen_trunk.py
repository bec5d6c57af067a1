"""What a frozen model makes of examples, up to where a scenario makes a difference."""

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
    """What frozen parameters make, computed once. ``columns`` int64 are the candidates."""

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
    def ask(self, model: HybridModel, inputs: ModelInputs, examples: Examples, code: int) -> Asked:
        own = np.full(len(examples.histories), code, dtype=np.int64)
        asked = replace(examples.histories, scenario=own)
        device, query = self.items.bias.device, self.items.query
        batch = HistoryBatch.build(asked, len(query), model.shape.scales, device)
        pooled = functional.normalize(model.pooled(query, inputs, batch), dim=1)
        beside = None
        if self.weights is not None:
            beside = self.weights.scores(asked, batch.pattern)
            beside = beside if self.columns is None else beside[:, self.columns]
        return Asked(
            pooled=pooled * model.history_weight(batch),
            static=model.static(query, inputs, replace(batch, in_scenario=False), self.known),
            state=batch.state,
            scored=self.scored,
            beside=beside,
            examples=narrowed(examples, np.arange(len(asked)), self.columns),
        )


@dataclass(frozen=True, eq=False)
class Asked:
    """Examples up to where a scenario makes a difference: ``pooled``, ``static`` (without the
    scenario's own taste) and ``state`` ``[B, ...]``, and ``beside`` ``[B, c]``, what item–item
    weights add."""

    pooled: Tensor
    static: Tensor
    state: Tensor
    scored: ItemVectors
    beside: Tensor | None
    examples: Examples

    def loss(self, model: HybridModel, code: int, user_weight: float) -> Tensor:
        scenario = torch.full((len(self.pooled),), code, device=self.pooled.device)
        users = model.adapted(self.pooled, scenario, self.state) + self.static
        bias = model.head.bias(scenario)
        scores = model.scores(users if bias is None else users + bias, self.scored)
        scores = scores if self.beside is None else scores + self.beside
        return GroupLoss(code, *softmax_terms(scores, self.examples, user_weight)).mean()


def _plain(items: ItemVectors) -> ItemVectors:
    """Vectors that were made for answers alone, fit to compute gradients with."""
    return ItemVectors(items.query.clone(), items.candidate.clone(), items.bias.clone())


@contextmanager
def frozen(model: nn.Module, but: Collection[str] = ()) -> Iterator[None]:
    """The model as it answers, with gradients for the parameters ``but`` alone; afterwards as it
    was, with no gradient left."""
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
    """Some of the examples; there may be none."""
    return replace(narrowed(examples, rows, None), histories=histories_of(examples.histories, rows))
