"""Lent rows move as AdamW moves them."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from torch import nn

from kgrec.training.optim.sparse_adamw import RowAdamW, rows_alone

ROWS, WIDTH = 12, 3


class Tables(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.inner = nn.ParameterDict({"table": torch.randn(ROWS, WIDTH)})
        self.flat = nn.Parameter(torch.randn(ROWS))
        self.dense = nn.Parameter(torch.randn(WIDTH))

    def loss(self, rows: torch.Tensor | slice, target: torch.Tensor) -> torch.Tensor:
        result = self.inner["table"][rows] * self.dense + self.flat[rows].unsqueeze(1)
        return ((result - target) ** 2).sum()


def steps(count: int) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Rows that each step reads, and what they should say; the last row is never read."""
    rng = np.random.default_rng(0)
    chosen = [np.sort(rng.choice(ROWS - 1, 3, replace=False)) for _ in range(count)]
    return [(torch.as_tensor(rows), torch.randn(3, WIDTH)) for rows in chosen]


def lend_and_step(model: Tables, optimizer: RowAdamW, rows: torch.Tensor, to: torch.Tensor) -> None:
    optimizer.zero_grad(set_to_none=True)
    with rows_alone(model, {"inner.table": rows, "flat": rows}, optimizer):
        assert model.get_parameter("inner.table").shape == (len(rows), WIDTH)
        model.loss(slice(None), to).backward()
    optimizer.step()


@pytest.mark.parametrize("decay", [0.0, 0.3])
def test_settled_rows_are_where_adamw_would_have_them(decay: float) -> None:
    """Rows with gradients move exactly alike; the drift of the others is a closed form, and close:
    it takes the bias corrections to be those of its first step."""
    whole = Tables()
    parts = copy.deepcopy(whole)
    before = parts.get_parameter("inner.table").detach().clone()
    adamw = torch.optim.AdamW(whole.parameters(), lr=0.01, weight_decay=decay)
    lending = RowAdamW(parts.parameters(), lr=0.01, weight_decay=decay, fused=True)
    for rows, target in steps(60):
        adamw.zero_grad()
        whole.loss(rows, target).backward()
        adamw.step()
        lend_and_step(parts, lending, rows, target)
    lending.settle()
    result = dict(whole.named_parameters())
    for name, value in parts.named_parameters():
        moved = (result[name] - value).abs().max()
        assert moved < 0.06, name
    table = parts.get_parameter("inner.table")
    assert (table[:-1] - before[:-1]).abs().min() > 0
    torch.testing.assert_close(
        table[-1].detach(), before[-1] * (1 - 0.01 * decay) ** 60, atol=1e-5, rtol=1e-5
    )


def test_rows_read_in_every_step_move_exactly_as_with_adamw() -> None:
    whole = Tables()
    parts = copy.deepcopy(whole)
    adamw = torch.optim.AdamW(whole.parameters(), lr=0.01, weight_decay=0.1)
    lending = RowAdamW(parts.parameters(), lr=0.01, weight_decay=0.1, fused=True)
    every = torch.arange(ROWS)
    for _ in range(20):
        target = torch.randn(ROWS, WIDTH)
        adamw.zero_grad()
        whole.loss(every, target).backward()
        adamw.step()
        lend_and_step(parts, lending, every, target)
    for one, other in zip(whole.parameters(), parts.parameters(), strict=True):
        torch.testing.assert_close(one, other, atol=1e-6, rtol=1e-5)


def test_rows_that_no_step_reads_are_not_touched_until_settled() -> None:
    model = Tables()
    optimizer = RowAdamW(model.parameters(), lr=0.1, fused=True)
    first, second = torch.tensor([0, 1]), torch.tensor([2, 3])
    lend_and_step(model, optimizer, first, torch.zeros(2, WIDTH))
    after = model.get_parameter("inner.table").detach().clone()
    lend_and_step(model, optimizer, second, torch.zeros(2, WIDTH))
    now = model.get_parameter("inner.table").detach().clone()
    assert torch.equal(now[first], after[first])
    assert not torch.equal(now[second], after[second])
    optimizer.settle()
    settled = model.get_parameter("inner.table").detach().clone()
    assert not torch.equal(settled[first], now[first])  # the fading average still moves them
    assert torch.equal(settled[second], now[second])
    optimizer.settle()
    assert torch.equal(model.get_parameter("inner.table").detach(), settled)


def test_the_whole_tables_are_back_after_an_error() -> None:
    model = Tables()
    whole = model.get_parameter("inner.table")
    optimizer = RowAdamW(model.parameters(), lr=0.1, fused=True)
    with pytest.raises(KeyError), rows_alone(model, {"inner.table": torch.arange(2)}, optimizer):
        raise KeyError
    assert model.get_parameter("inner.table") is whole


def test_a_saved_state_goes_on_as_if_nothing_had_happened() -> None:
    one = Tables()
    first = RowAdamW(one.parameters(), lr=0.05, fused=True)
    work = steps(12)
    for rows, target in work[:6]:
        lend_and_step(one, first, rows, target)
    other = copy.deepcopy(one)
    second = RowAdamW(other.parameters(), lr=0.05, fused=True)
    second.load_state_dict(copy.deepcopy(first.state_dict()))
    for model, optimizer in ((one, first), (other, second)):
        for rows, target in work[6:]:
            lend_and_step(model, optimizer, rows, target)
        optimizer.settle()
    for here, there in zip(one.parameters(), other.parameters(), strict=True):
        assert torch.equal(here, there)


@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_a_row_does_not_depend_on_the_rows_beside_it(decay: float) -> None:
    """Values are the same to the bit where the same rows are updated in parts, in any order."""
    generator = torch.Generator().manual_seed(0)
    first = torch.randn(103, generator=generator)
    steps = [
        (torch.rand(103, generator=generator) < 0.6, torch.randn(103, generator=generator))
        for _ in range(12)
    ]
    order = torch.randperm(103, generator=generator)
    whole = _updated(first, steps, torch.arange(103), decay)
    for part in (order[:37], order[37:]):
        assert torch.equal(_updated(first, steps, part, decay), whole[part])


def _updated(
    first: torch.Tensor,
    steps: list[tuple[torch.Tensor, torch.Tensor]],
    rows: torch.Tensor,
    decay: float,
) -> torch.Tensor:
    """``rows`` of ``first`` after the steps, each with some rows and their gradients."""
    table = nn.Parameter(first[rows].clone())
    optimizer = RowAdamW([table], lr=0.01, weight_decay=decay, fused=True)
    for chosen, gradient in steps:
        used = torch.arange(len(rows))[chosen[rows]]
        lent = optimizer.lend(table, used)
        lent.grad = gradient[rows][used]
        optimizer.step()
    optimizer.settle()
    return table.detach()
