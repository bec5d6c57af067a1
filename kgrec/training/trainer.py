"""The training loop, seeded per epoch, so that a resumed run equals an uninterrupted one."""

from __future__ import annotations

import math
import time
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch

from kgrec.config import TrainingConfig
from kgrec.errors import TrainingError
from kgrec.nn import USER_ATTRIBUTES, HybridModel, ModelInputs
from kgrec.progress import OnEpoch, OnPace
from kgrec.threads import follow, following_load
from kgrec.training.best_weights import Validate, keep_best
from kgrec.training.checkpoint import TrainingState, TrainingStore
from kgrec.training.data.examples import Sequences
from kgrec.training.data.sampled_steps import StepSampler, step_users
from kgrec.training.data.scenario_rows import drawn_users
from kgrec.training.finite_checks import NotFinite, check_weights
from kgrec.training.objective import Teacher
from kgrec.training.optim.ema import RunningAverage
from kgrec.training.optim.sparse_adamw import RowAdamW
from kgrec.training.plan import Plan
from kgrec.training.scenarios.finetuning import tune_scenarios
from kgrec.training.train_step import Stepper

_WARM_UP = 0.05  # share of the steps in which the learning rate rises
_START = 0.04  # of the peak, where it starts
_PACED_STEPS = 5  # after which the time of all epochs is estimated


