"""The training loop: seeded epoch by epoch, so that a resumed run is the run it resumes."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from kgrec.config import TrainingConfig
from kgrec.errors import TrainingError
from kgrec.nn import USER_ATTRIBUTES, HistoryBatch, HybridModel, ModelInputs
from kgrec.training.average import RunningAverage
from kgrec.training.checkpoint import Checkpoint, Progressed
from kgrec.training.objective import softmax_terms, weighted_mean
from kgrec.training.plan import Plan
from kgrec.training.sampled import SampledStep, StepSampler, step_users
from kgrec.training.sampled_rows import RowAdamW
from kgrec.training.sampling import Examples, Sequences, random_masks, time_cuts

Validate = Callable[[], float]
OnEpoch = Callable[[dict[str, float]], None]
_WARM_UP = 0.05  # share of the steps in which the learning rate rises
_START = 0.04  # of the peak, where it starts


@dataclass(frozen=True, eq=False)
class Trainer:
    """Fits one model on one set of sequences; ``validate`` returns the metric to choose by.

    With a ``sampler`` a step reads only the items that it needs, otherwise all of them. ``stop``
    ends the training after so many epochs of the plan.
    """

    model: HybridModel
    inputs: ModelInputs
    data: Sequences
    plan: Plan
    config: TrainingConfig
    seed: int
    device: torch.device
    validate: Validate | None = None
    sampler: StepSampler | None = None
    stop: int | None = None

    def run(
        self,
        *,
        checkpoint: Checkpoint | None = None,
        resume: bool = False,
        on_epoch: OnEpoch | None = None,
    ) -> list[dict[str, float]]:
        """Train; the model ends with the weights of the best validation (the last without one).

        With averaging these are the averages up to then. Returns a record per epoch: epoch, loss,
        seconds and, where validated, "valid_ndcg@10". Raises TrainingError when there is nothing to
        learn from or the loss is not finite.
        """
        users = np.flatnonzero(self.data.lengths() > 0)
        if not len(users):
            raise TrainingError("there is no interaction to train on; load some, or check 'split'.")
        kind = torch.optim.AdamW if self.sampler is None else RowAdamW
        optimizer = kind(
            self._groups(),
            lr=self.plan.learning_rate,
            weight_decay=self.config.reg,
            fused=True,
        )
        done = Progressed()
        if resume and checkpoint is not None:
            done = checkpoint.load(self.model, optimizer)
        average = self._average(done)
        epochs = self.plan.epochs if self.stop is None else min(self.stop, self.plan.epochs)
        while done.epoch < epochs and done.waited < self.config.patience:
            record = self._epoch(done.epoch, users, optimizer, average)
            done.epoch += 1
            done.records.append(record)
            self._choose(done, record, average)
            if on_epoch is not None:
                on_epoch(record)
            if average is not None:
                done.average, done.steps = average.values, average.steps
            if checkpoint is not None and self._is_validated(done.epoch):
                checkpoint.save(self.model, optimizer, done)
        final = done.best or done.average
        if final:
            self.model.load_state_dict(final)
        return done.records

    def _average(self, done: Progressed) -> RunningAverage | None:
        """None where steps are sampled: they leave most rows alone, and an average touches all."""
        if self.sampler is not None or not self.config.averaging:
            return None
        return RunningAverage(self.model, self.config.averaging, done.average, done.steps)

    def _groups(self) -> list[dict[str, Any]]:
        """What is said of a user's attributes is decayed hard: together they nearly name the user,
        and would be learned by heart."""
        named = list(self.model.named_parameters())
        return [
            {"params": [value for name, value in named if name != USER_ATTRIBUTES]},
            {
                "params": [value for name, value in named if name == USER_ATTRIBUTES],
                "weight_decay": self.config.user_reg,
            },
        ]

    def _choose(
        self, done: Progressed, record: dict[str, float], average: RunningAverage | None
    ) -> None:
        """Validate where it is time to, and keep the best weights."""
        if self.validate is None or not self._is_validated(done.epoch):
            return
        self.model.eval()
        with nullcontext() if average is None else average.in_place():
            with torch.inference_mode():
                record["valid_ndcg@10"] = self.validate()
            done.waited += 1
            if record["valid_ndcg@10"] > done.best_metric:
                done.best_metric, done.waited = record["valid_ndcg@10"], 0
                done.best = {
                    name: value.detach().clone() for name, value in self.model.state_dict().items()
                }

    def _is_validated(self, epoch: int) -> bool:
        return epoch % self.config.valid_every == 0 or epoch == self.plan.epochs

    def _epoch(
        self,
        epoch: int,
        users: np.ndarray,
        optimizer: torch.optim.Optimizer,
        average: RunningAverage | None,
    ) -> dict[str, float]:
        started = time.perf_counter()
        rng = np.random.default_rng([self.seed, epoch])
        torch.manual_seed(int(rng.integers(2**62)))
        self.model.train()
        batches = self._batches(users, rng)
        losses = []
        for step, batch in enumerate(batches):
            share = (epoch + step / len(batches)) / self.plan.epochs
            for group in optimizer.param_groups:
                group["lr"] = self.plan.learning_rate * one_cycle(share)
            losses.append(self._step(np.sort(batch), rng, optimizer))
            if average is not None:
                average.update()
        if isinstance(optimizer, RowAdamW):
            optimizer.settle()
        loss = float(torch.stack(losses).mean())
        if not math.isfinite(loss):
            raise TrainingError(
                f"the loss is {loss} in epoch {epoch + 1}; lower learning_rate (it is "
                f"{self.plan.learning_rate:g}) or raise temperature."
            )
        return {"epoch": epoch + 1, "loss": loss, "seconds": time.perf_counter() - started}

    def _batches(self, users: np.ndarray, rng: np.random.Generator) -> list[np.ndarray]:
        if self.sampler is None:
            n_batches = math.ceil(len(users) / self.plan.batch_size)
            return np.array_split(rng.permutation(users), n_batches)
        return step_users(
            users, self.data.lengths(), self.plan.batch_size, self.config.step_events, rng
        )

    def _step(
        self, users: np.ndarray, rng: np.random.Generator, optimizer: torch.optim.Optimizer
    ) -> Tensor:
        optimizer.zero_grad(set_to_none=True)
        if isinstance(optimizer, RowAdamW) and self.sampler is not None:
            examples = self._examples(users, rng)
            with self.sampler.step(examples, rng, optimizer) as step:
                loss = weighted_mean(*self._terms(step.inputs, step.examples, step))
                loss.backward()  # type: ignore[no-untyped-call]
        elif self.config.accumulation > 1:
            loss = self._accumulated(users, rng)
        else:
            loss = weighted_mean(*self._terms(self.inputs, self._examples(users, rng)))
            loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        return loss.detach()

    def _accumulated(self, users: np.ndarray, rng: np.random.Generator) -> Tensor:
        """The step in parts whose gradients add up to those of the whole."""
        parts = []
        for part in np.array_split(users, min(self.config.accumulation, len(users))):
            total, weight = self._terms(self.inputs, self._examples(part, rng))
            total.backward()  # type: ignore[no-untyped-call]
            parts.append(torch.stack([total.detach(), weight]))
        whole = torch.stack(parts).sum(dim=0)
        for parameter in self.model.parameters():
            if parameter.grad is not None:
                parameter.grad /= whole[1].clamp_min(1e-9)
        return weighted_mean(*whole)

    def _terms(
        self, inputs: ModelInputs, examples: Examples, sampled: SampledStep | None = None
    ) -> tuple[Tensor, Tensor]:
        """The examples' summed loss and its weight."""
        items = self.model.item_vectors(inputs)
        batch = HistoryBatch.build(
            examples.histories, len(items.query), self.plan.scales, self.device
        )
        users = self.model.user_vectors(items, inputs, batch)
        if sampled is not None:
            items = items.scoring(sampled.candidates)
        scores = self.model.scores(users, items)
        log_chance = None if sampled is None else sampled.log_chance
        return softmax_terms(scores, examples, self.plan.user_weight, log_chance)

    def _examples(self, users: np.ndarray, rng: np.random.Generator) -> Examples:
        dropout = self.plan.history_dropout
        if not self.plan.temporal:
            return random_masks(self.data, users, rng, history_dropout=dropout)
        return time_cuts(
            self.data,
            users,
            rng,
            history_dropout=dropout,
            late_cuts=self.config.late_cuts,
            early_cuts=self.plan.early_cuts,
            target_decay=self.config.target_decay,
            target_reach=self.config.target_reach,
            max_targets=self.config.max_targets,
            later_share=self.config.later_share,
        )


def one_cycle(share: float) -> float:
    """The learning rate at ``share`` of the training, relative to its peak: a short rise, then a
    cosine down to nothing (Smith & Topin, 2019)."""
    if share < _WARM_UP:
        return _START + (1 - _START) * share / _WARM_UP
    return 0.5 * (1 + math.cos(math.pi * (share - _WARM_UP) / (1 - _WARM_UP)))
