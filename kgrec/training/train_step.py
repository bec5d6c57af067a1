"""One step of training: examples of some users, their losses, and one backward pass."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from kgrec.config import TrainingConfig
from kgrec.features.blocks import text_rows
from kgrec.nn import HistoryBatch, HybridModel, ItemVectors, ModelInputs
from kgrec.nn.heads.base import own_parameters
from kgrec.training.data.examples import CutSettings, Examples, Sequences, random_masks, time_cuts
from kgrec.training.data.sampled_steps import SampledStep, StepSampler
from kgrec.training.finite_checks import check_step
from kgrec.training.objective import GroupLoss, Objective, Teacher, check_names, weighted_mean
from kgrec.training.optim.adversarial import attacked_backward
from kgrec.training.optim.balancing import BALANCERS, Balancer, balanced_backward
from kgrec.training.optim.sparse_adamw import RowAdamW
from kgrec.training.plan import Plan

_ITEM_PARAMETERS = ("features.", "item_bias", "new_bias")  # parameters of item vectors alone


@dataclass(frozen=True, eq=False)
class Stepper:
    """Runs the steps of one training; ``names`` are the scenarios by code. See ``Trainer``."""

    model: HybridModel
    inputs: ModelInputs
    data: Sequences
    plan: Plan
    config: TrainingConfig
    device: torch.device
    sampler: StepSampler | None
    names: tuple[str, ...]
    teacher: Teacher | None

    @cached_property
    def objective(self) -> Objective:
        return Objective.build(
            self.config,
            self.plan.user_weight,
            self.data,
            self.names,
            len(self.inputs.items.item_row),
            self.device,
            self.teacher,
        )

    def check(self) -> None:
        """Raise TrainingError for settings that don't fit the data."""
        _ = self.objective, self.lambdas

    @cached_property
    def balancer(self) -> Balancer | None:
        """The balancer of scenarios' losses; None without scenarios or balancing."""
        if self.config.balancing == "none" or not self.objective.n_scenarios:
            return None
        return BALANCERS[self.config.balancing](self.objective.n_scenarios + 1)

    @cached_property
    def lambdas(self) -> Tensor:
        """float64 ``[K + 1]``: the configured weight of every scenario's loss. Where only scenario
        dropout makes rows without a scenario, their weight is the share of such rows."""
        given = self.config.scenario_weights
        check_names(given, self.names, "scenario_weights")
        none = 1.0 if (self.data.scenario < 0).any() else self.config.scenario_dropout
        known = [given.get(name, 1.0) for name in self.names]
        known += [1.0] * (self.objective.n_scenarios - len(self.names)) + [given.get("", none)]
        return torch.tensor(known, dtype=torch.float64)

    @cached_property
    def popularity_weights(self) -> np.ndarray:
        """float32 ``[n_items]``: the weight of a target by its item's popularity, 1 on average over
        events (inverse propensity weighting, Schnabel et al., ICML 2016)."""
        counts = np.bincount(self.data.item, minlength=len(self.inputs.items.item_row))
        weight = np.maximum(counts, 1.0) ** -self.config.popularity_weight
        return np.asarray(weight / np.mean(weight[self.data.item]), dtype=np.float32)

    def step(
        self, users: np.ndarray, rng: np.random.Generator, optimizer: torch.optim.Optimizer
    ) -> Tensor:
        """Update the weights and return the loss. Raises NotFinite before any weight changes."""
        optimizer.zero_grad(set_to_none=True)
        if isinstance(optimizer, RowAdamW) and self.sampler is not None:
            examples = self.examples(users, rng)
            with self.sampler.step(examples, rng, optimizer) as step:
                loss = self._backward(step.inputs, examples, step)
        elif self.config.accumulation > 1:
            loss = self.accumulated(users, rng)
        else:
            loss = self._backward(self.inputs, self.examples(users, rng))
        optimizer.step()
        return loss.detach()

    def _backward(
        self, inputs: ModelInputs, examples: Examples, sampled: SampledStep | None = None
    ) -> Tensor:
        if self.config.text_attack and text_rows(inputs.items):
            loss = attacked_backward(
                self.model,
                inputs,
                lambda moved: weighted_mean(self.losses(moved, examples, sampled)[1]),
                self.config.text_attack,
            )
            check_step(self.model, loss, ())
            return loss
        items, losses = self.losses(inputs, examples, sampled)
        if self.balancer is None:
            loss = weighted_mean(losses)
            loss.backward()  # type: ignore[no-untyped-call]
        else:
            loss = balanced_backward(self.balancer, self.lambdas, losses, self._shared(items))
        check_step(self.model, loss, losses)
        return loss

    def accumulated(self, users: np.ndarray, rng: np.random.Generator) -> Tensor:
        """Run the step in parts, whose gradients add up to those of the whole."""
        parts = []
        for part in np.array_split(users, min(self.config.accumulation, len(users))):
            _, losses = self.losses(self.inputs, self.examples(part, rng))
            total = losses[0].total
            for other in losses[1:]:
                total = total + other.total
            total.backward()  # type: ignore[no-untyped-call]
            weight = torch.stack([each.weight for each in losses]).sum()
            parts.append(torch.stack([total.detach(), weight]))
        whole = torch.stack(parts).sum(dim=0)
        for parameter in self.model.parameters():
            if parameter.grad is not None:
                parameter.grad /= whole[1].clamp_min(1e-9)
        loss = whole[0] / whole[1].clamp_min(1e-9)
        check_step(self.model, loss, ())
        return loss

    def losses(
        self, inputs: ModelInputs, examples: Examples, sampled: SampledStep | None = None
    ) -> tuple[ItemVectors, list[GroupLoss]]:
        """The items' vectors and the losses of the examples, at least one group's."""
        mixed = self.config.precision == "bf16"
        with torch.autocast(self.device.type, torch.bfloat16, enabled=mixed):
            return self._losses(inputs, examples, sampled)

    def _losses(
        self, inputs: ModelInputs, examples: Examples, sampled: SampledStep | None
    ) -> tuple[ItemVectors, list[GroupLoss]]:
        inputs = replace(inputs, items=inputs.items.without_reviews_of(examples.histories.user))
        items = self.model.item_vectors(inputs)
        own = examples if sampled is None else sampled.examples
        batch = HistoryBatch.build(own.histories, len(items.query), self.plan.scales, self.device)
        users = self.model.user_vectors(items, inputs, batch)
        candidates = None if sampled is None else sampled.candidates
        return items, self.objective.losses(
            self.model, users, items, own, examples.histories, candidates
        )

    def _shared(self, items: ItemVectors) -> list[Tensor]:
        """The tensors at which gradients of scenarios are compared: the item vectors, and the
        parameters that read them and belong to no scenario."""
        own = set(own_parameters(self.model))
        readers = [
            value
            for name, value in self.model.named_parameters()
            if not name.startswith(_ITEM_PARAMETERS) and name not in own and value.requires_grad
        ]
        return [items.query, items.candidate, items.bias, *readers]

    def examples(self, users: np.ndarray, rng: np.random.Generator) -> Examples:
        """Examples of ``users`` (int64 ``[B]``), made by the method of the plan."""
        made = self._made(users, rng)
        if not self.config.popularity_weight:
            return made
        return replace(
            made, target_weight=made.target_weight * self.popularity_weights[made.target_item]
        )

    def _made(self, users: np.ndarray, rng: np.random.Generator) -> Examples:
        dropout, hidden = self.plan.history_dropout, self.config.scenario_dropout
        if not self.plan.temporal:
            return random_masks(
                self.data,
                users,
                rng,
                history_dropout=dropout,
                scenario_dropout=hidden,
                user_cap=self.plan.user_cap,
            )
        settings = CutSettings(
            history_dropout=dropout,
            late_cuts=self.config.late_cuts,
            early_cuts=self.plan.early_cuts,
            target_decay=self.config.target_decay,
            target_reach=self.config.target_reach,
            max_targets=self.config.max_targets,
            later_share=self.config.later_share,
            scenario_dropout=hidden,
        )
        return time_cuts(self.data, users, rng, settings)
