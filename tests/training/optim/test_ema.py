"""The running average of the weights."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from kgrec.training.optim.ema import RunningAverage


def test_the_average_is_what_its_formula_says() -> None:
    model = nn.Linear(1, 1, bias=False)
    average = RunningAverage(model, 0.5, None, 0)
    expected, steps = model.weight.item(), [3.0, -1.0, 4.0, 1.0, 5.0]
    for number, value in enumerate(steps, start=1):
        model.weight.data.fill_(value)
        average.update()
        keep = min(0.5, number / (number + 10))
        expected = keep * expected + (1 - keep) * value
    kept = average.values["weight"].item()
    assert kept == pytest.approx(expected, rel=1e-6)
    with average.in_place():
        assert model.weight.item() == kept
    assert model.weight.item() == steps[-1]


def test_an_average_goes_on_where_another_stopped() -> None:
    model = nn.Linear(2, 2)
    whole = RunningAverage(model, 0.9, None, 0)
    whole.update()
    rest = RunningAverage(model, 0.9, whole.values, whole.steps)
    model.weight.data.add_(1.0)
    whole.update()
    rest.update()
    assert torch.equal(whole.values["weight"], rest.values["weight"])
