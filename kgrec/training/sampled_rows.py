"""AdamW for tables of which a step reads a few rows: no work on the others until they are read."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn


class RowAdamW(torch.optim.AdamW):
    """AdamW that also takes sparse gradients, at a cost that depends on the rows they hold.

    AdamW goes on moving a row along its fading average gradient while no gradient comes. Here a row
    is moved by all of that at once, in closed form, when it is read next (``settle``); the rate is
    taken to be what it is then. ``reg``, the decoupled decay, is made up for in the same way.
    Adam: Kingma & Ba, ICLR 2015; AdamW: Loshchilov & Hutter, ICLR 2019.
    """

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """Update from the gradients; a sparse one must be coalesced and its rows settled."""
        told = []
        for group in self.param_groups:
            for table in group["params"]:
                if table.grad is not None and table.grad.is_sparse:
                    told.append((group, table, table.grad))
                    table.grad = None
        super().step(closure)
        for group, table, grad in told:
            self._update(group, table, grad.indices()[0], grad.values())

    @torch.no_grad()
    def settle(self, table: Tensor, rows: Tensor | None = None) -> None:
        """Bring ``rows`` (int64, distinct; None: all) of ``table`` to the present step."""
        state = self.state.get(table)
        if not state:
            return
        group = next(g for g in self.param_groups if any(p is table for p in g["params"]))
        chosen = slice(None) if rows is None else rows
        now, last = float(state["step"]), state["updated"][chosen]
        missed = _column(now - last, table)
        mean, square = state["exp_avg"][chosen], state["exp_avg_sq"][chosen]
        beta, beta_square = group["betas"]
        ratio = beta / math.sqrt(beta_square)
        length = ratio * (1 - ratio**missed) / (1 - ratio)
        update = mean * _bias(beta, last + 1, table) / self._root(group, square, last + 1, table)
        values = table[chosen] * (1 - group["lr"] * group["weight_decay"]) ** missed
        table[chosen] = values - group["lr"] * length * update
        state["exp_avg"][chosen] = mean * beta**missed
        state["exp_avg_sq"][chosen] = square * beta_square**missed
        state["updated"][chosen] = now

    def settle_all(self) -> None:
        """Bring every table that had sparse gradients to the present step."""
        for group in self.param_groups:
            for table in group["params"]:
                if "updated" in self.state.get(table, {}):
                    self.settle(table)

    def _update(self, group: dict[str, Any], table: Tensor, rows: Tensor, grad: Tensor) -> None:
        state = self._state_of(table)
        state["step"] += 1
        now = state["step"].to(table.device)
        beta, beta_square = group["betas"]
        mean = torch.lerp(grad, state["exp_avg"][rows], beta)
        square = torch.lerp(grad * grad, state["exp_avg_sq"][rows], beta_square)
        state["exp_avg"][rows], state["exp_avg_sq"][rows] = mean, square
        state["updated"][rows] = float(now)
        update = mean * _bias(beta, now, table) / self._root(group, square, now, table)
        values = table[rows] * (1 - group["lr"] * group["weight_decay"])
        table[rows] = values.sub_(update, alpha=group["lr"])

    def _state_of(self, table: Tensor) -> dict[str, Tensor]:
        state: dict[str, Tensor] = self.state[table]
        if not state:
            state["step"] = torch.zeros(())
            state["exp_avg"] = torch.zeros_like(table)
            state["exp_avg_sq"] = torch.zeros_like(table)
            state["updated"] = table.new_zeros(len(table))  # steps when a row was brought up to
        return state

    def _root(self, group: dict[str, Any], square: Tensor, step: Tensor, table: Tensor) -> Tensor:
        beta_square = group["betas"][1]
        root = square.mul(_bias(beta_square, step, table)).sqrt_()
        return root.add_(group["eps"])


def _bias(beta: float, step: Tensor, table: Tensor) -> Tensor:
    """One over Adam's bias correction after ``step`` steps."""
    return 1.0 / (1.0 - beta ** _column(step, table))


def _column(values: Tensor, table: Tensor) -> Tensor:
    """One value a row, in a shape that fits the rows of ``table``."""
    return values if values.dim() == 0 else values.view(-1, *[1] * (table.dim() - 1))


@contextmanager
def rows_alone(
    model: nn.Module, rows: Mapping[str, Tensor], settle: Callable[[Tensor, Tensor], None]
) -> Iterator[None]:
    """Inside, the parameters named in ``rows`` hold only those rows; afterwards the whole ones are
    back, their gradients sparse. ``settle`` is called with a whole one before its rows are taken.
    """
    whole = {name: model.get_parameter(name) for name in rows}
    for name, table in whole.items():
        settle(table, rows[name])
        _put(model, name, nn.Parameter(table.detach()[rows[name]]))
    try:
        yield
        for name, table in whole.items():
            grad = model.get_parameter(name).grad
            if grad is not None:
                table.grad = torch.sparse_coo_tensor(
                    rows[name].unsqueeze(0),
                    grad,
                    table.shape,
                    check_invariants=False,
                    is_coalesced=True,
                )
    finally:
        for name, table in whole.items():
            _put(model, name, table)


def _put(model: nn.Module, name: str, parameter: nn.Parameter) -> None:
    owner, _, key = name.rpartition(".")
    setattr(model.get_submodule(owner), key, parameter)
