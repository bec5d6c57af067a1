"""Training the rating model: every rating is a target, told of all others of its user."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from kgrec.errors import TrainingError
from kgrec.graph.snapshot import NO_TIME, Ints
from kgrec.nn.features import ItemInputs
from kgrec.nn.rating_model import RatingModel
from kgrec.nn.rating_pools import AskedPairs, RatedEvents, RatingPools
from kgrec.nn.sparse import SparseMatrix
from kgrec.rating_config import RatingConfig
from kgrec.training.finite import NotFinite, check_step, check_weights
from kgrec.training.loop import one_cycle

VALID_LOSS = "valid_logloss"
OnEpoch = Callable[[dict[str, float]], None]
Validate = Callable[[], dict[str, float]]
_STEPS = 24  # an epoch, as far as the limits on a step's ratings allow
_FEWEST, _MOST = 512, 32_768
_STOPPING = 2  # validations without a gain
_VECTORS = ("own", "features", "item_bias")  # what is decayed by ``reg``; the rest by less
_REST_REG = 0.01


@dataclass(frozen=True, eq=False)
class RatingTask:
    """What training reads: users' ``events`` (slots are rows of ``user_tokens``), and per event the
    code of its ``scenario`` int64 ``[n]``, -1 for none; ``names`` are the scenarios by code."""

    inputs: ItemInputs
    user_tokens: SparseMatrix
    events: RatedEvents
    scenario: Ints
    names: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class RatingTrainer:
    """Fits a rating model; ``validate`` tells "valid_logloss", by which the epoch is chosen."""

    model: RatingModel
    task: RatingTask
    config: RatingConfig
    seed: int
    device: torch.device
    validate: Validate | None = None

    def run(self, on_epoch: OnEpoch | None = None) -> list[dict[str, float]]:
        """Train; the model ends with the weights of the best validation (the last without one).

        Returns a record per epoch: epoch, loss, seconds and what ``validate`` told. Raises
        TrainingError where a loss, a gradient or a weight is not finite.
        """
        optimizer = torch.optim.AdamW(self._groups(), lr=self.config.learning_rate, fused=True)
        records: list[dict[str, float]] = []
        best, kept, waited = np.inf, None, 0
        for epoch in range(self.config.epochs):
            record = self._epoch(epoch, optimizer)
            records.append(record)
            if self.validate is not None:
                self.model.eval()
                record.update(self.validate())
                waited = 0 if record[VALID_LOSS] < best else waited + 1
            if on_epoch is not None:
                on_epoch(record)
            if waited == 0 and self.validate is not None:
                best = record[VALID_LOSS]
                kept = {name: value.clone() for name, value in self.model.state_dict().items()}
            if waited >= _STOPPING:
                break
        if kept is not None:
            self.model.load_state_dict(kept)
        self.model.eval()
        return records

    def _groups(self) -> list[dict[str, Any]]:
        named = list(self.model.named_parameters())
        vectors = [value for name, value in named if name.startswith(_VECTORS)]
        rest = [value for name, value in named if not name.startswith(_VECTORS)]
        return [
            {"params": vectors, "weight_decay": self.config.reg},
            {"params": rest, "weight_decay": _REST_REG},
        ]

    def _epoch(self, epoch: int, optimizer: torch.optim.Optimizer) -> dict[str, float]:
        started = time.perf_counter()
        rng = np.random.default_rng([self.seed, epoch])
        torch.manual_seed(int(rng.integers(2**62)))
        self.model.train()
        total = torch.zeros((), device=self.device)
        batches = self._batches(rng)
        try:
            for step, users in enumerate(batches):
                share = (epoch + step / len(batches)) / self.config.epochs
                for group in optimizer.param_groups:
                    group["lr"] = self.config.learning_rate * one_cycle(share)
                loss = self.loss(users, rng)
                optimizer.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]
                check_step(self.model, loss, ())
                optimizer.step()
                total += loss.detach()
            check_weights(self.model)
        except NotFinite as found:
            raise TrainingError(
                f"ratings: the {found.what} is {found.value} in epoch {epoch + 1}, step {step + 1};"
                f" lower learning_rate (it is {self.config.learning_rate:g}) or check "
                "scenario_weights."
            ) from found
        seconds = time.perf_counter() - started
        return {"epoch": epoch + 1, "loss": float(total) / len(batches), "seconds": seconds}

    def _batches(self, rng: np.random.Generator) -> list[Ints]:
        """Users of each step, whole, in random order: about equally many ratings in each."""
        lengths = np.diff(self.task.events.indptr)
        users = rng.permutation(np.flatnonzero(lengths))
        size = min(max(len(self.task.events) // _STEPS, _FEWEST), _MOST)
        step = np.cumsum(lengths[users]) // size
        cuts = np.flatnonzero(np.diff(step)) + 1
        return [np.sort(part) for part in np.split(users, cuts) if len(part)]

    def loss(self, users: Ints, rng: np.random.Generator) -> Tensor:
        """Of all ratings of ``users`` (int64 slots), each without itself in its history."""
        task, shape = self.task, self.model.shape
        events = task.events.of(users)
        rows = np.repeat(task.events.indptr[users] - events.indptr[:-1], np.diff(events.indptr))
        rows = rows + np.arange(len(events))
        hidden = rng.random(len(events)) < self.config.near_dropout
        asked = AskedPairs(events.slot, events.item, np.where(hidden, NO_TIME, events.time))
        pools = RatingPools.build(
            events,
            asked,
            scales=shape.scales,
            reach=shape.reach,
            place=np.arange(len(events)),
            device=self.device,
        )
        items = self.model.items(task.inputs)
        item = self._tensor(events.item)
        said = self.model.events(items, item, self._tensor(shape.scale.level(events.rating)))
        told = self.model.attributes(task.user_tokens)[self._tensor(users[events.slot])]
        vectors, bias = self.model.users(said, pools, told)
        scenario = self._tensor(task.scenario[rows])
        logit, standard = self.model.answers(items, item, vectors, bias, scenario)
        like = self._tensor((events.rating >= shape.scale.like).astype(np.float32))
        rating = self._tensor(shape.scale.standard(events.rating))
        weights = self._weights[:, scenario]
        of_like = functional.binary_cross_entropy_with_logits(logit, like, reduction="none")
        of_rating = functional.mse_loss(standard, rating, reduction="none")
        summed = (weights[0] * of_like + weights[1] * of_rating).sum()
        return summed / len(events)

    @cached_property
    def _weights(self) -> Tensor:
        """float32 ``[2, K + 1]``: what the loss of likes and that of ratings count in each
        scenario; the last is for none, where -1 points."""
        losses = (*(self.config.losses.get(name, "both") for name in self.task.names), "both")
        weights = (*(self.config.scenario_weights.get(name, 1.0) for name in self.task.names), 1.0)
        likes = [w * (loss != "mse") for w, loss in zip(weights, losses, strict=True)]
        ratings = [
            w * (1.0 if loss == "mse" else self.config.rating_weight * (loss == "both"))
            for w, loss in zip(weights, losses, strict=True)
        ]
        return torch.tensor([likes, ratings], dtype=torch.float32, device=self.device)

    def _tensor(self, values: np.ndarray) -> Tensor:
        return torch.as_tensor(values).to(self.device)


def own_rows(codes: Ints, n_codes: int, fewest: int) -> Tensor:
    """int64 ``[n_codes]``: the number from 1 of each (item, level) pair that occurs at least
    ``fewest`` times in ``codes``, 0 for the others."""
    often = np.bincount(codes, minlength=n_codes) >= fewest
    return torch.as_tensor(np.where(often, np.cumsum(often), 0))
