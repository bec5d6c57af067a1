"""Global steps: M micro-steps, computed by any number of ranks, then one update by the owners."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor, nn

from kgrec.distributed.group import Group
from kgrec.distributed.lending import Lending, Loans
from kgrec.distributed.shards import Owners
from kgrec.graph.snapshot import Ints
from kgrec.training import StepSampler, Trainer
from kgrec.training.data.sampled_steps import DrawnStep, cut_users, step_cost, table_rows
from kgrec.training.finite_checks import NotFinite, check_weights, total_of
from kgrec.training.optim.sparse_adamw import RowAdamW, holding

_GRADIENT, _LOSS = 1.0, 2.0  # what is not finite


@dataclass
class StepLog:
    """What the steps of a training cost: processor seconds of this process by step, wall seconds
    and bytes sent in all; ``first_loss`` is that of the first step."""

    processor_seconds: list[float] = field(default_factory=list)
    seconds: float = 0.0
    sent: int = 0
    first_loss: float = math.nan


@dataclass(frozen=True, eq=False)
class _Micro:
    """A micro-step: where its random numbers come from, and what it reads (None: no user)."""

    rng: np.random.Generator
    drawn: DrawnStep | None


@dataclass(frozen=True, eq=False)
class MicroTrainer(Trainer):
    """A Trainer whose step is a global step of ``micros`` micro-steps.

    Each user belongs to one micro-step, by a hash. A micro-step draws its users by (seed, epoch,
    micro-step), and examples, negatives and neighbours by (seed, epoch, step, micro-step); rank r
    computes micro-steps r, r + ranks, … Sums over micro-steps are taken in their order. So the
    number of micro-steps decides the result, and the number of ranks does not.
    """

    lending: Lending | None = None
    micros: int = 1
    log: StepLog = field(default_factory=StepLog)

    @property
    def _lending(self) -> Lending:
        assert self.lending is not None
        return self.lending

    @property
    def _group(self) -> Group:
        return self._lending.group

    @property
    def _sampler(self) -> StepSampler:
        assert self.sampler is not None
        return self.sampler

    @property
    def _own(self) -> range:
        """The micro-steps of this rank; numbers from ``micros`` on have no users, so that all
        ranks exchange equally often."""
        ranks = self._group.ranks
        slots = -(-self.micros // ranks)
        return range(self._group.rank, self._group.rank + slots * ranks, ranks)

    def _batches(self, users: np.ndarray, rng: np.random.Generator) -> list[list[Ints]]:
        """The users of each step, by micro-step of this rank."""
        key = int(rng.integers(2**62))
        cost = step_cost(self.data.lengths(), self.plan.batch_size, self.config.step_events)
        owner = Owners(len(self.data.lengths()), self.micros).of(users)
        n_steps = math.ceil(
            max(cost[users[owner == micro]].sum() for micro in range(self.micros)) - 1e-9
        )
        by_micro = [
            cut_users(users[owner == micro], cost, n_steps, np.random.default_rng([key, micro]))
            for micro in self._own
        ]
        return [list(parts) for parts in zip(*by_micro, strict=True)]

    def _step(
        self,
        place: tuple[int, int],
        batch: list[Ints],
        rng: np.random.Generator,
        optimizer: torch.optim.Optimizer,
    ) -> Tensor:
        assert isinstance(optimizer, RowAdamW)
        started, wall, sent = time.process_time(), time.perf_counter(), self._group.traffic.sent
        optimizer.zero_grad(set_to_none=True)
        drawn = [
            self._drawn(np.random.default_rng([self.seed, *place, micro]), np.sort(users))
            for micro, users in zip(self._own, batch, strict=True)
        ]
        rows = [
            {} if each.drawn is None else table_rows(self.model, each.drawn.part) for each in drawn
        ]
        loans = self._lending.borrow(rows, optimizer.lend)
        parts = [
            self._gradients(each, parameters)
            for each, parameters in zip(drawn, loans.borrowed, strict=True)
        ]
        loss = self._share(loans, parts)
        optimizer.step()
        self._note(started, wall, sent, loss)
        return torch.tensor(loss)

    def _note(self, started: float, wall: float, sent: int, loss: float) -> None:
        if not self.log.processor_seconds:
            self.log.first_loss = loss
        self.log.processor_seconds.append(time.process_time() - started)
        self.log.seconds += time.perf_counter() - wall
        self.log.sent += self._group.traffic.sent - sent

    def _drawn(self, rng: np.random.Generator, users: Ints) -> _Micro:
        if not len(users):
            return _Micro(rng, None)
        examples = self.stepper.examples(users, rng)
        return _Micro(rng, self._sampler.draw(examples, rng))

    @property
    def _dense(self) -> list[nn.Parameter]:
        """The parameters that every rank holds as a whole."""
        tables = set(self._lending.names)
        return [value for name, value in self.model.named_parameters() if name not in tables]

    def _gradients(
        self, micro: _Micro, parameters: dict[str, nn.Parameter]
    ) -> tuple[Tensor, Tensor]:
        """Run one micro-step: the gradients of its summed loss are left in ``parameters``.

        Returns float32 ``[3]`` (summed loss, weight, what is not finite) and the gradients of the
        parameters that every rank holds, as one list.
        """
        dense = self._dense
        if micro.drawn is None:
            sizes = sum(each.numel() for each in dense)
            return dense[0].new_zeros(3), dense[0].new_zeros(sizes)
        torch.manual_seed(int(micro.rng.integers(2**62)))
        with holding(self.model, parameters):
            step = self._sampler.read(micro.drawn)
            _, losses = self.stepper.losses(step.inputs, micro.drawn.examples, step)
            total = torch.stack([each.total for each in losses]).sum()
            weight = torch.stack([each.weight for each in losses]).sum()
            total.backward()  # type: ignore[no-untyped-call]
        flat = torch.cat([_flat_gradient(each) for each in dense])
        for each in dense:
            each.grad = None
        rows = [each.grad for each in parameters.values() if each.grad is not None]
        wrong = _not_finite(total, [flat, *rows])
        return torch.stack([total.detach(), weight, wrong.to(total)]), flat

    def _share(self, loans: Loans, parts: list[tuple[Tensor, Tensor]]) -> float:
        """Bring all gradients to their owners in one message; the loss of the whole step.

        Of the parameters that every rank holds, each rank sums a part of the numbers and sends it
        to all. Raises NotFinite, on every rank.
        """
        ranks, slots = range(self._group.ranks), len(parts)
        sums = torch.stack([each for each, _ in parts]).reshape(-1)
        dense = torch.stack([each for _, each in parts])
        cuts = [dense.shape[1] * rank // len(ranks) for rank in range(len(ranks) + 1)]
        widths = [cuts[rank + 1] - cuts[rank] for rank in ranks]
        sent = [
            torch.cat(
                [loans.gradients(rank), dense[:, cuts[rank] : cuts[rank + 1]].reshape(-1), sums]
            )
            for rank in ranks
        ]
        own = slots * widths[self._group.rank]
        sizes = [[sum(size), own, len(sums)] for size in loans.sizes]
        found = self._group.exchange(sent, list(map(sum, sizes)))
        rows, pieces, losses = zip(*map(torch.split, found, sizes), strict=True)
        loss, weight = self._agree(self._in_order([each.view(slots, -1) for each in losses]))
        loans.take(rows, weight)
        mine = torch.zeros(widths[self._group.rank], device=dense.device)
        for piece in self._in_order([each.view(slots, -1) for each in pieces]):
            mine += piece
        whole = torch.cat(self._group.gathered(mine / weight, widths))
        numbers = [each.numel() for each in self._dense]
        for parameter, part in zip(self._dense, torch.split(whole, numbers), strict=True):
            parameter.grad = part.view_as(parameter)
        return loss

    def _agree(self, by_micro: list[Tensor]) -> tuple[float, float]:
        """The loss of the whole step and the weight of its examples, from those of the micro-steps.
        Raises NotFinite."""
        known = torch.stack(by_micro).double().cpu()
        total, weight = known[:, :2].cumsum(0)[-1].tolist()
        wrong = float(known[:, 2].max())
        if wrong == _LOSS:
            raise NotFinite("loss", f"{total:g}")
        if wrong:
            raise NotFinite("gradient", "not finite")
        return total / max(weight, 1e-9), max(weight, 1e-9)

    def _in_order(self, by_rank: list[Tensor]) -> list[Tensor]:
        """What the ranks have by micro-step ``[slots, …]``, in the order of the micro-steps."""
        every = [part[slot] for slot in range(len(by_rank[0])) for part in by_rank]
        return every[: self.micros]

    def _check_weights(self) -> None:
        wrong = 0.0
        try:
            check_weights(self.model)
        except NotFinite:
            wrong = 1.0
        if any(float(each) for each in self._group.gathered(torch.tensor([wrong]))):
            raise NotFinite("weights", "not finite")


def _flat_gradient(parameter: nn.Parameter) -> Tensor:
    if parameter.grad is None:
        return torch.zeros(parameter.numel(), device=parameter.device)
    return parameter.grad.reshape(-1)


def _not_finite(loss: Tensor, gradients: list[Tensor]) -> Tensor:
    """0 where all is finite; else which is not."""
    bad = torch.where(torch.isfinite(total_of(gradients)), 0.0, _GRADIENT)
    return torch.where(torch.isfinite(loss.detach()), bad, _LOSS)
