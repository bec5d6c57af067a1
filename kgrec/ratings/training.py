"""Training the rating model: every rating is a target, predicted from the user's other ratings."""

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

from kgrec.config.ratings import RatingConfig
from kgrec.errors import TrainingError
from kgrec.features.inputs import ItemInputs
from kgrec.graph.snapshot import NO_TIME, Ints
from kgrec.progress import OnEpoch
from kgrec.ratings.model import RatedItems, RatingModel
from kgrec.ratings.pools import RatedEvents, RatingPairs, RatingPools, range_csr
from kgrec.sparse import SparseMatrix
from kgrec.training.finite_checks import NotFinite, check_step, check_weights
from kgrec.training.objective import check_names
from kgrec.training.trainer import one_cycle

VALID_LOSS = "valid_logloss"
Validate = Callable[[], dict[str, float]]
_STEPS = 24  # per epoch, within the limits on ratings per step
_FEWEST, _MOST = 512, 32_768  # ratings per step
_PATIENCE = 2  # epochs without a better validation loss
_VECTORS = ("own", "features", "item_bias")  # parameters with weight decay ``reg``
_REST_REG = 0.01  # weight decay of the others


@dataclass(frozen=True, eq=False)
class RatingTask:
    """The data of a training run.

    ``events``: users' ratings, whose slots are rows of ``user_tokens``; ``scenario`` int64 ``[n]``:
    the code of each event, -1 for none; ``names``: scenarios by code.
    """

    inputs: ItemInputs
    user_tokens: SparseMatrix
    events: RatedEvents
    scenario: Ints
    names: tuple[str, ...]

    def rows(self, users: Ints) -> Ints:
        """The events of ``users``, int64, in their order."""
        return range_csr(self.events.indptr[users], self.events.indptr[users + 1])[1]


@dataclass(frozen=True, eq=False)
class RatingStep:
    """R ratings of one step.

    ``item`` int64 rows; user ``vectors`` float32 ``[R, d]`` and ``bias`` ``[R]``; ``scenario``
    int64 codes; ``like`` 0 or 1; ``rating`` standardised.
    """

    items: RatedItems
    item: Tensor
    vectors: Tensor
    bias: Tensor
    scenario: Tensor
    like: Tensor
    rating: Tensor


@dataclass(frozen=True, eq=False)
class RatingTrainer:
    """Fits a rating model.

    ``validate`` returns metrics with "valid_logloss", by which the epoch is chosen.
    """

    model: RatingModel
    task: RatingTask
    config: RatingConfig
    seed: int
    device: torch.device
    validate: Validate | None = None

    def run(self, on_epoch: OnEpoch | None = None) -> list[dict[str, float]]:
        """Train; the model ends with the weights of the best validation (the last without one).

        Returns a record per epoch: epoch, loss, seconds and the metrics of ``validate``. Raises
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
            if waited >= _PATIENCE:
                break
        if kept is not None:
            self.model.load_state_dict(kept)
        self.model.eval()
        return records

    def _groups(self) -> list[dict[str, Any]]:
        named = [(n, value) for n, value in self.model.named_parameters() if value.requires_grad]
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
        batches = self.batches(rng)
        for step, users in enumerate(batches):
            share = (epoch + step / len(batches)) / self.config.epochs
            for group in optimizer.param_groups:
                group["lr"] = self.config.learning_rate * one_cycle(share)
            hidden = rng.random(len(self.task.rows(users))) < self.config.near_dropout
            total += self.step(self.read(users, hidden), optimizer)
        self._check(lambda: check_weights(self.model))
        seconds = time.perf_counter() - started
        return {"epoch": epoch + 1, "loss": float(total) / len(batches), "seconds": seconds}

    def step(self, read: RatingStep, optimizer: torch.optim.Optimizer) -> Tensor:
        """Update the parameters once; returns the loss. Raises TrainingError."""
        loss = self.loss(read)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self._check(lambda: check_step(self.model, loss, ()))
        optimizer.step()
        return loss.detach()

    def _check(self, finite: Callable[[], None]) -> None:
        try:
            finite()
        except NotFinite as found:
            raise TrainingError(
                f"ratings: the {found.what} is {found.value}; lower learning_rate (it is "
                f"{self.config.learning_rate:g}) or check scenario_weights."
            ) from found

    def batches(self, rng: np.random.Generator) -> list[Ints]:
        """Users of each step, in random order, with about equally many ratings per step.

        All ratings of a user are in one step.
        """
        lengths = np.diff(self.task.events.indptr)
        users = rng.permutation(np.flatnonzero(lengths))
        size = min(max(len(self.task.events) // _STEPS, _FEWEST), _MOST)
        step = np.cumsum(lengths[users]) // size
        cuts = np.flatnonzero(np.diff(step)) + 1
        return [np.sort(part) for part in np.split(users, cuts) if len(part)]

    def read(self, users: Ints, hidden: np.ndarray | None = None) -> RatingStep:
        """All ratings of ``users`` (int64 slots), each with pools of the user's other ratings.

        Where ``hidden`` (bool, by event) is True, without those near in time.
        """
        task, shape = self.task, self.model.shape
        events = task.events.of(users)
        time = events.time if hidden is None else np.where(hidden, NO_TIME, events.time)
        pools = RatingPools.build(
            events,
            RatingPairs(events.slot, events.item, time),
            shape.windows,
            place=np.arange(len(events)),
            device=self.device,
        )
        items = self.model.items(task.inputs)
        item = self._tensor(events.item)
        rated = self.model.events(items, item, self._tensor(shape.scale.level(events.rating)))
        attributes = self.model.attributes(task.user_tokens)[self._tensor(users[events.slot])]
        vectors, bias = self.model.users(rated, pools, attributes)
        like = (events.rating >= shape.scale.like).astype(np.float32)
        return RatingStep(
            items=items,
            item=item,
            vectors=vectors,
            bias=bias,
            scenario=self._tensor(task.scenario[task.rows(users)]),
            like=self._tensor(like),
            rating=self._tensor(shape.scale.standard(events.rating)),
        )

    def loss(self, step: RatingStep) -> Tensor:
        """Mean over the step's ratings of λ_k (log loss of the like + weight × squared error)."""
        logit, standard = self.model.answers(
            step.items, step.item, step.vectors, step.bias, step.scenario
        )
        weights = self._weights[:, step.scenario]
        of_like = functional.binary_cross_entropy_with_logits(logit, step.like, reduction="none")
        of_rating = functional.mse_loss(standard, step.rating, reduction="none")
        return (weights[0] * of_like + weights[1] * of_rating).mean()

    @cached_property
    def _weights(self) -> Tensor:
        """Weights of the like loss and of the rating loss by scenario, float32 ``[2, K + 1]``.

        The last column is for no scenario, where code -1 points.
        """
        check_names(self.config.losses, self.task.names, "ratings.losses")
        check_names(self.config.scenario_weights, self.task.names, "ratings.scenario_weights")
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
    """The row, from 1, of each (item, level) pair that occurs at least ``fewest`` times in
    ``codes``.

    int64 ``[n_codes]``; 0 for the others.
    """
    often = np.bincount(codes, minlength=n_codes) >= fewest
    return torch.as_tensor(np.where(often, np.cumsum(often), 0))
