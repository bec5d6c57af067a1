"""Joint training of several scenarios: balancing, sampling, candidates, losses, resuming."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from kgrec.config import TrainingConfig
from kgrec.graph import GraphSnapshot
from kgrec.training import Checkpoint, StepSampler, Trainer
from kgrec.training.objective import Objective, weighted_mean
from kgrec.training.optim.balancing import BALANCERS
from tests.training import samples
from tests.training.samples import NAMES, assert_same_weights, joint, weights

EPOCHS = 4
ALL = {"scenario_candidates": "all"}


def trainer(
    train: GraphSnapshot, sampled: bool = False, seed: int = 0, **training: object
) -> Trainer:
    made = samples.trainer(train, epochs=EPOCHS, seed=seed)
    if sampled:
        _, tables = samples.features(train)
        sampler = StepSampler(made.model, tables, made.data, 12, 4, made.device)
        made = replace(made, sampler=sampler)
    return joint(made, **training)


def gradients(trained: Trainer, **changed: object) -> tuple[float, dict[str, Tensor]]:
    """The loss of one step and its gradient, for the same draws."""
    stepper = joint(trained, **changed).stepper
    users = np.flatnonzero(trained.data.lengths() > 0)
    trained.model.zero_grad(set_to_none=True)
    torch.manual_seed(5)
    _, losses = stepper.losses(trained.inputs, stepper.examples(users, np.random.default_rng(7)))
    loss = weighted_mean(losses)
    loss.backward()
    named = trained.model.named_parameters()
    return float(loss.detach()), {n: p.grad.clone() for n, p in named if p.grad is not None}


def test_scenarios_scored_apart_make_the_same_loss_as_together(train: GraphSnapshot) -> None:
    made = trainer(train)
    whole, expected = gradients(made, **ALL)
    apart, ours = gradients(made, **ALL, logit_adjustment=1e-9)
    assert joint(made, **ALL, logit_adjustment=1e-9).stepper.objective.apart
    assert not joint(made, **ALL).stepper.objective.apart
    assert apart == pytest.approx(whole, rel=1e-5)
    assert ours.keys() == expected.keys()
    for name, gradient in expected.items():
        torch.testing.assert_close(ours[name], gradient, rtol=1e-3, atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(BALANCERS))
@pytest.mark.parametrize("sampled", [False, True])
def test_every_balancer_learns_and_repeats(train: GraphSnapshot, name: str, sampled: bool) -> None:
    one, same = (trainer(train, sampled, **ALL, balancing=name) for _ in range(2))
    start = weights(one)
    records = one.run()
    same.run()
    assert_same_weights(weights(one), weights(same))
    assert records[-1]["loss"] < records[0]["loss"]
    assert not torch.equal(start["head.shift"][0], weights(one)["head.shift"][0])
    assert not torch.equal(start["head.shift"][1], weights(one)["head.shift"][1])


@pytest.mark.parametrize("name", sorted(BALANCERS))
def test_a_balanced_training_resumes_to_the_same_weights(
    train: GraphSnapshot, name: str, tmp_path: Path
) -> None:
    def stop(record: dict[str, float]) -> None:
        if record["epoch"] == 3:
            raise KeyboardInterrupt

    whole = trainer(train, balancing=name)
    whole.run()
    state = Checkpoint(tmp_path / "run", "mine")
    with pytest.raises(KeyboardInterrupt):
        trainer(train, balancing=name).run(checkpoint=state, on_epoch=stop)
    resumed = trainer(train, seed=5, balancing=name)
    resumed = replace(resumed, seed=0)
    resumed.run(checkpoint=state, resume=True)
    assert_same_weights(weights(whole), weights(resumed))


@pytest.mark.parametrize("name", ["none", *sorted(BALANCERS)])
def test_without_scenarios_settings_for_them_change_nothing(
    train: GraphSnapshot, name: str
) -> None:
    """Balancing, drawing and candidates are all about scenarios."""
    plain = samples.trainer(train, epochs=2)
    data = replace(plain.data, scenario=np.full(len(plain.data.item), -1))
    plain = replace(plain, data=data)
    config = TrainingConfig(
        valid_every=2, balancing=name, scenario_balance=0.0, scenario_candidates="own"
    )  # type: ignore[arg-type]
    result = replace(samples.trainer(train, epochs=2, config=config), data=data)
    plain.run()
    result.run()
    assert_same_weights(weights(plain), weights(result))


def test_fixed_weights_bring_a_rare_scenario_up(train: GraphSnapshot) -> None:
    """With λ = 0 for a scenario its own rows get no gradient; with a larger one they do."""
    none = trainer(train, **ALL, balancing="fixed", scenario_weights={"web": 0.0})
    start = weights(none)
    none.run()
    assert torch.equal(weights(none)["head.shift"][1], start["head.shift"][1])
    assert not torch.equal(weights(none)["head.shift"][0], start["head.shift"][0])


def test_rare_scenarios_are_drawn_more_often(train: GraphSnapshot) -> None:
    made = trainer(train, scenario_balance=0.0)
    users = np.flatnonzero(made.data.lengths() > 0)
    batches = made._batches(users, np.random.default_rng(0))
    drawn = np.concatenate(batches)
    assert len(drawn) == len(users)
    mixed = (drawn % 3 == 2).sum()
    assert mixed > 1.2 * (users % 3 == 2).sum()
    made.run()
    again = trainer(train, sampled=True, scenario_balance=0.0)
    again.run()
    assert len(again.run()) == EPOCHS


def disjoint(trained: Trainer) -> Trainer:
    """Even items are "app"'s, odd ones "web"'s."""
    return replace(trained, data=replace(trained.data, scenario=trained.data.item % 2))


@pytest.mark.parametrize("sampled", [False, True])
def test_items_of_other_scenarios_get_no_gradient(train: GraphSnapshot, sampled: bool) -> None:
    """Where catalogs are apart (auto) an example pushes away no item that it can't have."""
    made = disjoint(trainer(train, sampled))
    assert made.stepper.objective.own is not None
    stepper = made.stepper
    users = np.flatnonzero(made.data.lengths() > 0)
    raw = stepper.examples(users, np.random.default_rng(3))
    app = np.flatnonzero(raw.histories.scenario == 0)
    kept = np.isin(raw.target_row, app)
    raw = replace(
        raw,
        target_row=raw.target_row[kept],
        target_item=raw.target_item[kept],
        target_weight=raw.target_weight[kept],
    )
    if sampled:
        _check_sampled(made, raw)
        return
    _, losses = stepper.losses(made.inputs, raw)
    weighted_mean(losses).backward()
    result = made.model.item_bias.grad
    assert result is not None
    row = made.inputs.items.item_row
    item = torch.arange(len(row))
    odd, even = (row[(item % 2 == part) & (row >= 0)] for part in (1, 0))
    assert not result[odd].any()
    assert result[even].count_nonzero() > len(even) / 2


