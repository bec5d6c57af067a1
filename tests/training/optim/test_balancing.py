"""Balancers: one contract for all, and for each what its paper says."""

from __future__ import annotations

import sys
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor
from torchjd.aggregation import UPGradWeighting
from torchjd.linalg import DualConeProjector

from kgrec.errors import MissingExtraError
from kgrec.training.finite_checks import NotFinite
from kgrec.training.objective import GroupLoss
from kgrec.training.optim.balancing import BALANCERS, Balancer, balanced_backward
from kgrec.training.optim.balancing.jacobian import project

NAMES = sorted(BALANCERS)
AIMS = torch.tensor([[1.0, 0.8], [-1.0, 0.8], [0.0, 1.5]])  # pull apart, but all up
CONFLICT = torch.tensor([[1.0, 0.2], [-0.6, 0.5]], dtype=torch.float64)  # two gradients


def losses(x: Tensor, groups: tuple[int, ...], scale: Tensor | None = None) -> list[GroupLoss]:
    """Group k: how far ``x`` is from its aim, over a weight that must not matter."""
    scale = torch.ones(len(AIMS)) if scale is None else scale
    result = []
    for group in groups:
        weight = torch.tensor(2.0 + group)
        loss = scale[group] * ((x - AIMS[group]) ** 2).sum() + 0.1
        result.append(GroupLoss(group, loss * weight, weight))
    return result


def run(
    balancer: Balancer,
    steps: int,
    x: Tensor | None = None,
    groups: Callable[[int], tuple[int, ...]] = lambda _: (0, 1, 2),
) -> Tensor:
    """``x`` after some steps of plain descent."""
    x = torch.zeros(2) if x is None else x
    x = x.clone().requires_grad_()
    for step in range(steps):
        x.grad = None
        balanced_backward(balancer, torch.ones(4).double(), losses(x, groups(step)), [x])
        with torch.no_grad():
            assert x.grad is not None
            x -= 0.05 * x.grad
    return x.detach()


def means(x: Tensor) -> Tensor:
    return torch.stack([loss.mean() for loss in losses(x, (0, 1, 2))])


@pytest.mark.parametrize("name", NAMES)
def test_conflicting_scenarios_all_gain(name: str) -> None:
    torch.manual_seed(0)
    before, after = means(torch.zeros(2)), means(run(BALANCERS[name](4), 100))
    assert (after < before - 0.05).all(), (before, after)


@pytest.mark.parametrize("name", NAMES)
def test_one_start_one_end(name: str) -> None:
    ends = []
    for _ in range(2):
        torch.manual_seed(3)
        ends.append(run(BALANCERS[name](4), 20))
    assert torch.equal(*ends)


@pytest.mark.parametrize("name", NAMES)
def test_a_single_scenario_is_learned(name: str) -> None:
    end = run(BALANCERS[name](4), 200, groups=lambda _: (1,))
    assert torch.allclose(end, AIMS[1], atol=0.05)


@pytest.mark.parametrize("name", NAMES)
def test_scenarios_may_be_absent_from_a_step(name: str) -> None:
    """They come in turns, and steps without any target change nothing."""
    torch.manual_seed(0)
    turns = ((0, 1, 2), (0, 2), (1,), (2, 1))
    end = run(BALANCERS[name](4), 100, groups=lambda step: turns[step % 4])
    assert (means(end)[[1, 2]] < means(torch.zeros(2))[[1, 2]]).all()
    x = torch.zeros(2, requires_grad=True)
    empty = [GroupLoss(0, (x * 0).sum(), torch.tensor(0.0))]
    assert float(balanced_backward(BALANCERS[name](4), torch.ones(4).double(), empty, [x])) == 0
    assert x.grad is None


@pytest.mark.parametrize("name", NAMES)
def test_state_goes_on_where_it_was(name: str) -> None:
    first, second, whole = (BALANCERS[name](4) for _ in range(3))
    torch.manual_seed(5)
    expected = run(whole, 30)
    torch.manual_seed(5)
    half = run(first, 12)
    second.load({key: value.clone() for key, value in first.state().items()})
    run(first, 5)  # what it learns now is its own
    torch.manual_seed(5)
    for _ in range(12 * 3 if name == "pcgrad" else 0):
        torch.randperm(3)
    assert torch.equal(run(second, 18, x=half), expected)


@pytest.mark.parametrize("name", NAMES)
def test_the_settings_weights_are_followed(name: str) -> None:
    """λ = 0 leaves a scenario out; a large λ draws the step to its aim."""
    for lambdas, aim in (([0, 1, 0, 1], 1), ([50, 1, 0, 1], 0)):
        x = torch.zeros(2, requires_grad=True)
        result = torch.tensor(lambdas, dtype=torch.float64)
        balanced_backward(BALANCERS[name](4), result, losses(x, (0, 1, 2)), [x])
        assert x.grad is not None
        assert float(-x.grad @ AIMS[aim]) > 0
        if lambdas[0] == 0:
            assert torch.allclose(x.grad / x.grad.norm(), -AIMS[1] / AIMS[1].norm(), atol=1e-4)


