"""Fitting the rows of one scenario: nothing else moves, and the scenario gains."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from kgrec.errors import TrainingError
from kgrec.graph import GraphSnapshot
from kgrec.nn import HybridModel
from kgrec.training import METRIC, Trainer
from kgrec.training.data.examples import Examples
from kgrec.training.scenarios.finetuning import (
    fit_own_rows,
    of_scenario,
    own_rows,
    put_rows,
    tune_scenario,
)
from tests.training import samples
from tests.training.samples import NAMES, Weights, assert_same_weights, joint, weights


@pytest.fixture
def trained(train: GraphSnapshot) -> Trainer:
    made = joint(samples.trainer(train, epochs=4), scenario_candidates="all")
    made.run()
    return made


def some(trained: Trainer, code: int = 1) -> Examples:
    users = np.flatnonzero(trained.data.lengths() > 0)
    return of_scenario(trained.stepper.examples(users, np.random.default_rng(4)), code)


def assert_only_rows_changed(before: Weights, model: HybridModel, code: int) -> None:
    own = set(model.own_parameters)
    for name, value in model.state_dict().items():
        if name in own:
            others = [row for row in range(len(value)) if row != code]
            assert torch.equal(value[others], before[name][others]), name
            assert not torch.equal(value[code], before[name][code]), name
        else:
            assert torch.equal(value, before[name]), name


def test_only_the_scenarios_rows_move_and_its_loss_falls(trained: Trainer) -> None:
    before, wanted = weights(trained), {n: p.requires_grad for n, p in named(trained)}
    losses = fit_own_rows(
        trained.model, trained.inputs, some(trained), 1, epochs=30, learning_rate=0.02
    )
    assert losses[-1] < 0.9 * losses[0]
    assert_only_rows_changed(before, trained.model, 1)
    assert {n: p.requires_grad for n, p in named(trained)} == wanted
    assert all(p.grad is None for _, p in named(trained))


def named(trained: Trainer) -> list[tuple[str, torch.nn.Parameter]]:
    return list(trained.model.named_parameters())


def test_the_loss_is_that_of_training_without_dropout(trained: Trainer) -> None:
    made = some(trained)
    (result,) = fit_own_rows(
        trained.model, trained.inputs, made, 1, epochs=1, learning_rate=1e-9, user_weight=1.0
    )
    trained.model.eval()
    with torch.no_grad():
        _, (whole,) = trained.stepper.losses(trained.inputs, made)
    assert result == pytest.approx(float(whole.mean()), rel=1e-5)


def test_a_strong_pull_holds_rows_at_the_prior(trained: Trainer) -> None:
    prior = {name: row + 0.05 for name, row in own_rows(trained.model, 1).items()}
    settings = {"epochs": 60, "learning_rate": 0.01, "prior": prior}
    far = []
    for reg in (1e4, 0.0):
        put_rows(trained.model, 1, {name: row - 0.05 for name, row in prior.items()})
        fit_own_rows(trained.model, trained.inputs, some(trained), 1, reg=reg, **settings)  # type: ignore[arg-type]
        now = own_rows(trained.model, 1)
        far.append(max(float((now[name] - prior[name]).abs().max()) for name in prior))
    assert far[0] < 5e-3
    assert far[1] > 10 * far[0]


def test_candidates_narrow_the_softmax(trained: Trainer) -> None:
    made = some(trained)
    few = np.unique(np.concatenate([made.target_item, [0, 1]]))
    narrow, whole = (
        fit_own_rows(
            trained.model, trained.inputs, made, 1, epochs=1, learning_rate=1e-9, candidates=items
        )[0]
        for items in (few, None)
    )
    assert narrow < whole


def test_without_examples_rows_stay_and_bad_requests_are_told(trained: Trainer) -> None:
    before = weights(trained)
    none = of_scenario(some(trained), 7)
    assert fit_own_rows(trained.model, trained.inputs, none, 1, epochs=2, learning_rate=0.1) == [
        0.0,
        0.0,
    ]
    assert_same_weights(before, weights(trained))
    with pytest.raises(TrainingError, match="no parameters of scenario 9"):
        fit_own_rows(trained.model, trained.inputs, none, 9, epochs=1, learning_rate=0.1)


def test_a_fit_that_is_no_number_leaves_the_rows_as_they_were(trained: Trainer) -> None:
    before = weights(trained)
    prior = {name: row * float("nan") for name, row in own_rows(trained.model, 1).items()}
    with pytest.raises(TrainingError, match=r"not finite.*lower the learning rate"):
        fit_own_rows(
            trained.model, trained.inputs, some(trained), 1,
            epochs=9, learning_rate=0.01, reg=1.0, prior=prior,
        )  # fmt: skip
    assert_same_weights(before, weights(trained))


def loss_of(trained: Trainer) -> float:
    """The mean loss of scenario 1 over some draws of its examples."""
    trained.model.eval()
    with torch.no_grad():
        users = np.flatnonzero(trained.data.lengths() > 0)
        draws = [
            of_scenario(trained.stepper.examples(users, np.random.default_rng(seed)), 1)
            for seed in range(40)
        ]
        return float(
            np.mean([float(trained.stepper.losses(trained.inputs, d)[1][0].mean()) for d in draws])
        )


def test_tuning_one_scenario_on_top(trained: Trainer) -> None:
    before = weights(trained)
    first = loss_of(trained)
    assert len(tune_scenario(trained.stepper, 1, epochs=24, seed=0)) == 24
    assert loss_of(trained) < first - 0.02
    assert_only_rows_changed(before, trained.model, 1)
    gone = replace(
        trained, data=replace(trained.data, scenario=np.zeros_like(trained.data.scenario))
    )
    assert tune_scenario(gone.stepper, 1, epochs=3, seed=0) == []


def test_tuned_rows_are_kept_where_validation_gains(train: GraphSnapshot) -> None:
    """The two validations after training say that app gains and web does not."""

    def fitted(own_epochs: int) -> Weights:
        result = iter([(0.5, 0.5), (0.6, 0.4)])
        made = samples.trainer(train, epochs=2)

        def validate() -> dict[str, float]:
            app, web = next(result) if len(seen) else (0.1, 0.1)
            seen.append(1)
            return {METRIC: 0.5, f"{METRIC}/app": app, f"{METRIC}/web": web}

        seen: list[int] = []
        made = replace(joint(made, own_epochs=own_epochs), validate=validate)
        made.run()
        return weights(made)

    tuned, plain = fitted(2), fitted(0)
    assert not torch.equal(tuned["head.shift"][0], plain["head.shift"][0])
    assert torch.equal(tuned["head.shift"][1], plain["head.shift"][1])
    assert torch.equal(tuned["item_bias"], plain["item_bias"])
    assert len(NAMES) == 2