def _check_sampled(made: Trainer, raw) -> None:
    from kgrec.training.optim.sparse_adamw import RowAdamW

    assert made.sampler is not None
    optimizer = RowAdamW(made.model.parameters(), lr=0.1, fused=True)
    with made.sampler.step(raw, np.random.default_rng(0), optimizer) as step:
        items, losses = made.stepper.losses(step.inputs, raw, step)
        (bias,) = torch.autograd.grad(weighted_mean(losses), [items.bias])
        chosen = bias[step.candidates.rows]
        odd = torch.as_tensor(step.candidates.items % 2 == 1)
        assert not chosen[odd].any()
        assert chosen[~odd].any()


@pytest.mark.parametrize("kind", ["bce", "kl"])
@pytest.mark.parametrize("sampled", [False, True])
def test_a_scenario_can_have_a_loss_of_its_own(
    train: GraphSnapshot, kind: str, sampled: bool
) -> None:
    """It is learned, and the other scenario's loss is what it was."""
    n_items = len(train.items)
    liked = torch.arange(n_items).float() / n_items
    asked = []

    def teacher(histories) -> Tensor:
        asked.append(histories)
        return liked.expand(len(histories), -1)

    made = trainer(train, sampled, **ALL, losses={"web": kind}, teacher="folder")
    made = replace(made, teacher=teacher)
    records = made.run()
    assert records[-1]["loss"] < records[0]["loss"]
    assert bool(asked) == (kind == "kl")
    if asked:
        assert all((each.scenario == 1).all() for each in asked)
    plain, own = (
        trainer(train, **ALL, balancing="fixed"),
        replace(trainer(train, **ALL), teacher=teacher),
    )
    own = replace(own, config=made.config)
    users = np.flatnonzero(made.data.lengths() > 0)
    result = []
    for each in (plain, own):
        torch.manual_seed(1)
        step = each.stepper
        losses = step.losses(each.inputs, step.examples(users, np.random.default_rng(2)))[1]
        result.append({loss.group: loss.total for loss in losses})
    assert result[0].keys() == result[1].keys() == {0, 1, 2}
    assert torch.equal(result[0][0], result[1][0])
    assert not torch.equal(result[0][1], result[1][1])