@pytest.mark.parametrize("name", [n for n in NAMES if BALANCERS[n].compares_gradients])
def test_a_gradient_that_is_no_number_is_found(name: str) -> None:
    x = torch.zeros(2, requires_grad=True)
    bad = GroupLoss(2, torch.sqrt(x[0]) * torch.tensor(0.0) + 1, torch.tensor(1.0))
    result = [*losses(x, (0, 1)), bad]
    with pytest.raises(NotFinite) as found:
        balanced_backward(BALANCERS[name](4), torch.ones(4).double(), result, [x])
    assert found.value.groups == (2,)


def combined(name: str, gradients: Tensor) -> Tensor:
    """The step that a balancer makes of gradients ``[k, d]`` of losses that are 1."""
    k = len(gradients)
    balancer = BALANCERS[name](k)
    weights = balancer.weigh(
        torch.arange(k), torch.ones(k, dtype=torch.float64), gradients @ gradients.T
    )
    assert (weights >= 0).all()
    return weights @ gradients


def test_surgery_takes_out_what_points_against_another() -> None:
    one, two = CONFLICT
    expected = (one - (one @ two) / (two @ two) * two) + (two - (one @ two) / (one @ one) * one)
    assert torch.allclose(combined("pcgrad", CONFLICT), expected)


def test_two_projections_onto_the_cone_are_the_surgery_halved() -> None:
    assert torch.allclose(
        combined("jacobian", CONFLICT), combined("pcgrad", CONFLICT) / 2, atol=1e-3
    )


@pytest.mark.parametrize("seed", [0, 1, 2, 3, 5])
def test_jacobian_descent_raises_no_loss(seed: int) -> None:
    torch.manual_seed(seed)
    gradients = torch.randn(5, 4, dtype=torch.float64) * torch.logspace(-1, 1, 5)[:, None]
    gain = gradients @ combined("jacobian", gradients)
    assert (gain > -1e-3 * gradients.norm(dim=1)).all()
    mean = gradients @ gradients.mean(dim=0)
    assert mean.min() < -1e-3, "the mean would have raised one"


def test_conflict_averse_steps_are_the_best_for_the_worst_within_the_ball() -> None:
    mean = CONFLICT.mean(dim=0)
    angle = torch.linspace(0, 2 * np.pi, 20_001, dtype=torch.float64)
    tried = mean + 0.5 * mean.norm() * torch.stack([angle.cos(), angle.sin()], dim=1)
    best = tried[(tried @ CONFLICT.T).min(dim=1).values.argmax()]
    assert torch.allclose(combined("cagrad", CONFLICT), best, atol=1e-3)


def test_uncertain_scenarios_weigh_less() -> None:
    """Where losses stay, the weights come to 1 / 2 L."""
    balancer = BALANCERS["uncertainty"](3)
    result = torch.tensor([0.25, 4.0], dtype=torch.float64)
    for _ in range(800):
        weights = balancer.weigh(torch.tensor([0, 2]), result, torch.empty(0, 0))
    assert torch.allclose(weights, 1 / (2 * result), rtol=0.05)
    assert float(balancer.state()["values"][1]) == 0, "never seen"


def test_gradients_come_to_one_length_and_laggards_are_pulled() -> None:
    lengths = torch.tensor([1.0, 3.0], dtype=torch.float64)

    def learned(losses: list[float]) -> Tensor:
        balancer = BALANCERS["gradnorm"](2)
        groups, gramian = torch.arange(2), torch.diag(lengths**2)
        balancer.weigh(groups, torch.ones(2, dtype=torch.float64), gramian)
        for _ in range(400):
            weights = balancer.weigh(groups, torch.tensor(losses, dtype=torch.float64), gramian)
        assert float(weights.sum()) == pytest.approx(2)
        return weights * lengths

    alike, lagging = learned([0.5, 0.5]), learned([0.9, 0.5])
    assert float(alike[0] / alike[1]) == pytest.approx(1, abs=0.1)
    assert float(lagging[0] / lagging[1]) == pytest.approx((0.9 / 0.5) ** 1.5, rel=0.15)


@pytest.mark.parametrize("seed", range(20))
def test_jacobian_descent_is_torchjds_upgrad_to_the_bit(seed: int) -> None:
    class LeastSquares(DualConeProjector):
        def __call__(self, U: Tensor, G: Tensor) -> Tensor:
            return project(U, G)

    rng = torch.Generator().manual_seed(seed)
    gradients = torch.randn(2 + seed % 4, 6, generator=rng, dtype=torch.float64)
    gramian = gradients @ gradients.T
    ours = BALANCERS["jacobian"](len(gramian)).weigh(gramian, gramian, gramian)
    assert torch.equal(ours, UPGradWeighting(projector=LeastSquares())(gramian))


def test_without_torchjd_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torchjd", None)
    monkeypatch.setitem(sys.modules, "torchjd.aggregation", None)
    with pytest.raises(MissingExtraError, match=r"kgrec\[balancing\]"):
        BALANCERS["pcgrad"](2)