@dataclass(frozen=True, eq=False)
class Trainer:
    """Fits one model on one set of sequences.

    ``validate`` returns the selection metric, "valid_ndcg@10", and may return that of single
    scenarios too ("valid_ndcg@10/NAME"). With a ``sampler`` a step reads only the items that it
    needs, otherwise all of them. ``stop`` ends the training after so many epochs of the plan;
    ``rival`` is the best validation of another training that it is compared with.
    ``scenarios`` are the names by code, ``teacher`` gives the scores that a "kl" loss learns from.
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
    rival: float = -math.inf
    scenarios: tuple[str, ...] = ()
    teacher: Teacher | None = None

    @cached_property
    def stepper(self) -> Stepper:
        return Stepper(
            model=self.model,
            inputs=self.inputs,
            data=self.data,
            plan=self.plan,
            config=self.config,
            device=self.device,
            sampler=self.sampler,
            names=self.scenarios,
            teacher=self.teacher,
        )

    def run(
        self,
        *,
        checkpoint: TrainingStore | None = None,
        resume: bool = False,
        on_epoch: OnEpoch | None = None,
        on_pace: OnPace | None = None,
    ) -> list[dict[str, float]]:
        """Train; the model ends with the weights of the best validation (the last without one).

        With a running average these are the averages at that time. Returns a record per epoch:
        epoch, loss, seconds and, where validated, the metrics of ``validate``. Raises TrainingError
        where there is nothing to learn from, where settings name a scenario that training does not
        have, or where a loss, a gradient or a weight is not finite: then the model has the weights
        from the begin of the epoch, and the checkpoint stays as it was. Raises ModelError for a
        checkpoint that can't be read or written.
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
        done = TrainingState()
        if resume and checkpoint is not None:
            done = checkpoint.load(self.model, optimizer)
        if checkpoint is not None:
            checkpoint.check()
        self.stepper.check()
        balancer = self.stepper.balancer
        if balancer is not None and done.balancer:
            balancer.load(done.balancer)
        average = self._average(done)
        epochs = self.plan.epochs if self.stop is None else min(self.stop, self.plan.epochs)
        with following_load():
            while done.epoch < epochs and done.waited < self.plan.patience:
                if self.plan.is_behind(done.records, self.rival):
                    break
                record = self._epoch(done.epoch, users, optimizer, average, on_pace)
                on_pace = None
                done.epoch += 1
                done.records.append(record)
                self._choose(done, record, average)
                if on_epoch is not None:
                    on_epoch(record)
                if average is not None:
                    done.average, done.steps = average.values, average.steps
                if balancer is not None:
                    done.balancer = balancer.state()
                if checkpoint is not None and self._is_validated(done.epoch):
                    checkpoint.save(self.model, optimizer, done)
        final = done.best or done.average
        if final:
            self.model.load_state_dict(final, strict=False)  # an average holds no buffers
        if self.config.own_epochs:
            tune_scenarios(self.stepper, self.config.own_epochs, self.validate, self.seed)
        return done.records

    def _average(self, done: TrainingState) -> RunningAverage | None:
        """The running average; None where steps are sampled: they leave most rows alone, and an
        average reads all."""
        if self.sampler is not None or not self.config.averaging:
            return None
        return RunningAverage(self.model, self.config.averaging, done.average, done.steps)

    def _groups(self) -> list[dict[str, Any]]:
        """Parameter groups of the optimizer. Vectors of user attributes have a high weight decay of
        their own: together attributes nearly identify a user, and the model would overfit to them.
        """
        named = list(self.model.named_parameters())
        return [
            {"params": [value for name, value in named if name != USER_ATTRIBUTES]},
            {
                "params": [value for name, value in named if name == USER_ATTRIBUTES],
                "weight_decay": self.config.user_reg,
            },
        ]

    def _choose(
        self, done: TrainingState, record: dict[str, float], average: RunningAverage | None
    ) -> None:
        """Validate where it is due, and keep the best weights."""
        if self.validate is None or not self._is_validated(done.epoch):
            return
        self.model.eval()
        with nullcontext() if average is None else average.in_place():
            with torch.inference_mode():
                metrics = self.validate()
            record.update(metrics)
            keep_best(self.model, done, metrics, self.scenarios, self.config.stop_by_scenario)

    def _is_validated(self, epoch: int) -> bool:
        return epoch % self.config.valid_every == 0 or epoch == self.plan.epochs

    def _epoch(
        self,
        epoch: int,
        users: np.ndarray,
        optimizer: torch.optim.Optimizer,
        average: RunningAverage | None,
        on_pace: OnPace | None,
    ) -> dict[str, float]:
        started = time.perf_counter()
        rng = np.random.default_rng([self.seed, epoch])
        torch.manual_seed(int(rng.integers(2**62)))
        self.model.train()
        good = {name: value.clone() for name, value in self.model.state_dict().items()}
        batches = self._batches(users, rng)
        losses = []
        try:
            for step, batch in enumerate(batches):
                follow()
                share = (epoch + step / len(batches)) / self.plan.epochs
                for group in optimizer.param_groups:
                    group["lr"] = self.plan.learning_rate * one_cycle(share)
                losses.append(self._step((epoch, step), batch, rng, optimizer))
                if average is not None:
                    average.update()
                if on_pace is not None and step == min(_PACED_STEPS, len(batches)) - 1:
                    steps = len(batches) * (self.plan.epochs - epoch)
                    on_pace((time.perf_counter() - started) / (step + 1) * steps)
            if isinstance(optimizer, RowAdamW):
                optimizer.settle()
            self._check_weights()
        except NotFinite as found:
            self.model.load_state_dict(good)
            raise self._diverged(found, epoch, step) from found
        loss = float(torch.stack(losses).mean())
        return {"epoch": epoch + 1, "loss": loss, "seconds": time.perf_counter() - started}

    def _check_weights(self) -> None:
        """Raise NotFinite for weights that are not finite."""
        check_weights(self.model)

    def _step(
        self,
        place: tuple[int, int],
        batch: Any,
        rng: np.random.Generator,
        optimizer: torch.optim.Optimizer,
    ) -> torch.Tensor:
        """The step at ``place`` (epoch and step, from 0) with one of ``_batches``; its loss."""
        return self.stepper.step(np.sort(batch), rng, optimizer)

    def _batches(self, users: np.ndarray, rng: np.random.Generator) -> list[Any]:
        """What each step of an epoch trains on."""
        if self.config.scenario_balance < 1 and (self.data.scenario >= 0).any():
            users = drawn_users(self.data, users, self.config.scenario_balance, rng)
        if self.sampler is None:
            n_batches = math.ceil(len(users) / self.plan.batch_size)
            return np.array_split(rng.permutation(users), n_batches)
        return step_users(
            users, self.data.lengths(), self.plan.batch_size, self.config.step_events, rng
        )

    def _diverged(self, found: NotFinite, epoch: int, step: int) -> TrainingError:
        """An error that names what is not finite, where, and a cure."""
        names = [*self.scenarios, "(none)"]
        scenarios = [names[group] for group in found.groups if group < len(names)]
        of = f" of scenario {', '.join(map(repr, scenarios[:3]))}" if scenarios else ""
        rate = f"lower learning_rate (it is {self.plan.learning_rate:g}) or raise temperature"
        weights = " or check scenario_weights" if self.config.scenario_weights else ""
        return TrainingError(
            f"the {found.what}{of} is {found.value} in epoch {epoch + 1}, step {step + 1}; "
            f"{rate}{weights}."
        )


def one_cycle(share: float) -> float:
    """The learning rate at ``share`` of the training, relative to its peak: a short rise, then a
    cosine down to nothing (Smith & Topin, 2019)."""
    if share < _WARM_UP:
        return _START + (1 - _START) * share / _WARM_UP
    return 0.5 * (1 + math.cos(math.pi * (share - _WARM_UP) / (1 - _WARM_UP)))
