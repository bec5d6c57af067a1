"""Dropout: the share, the mean, the gradient, and equal draws for equal seeds."""

from __future__ import annotations

import pytest
import torch

from kgrec.nn.dropout import dropped_out


def drawn(share: float, shape: tuple[int, int] = (301, 67), seed: int = 0) -> torch.Tensor:
    torch.manual_seed(seed)
    return dropped_out(torch.ones(shape), share)


@pytest.mark.parametrize("share", [0.1, 0.25, 0.4, 0.9])
def test_the_share_is_zero_and_the_mean_stays(share: float) -> None:
    values = drawn(share)
    assert float((values == 0).float().mean()) == pytest.approx(share, abs=0.015)
    assert values[values != 0].unique().tolist() == [pytest.approx(1 / (1 - share), rel=1e-3)]


def test_draws_follow_the_seed_and_are_independent_of_each_other() -> None:
    first, again, other = drawn(0.5), drawn(0.5), drawn(0.5, seed=1)
    assert torch.equal(first, again)
    assert float(((first == 0) == (other == 0)).float().mean()) == pytest.approx(0.5, abs=0.02)
    for step in (1, 2, 3, 4, 67):  # neighbours come from one drawn number
        flat = (first == 0).flatten()
        same = (flat[step:] == flat[:-step]).float().mean()
        assert float(same) == pytest.approx(0.5, abs=0.02)


def test_nothing_is_left_out_without_a_share() -> None:
    vectors = torch.randn(5, 3)
    assert dropped_out(vectors, 0.0) is vectors


def test_the_gradient_is_that_of_the_kept_numbers() -> None:
    vectors = torch.randn(9, 5, requires_grad=True)
    torch.manual_seed(3)
    kept = dropped_out(vectors, 0.3)
    kept.sum().backward()
    assert vectors.grad is not None
    torch.testing.assert_close(vectors.grad * vectors.detach(), kept.detach())