@pytest.mark.slow
def test_a_distilled_scenario_comes_to_rank_as_its_teacher(train: GraphSnapshot) -> None:
    n_items = len(train.items)
    liked = torch.linspace(0, 8, n_items)[torch.randperm(n_items, generator=torch.manual_seed(1))]
    kinds = dict.fromkeys(NAMES, "kl")
    made = samples.trainer(train, epochs=40)
    made = replace(
        joint(made, **ALL, losses=kinds, teacher="folder", valid_every=40),
        teacher=lambda histories: liked.expand(len(histories), -1),
    )
    losses = [record["loss"] for record in made.run()]
    assert losses[-1] < 0.3 * losses[0]
    bias = made.model.item_bias.detach()
    row = made.inputs.items.item_row
    known = row >= 0
    assert np.corrcoef(bias[row[known]], liked[known])[0, 1] > 0.7


def test_logit_adjustment_adds_the_prior(train: GraphSnapshot) -> None:
    made = trainer(train, **ALL, logit_adjustment=0.5)
    objective = made.stepper.objective
    assert isinstance(objective, Objective)
    assert objective.adjustment is not None
    counts = np.stack(
        [np.bincount(made.data.item[made.data.scenario == code], minlength=40) for code in (0, 1)]
    )
    share = (counts + 1.0) / (counts + 1.0).sum(axis=1, keepdims=True)
    expected = torch.as_tensor(0.5 * np.log(share), dtype=torch.float32)
    torch.testing.assert_close(objective.adjustment[:2], expected)
    popular, rare = counts[0].argmax(), counts[0].argmin()
    made.run()
    plain = trainer(train, **ALL)
    plain.run()
    row = made.inputs.items.item_row
    learned = [each.model.item_bias.detach() for each in (made, plain)]
    gap = [float(bias[row[popular]] - bias[row[rare]]) for bias in learned]
    assert gap[0] < gap[1], "the prior says what the bias had to learn"


def test_popular_targets_can_weigh_less(train: GraphSnapshot) -> None:
    made = trainer(train, popularity_weight=1.0)
    users = np.flatnonzero(made.data.lengths() > 0)
    plain = trainer(train).stepper.examples(users, np.random.default_rng(1))
    result = made.stepper.examples(users, np.random.default_rng(1))
    counts = np.bincount(made.data.item, minlength=40)
    ratio = result.target_weight / plain.target_weight * counts[result.target_item]
    np.testing.assert_allclose(ratio, ratio[0], rtol=1e-5)
    np.testing.assert_allclose(made.stepper.popularity_weights[made.data.item].mean(), 1, rtol=1e-5)
    assert plain.target_item.tolist() == result.target_item.tolist()
