"""AdamW for tables of which a step reads a few rows; other rows are updated when read next."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.adamw import adamw

_UNIT = 16  # numbers; a multiple of what instructions of any processor take at once


@dataclass(frozen=True, eq=False)
class _Loan:
    """Rows of a table that a step uses, and of its averages, up to date with the present step."""

    rows: Tensor
    values: nn.Parameter
    mean: Tensor
    square: Tensor


class RowAdamW(torch.optim.AdamW):
    """AdamW that updates single rows of a table, at a cost that depends on those rows alone.

    AdamW goes on moving a row along its fading average gradient while no gradient comes. Here all
    these moves are made at once, in closed form, when ``lend`` hands out the row next, or by
    ``settle``; the learning rate is assumed constant meanwhile. Decoupled weight decay is applied
    in the same way. Adam: Kingma & Ba, ICLR 2015; AdamW: Loshchilov & Hutter, ICLR 2019.
    """

    def __init__(self, params: Any, **settings: Any) -> None:
        super().__init__(params, **settings)
        self._loans: dict[Tensor, _Loan] = {}

    @torch.no_grad()
    def lend(self, table: nn.Parameter, rows: Tensor) -> nn.Parameter:
        """``rows`` (int64, distinct) of ``table`` as a parameter, whose gradient ``step`` reads."""
        state = self._state_of(table)
        mean = state["exp_avg"].index_select(0, rows)
        square = state["exp_avg_sq"].index_select(0, rows)
        values = table.detach().index_select(0, rows)
        self._catch_up(table, values, mean, square, state["updated"][rows])
        self._loans[table] = _Loan(rows, nn.Parameter(values), mean, square)
        return self._loans[table].values

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """Update the parameters that have gradients, and the rows handed out, which return to their
        tables."""
        super().step(closure)
        for table, loan in self._loans.items():
            if loan.values.grad is not None:
                self._take_back(table, loan)
        self._loans.clear()

    @torch.no_grad()
    def settle(self) -> None:
        """Bring every row of the tables up to date with the present step."""
        for table, state in self.state.items():
            if "updated" in state:
                mean, square = state["exp_avg"], state["exp_avg_sq"]
                self._catch_up(table, table.detach(), mean, square, state["updated"])
                state["updated"].fill_(float(state["step"]))

    def _take_back(self, table: Tensor, loan: _Loan) -> None:
        group, state = self._group_of(table), self.state[table]
        beta1, beta2 = group["betas"]
        grad = loan.values.grad
        assert grad is not None
        k = len(loan.rows)
        values, grad, mean, square = map(_filled, (loan.values, grad, loan.mean, loan.square))
        adamw(
            [values],
            [grad],
            [mean],
            [square],
            [],
            [state["step"]],
            fused=True,
            amsgrad=False,
            beta1=beta1,
            beta2=beta2,
            lr=group["lr"],
            weight_decay=group["weight_decay"],
            eps=group["eps"],
            maximize=False,
        )
        table.index_copy_(0, loan.rows, values[:k])
        state["exp_avg"].index_copy_(0, loan.rows, mean[:k])
        state["exp_avg_sq"].index_copy_(0, loan.rows, square[:k])
        state["updated"].index_fill_(0, loan.rows, float(state["step"]))

    def _catch_up(
        self, table: Tensor, values: Tensor, mean: Tensor, square: Tensor, updated: Tensor
    ) -> None:
        """Apply, in place, the moves of the steps without gradients since ``updated`` float32
        ``[k]``.

        Step j moves by rate · mean · beta1^j / (root of square · beta2^j): a geometric sum.
        """
        group = self._group_of(table)
        beta1, beta2 = group["betas"]
        missed = float(self.state[table]["step"]) - updated
        ratio = beta1 / math.sqrt(beta2)
        most = int(self.state[table]["step"]) + 2
        moved, waited = (updated + 1).long(), missed.long()
        root = torch.sqrt(1 - _powers(beta2, most, updated.device)[moved])
        length = ratio * (1 - _powers(ratio, most, updated.device)[waited]) / (1 - ratio)
        length *= -group["lr"] * root / (1 - _powers(beta1, most, updated.device)[moved])

        def by_row(factor: Tensor) -> Tensor:
            return factor.to(values).view(-1, *[1] * (table.dim() - 1))

        move = square.sqrt().add_(by_row(group["eps"] * root))
        torch.div(mean, move, out=move)
        if group["weight_decay"] and len(waited):
            decay = 1 - group["lr"] * group["weight_decay"]
            longest = int(waited.max()) + 1
            values.mul_(by_row(_table(decay, longest, updated.device)[waited]))
        values.addcmul_(move, by_row(length))
        mean.mul_(by_row(_powers(beta1, most, updated.device)[waited]))
        square.mul_(by_row(_powers(beta2, most, updated.device)[waited]))

    def _group_of(self, table: Tensor) -> dict[str, Any]:
        return next(g for g in self.param_groups if any(p is table for p in g["params"]))

    def _state_of(self, table: Tensor) -> dict[str, Tensor]:
        state: dict[str, Tensor] = self.state[table]
        if not state:
            state["step"] = torch.zeros((), device=table.device)
            state["exp_avg"] = torch.zeros_like(table)
            state["exp_avg_sq"] = torch.zeros_like(table)
            state["updated"] = table.new_zeros(len(table))  # the step that a row was brought to
        return state


def _filled(rows: Tensor) -> Tensor:
    """``rows``, with rows of zeros until their numbers are a multiple of ``_UNIT``.

    The processor's instructions update so many numbers at once, and what is left over by others,
    which round differently: a row's value would depend on the rows beside it.
    """
    if not rows.numel() % _UNIT:
        return rows.detach()
    missing = -len(rows) % _UNIT
    return torch.cat([rows.detach(), rows.new_zeros(missing, *rows.shape[1:])])


def _powers(base: float, size: int, device: torch.device) -> Tensor:
    """float64: the powers of ``base`` from 0 to at least ``size`` - 1, kept for the next call.

    They are looked up, since those of a vector's last elements would differ in the last digit from
    those of the others; see ``_filled``.
    """
    return _kept_table(base, 1 << max(size - 1, 63).bit_length(), device)


def _table(base: float, size: int, device: torch.device) -> Tensor:
    """float64 ``[size]``: the powers of ``base``."""
    return torch.tensor([base**power for power in range(size)], dtype=torch.float64).to(device)


_kept_table = lru_cache(maxsize=16)(_table)


@contextmanager
def rows_alone(model: nn.Module, rows: Mapping[str, Tensor], optimizer: RowAdamW) -> Iterator[None]:
    """Inside the block the parameters named in ``rows`` hold those rows only, as ``lend`` gives
    them."""
    lent = {name: optimizer.lend(model.get_parameter(name), used) for name, used in rows.items()}
    with holding(model, lent):
        yield


@contextmanager
def holding(model: nn.Module, parameters: Mapping[str, nn.Parameter]) -> Iterator[None]:
    """Inside the block the model has these parameters in place of its own of the same names."""
    own = {name: model.get_parameter(name) for name in parameters}
    try:
        for name, parameter in parameters.items():
            put(model, name, parameter)
        yield
    finally:
        for name, parameter in own.items():
            put(model, name, parameter)


def put(model: nn.Module, name: str, parameter: nn.Parameter) -> None:
    """Set the parameter of the full name ``name``."""
    owner, _, key = name.rpartition(".")
    setattr(model.get_submodule(owner), key, parameter)
