"""Meta-training: a start from which a few examples lead further, and nothing else moves."""

from __future__ import annotations

from typing import cast

import numpy as np
import pytest
import torch

from kgrec.errors import TrainingError
from kgrec.graph import GraphSnapshot
from kgrec.nn import ItemVectors
from kgrec.training import Trainer
from kgrec.training.data.examples import Examples
from kgrec.training.scenarios import maml as module
from kgrec.training.scenarios.finetuning import of_scenario, own_rows, put_rows
from kgrec.training.scenarios.frozen_trunk import Trunk, of_rows
from kgrec.training.scenarios.initial_rows import prior_rows
from kgrec.training.scenarios.maml import Start, meta_train, take_steps
from tests.training import samples
from tests.training.samples import assert_same_weights, joint, weights


@pytest.fixture(scope="module")
def trained(train: GraphSnapshot) -> Trainer:
    made = joint(samples.trainer(train, epochs=4), scenario_candidates="all")
    made.run()
    return made


@torch.no_grad()
def items_of(trained: Trainer) -> ItemVectors:
    return trained.model.eval().item_vectors(trained.inputs)


def learned(trained: Trainer, epochs: int, seed: int = 0) -> Start:
    found = meta_train(trained.stepper, epochs=epochs, seed=seed, items=items_of(trained))
    assert found is not None
    return found


def examples(trained: Trainer, code: int) -> Examples:
    users = np.flatnonzero(trained.data.lengths() > 0)
    return of_scenario(trained.stepper.examples(users, np.random.default_rng(9)), code)


def loss_after(trained: Trainer, start: Start, code: int) -> float:
    """Of other users, after steps by the examples of five; the model is put back."""
    model, own = trained.model, own_rows(trained.model, code)
    result = examples(trained, code)
    rows = np.unique(result.target_row)
    take_steps(model, trained.inputs, of_rows(result, rows[:5]), code, start)
    trunk = Trunk.build(model, trained.inputs, None, items_of(trained), None)
    encoded = trunk.encode(model, trained.inputs, of_rows(result, rows[5:]), code)
    with torch.no_grad():
        loss = float(encoded.loss(model, code, 1.0))
    put_rows(model, code, own)
    return loss


def test_the_learned_start_leads_further_and_the_model_stays(trained: Trainer) -> None:
    before = weights(trained)
    first, later = learned(trained, 0), learned(trained, 40)
    assert_same_weights(before, weights(trained))
    gains = [
        loss_after(trained, first, code) - loss_after(trained, later, code)
        for code in range(len(trained.scenarios))
    ]
    assert min(gains) > 0
    assert_same_weights(before, weights(trained))


def test_untrained_it_is_the_others_prototype(trained: Trainer) -> None:
    count = len(trained.scenarios)
    mean = prior_rows(trained.model, np.arange(count), np.full(count, 1 / count))
    found = learned(trained, 0)
    for name, row in found.rows.items():
        torch.testing.assert_close(row, mean[name])
        assert (found.rates[name] == found.rates[name].flatten()[0]).all()


def test_one_seed_one_start_and_arrays_keep_it(trained: Trainer) -> None:
    one, same, other = (learned(trained, 3, seed) for seed in (1, 1, 2))
    again = Start.of_arrays(one.arrays(), torch.device("cpu"))
    for name, row in one.rows.items():
        assert torch.equal(row, same.rows[name])
        assert torch.equal(row, again.rows[name])
        assert torch.equal(one.rates[name], again.rates[name])
    assert any(not torch.equal(row, other.rows[name]) for name, row in one.rows.items())


def test_steps_are_those_of_gradient_descent(
    trained: Trainer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One step, against the gradient that autograd finds by another way."""
    monkeypatch.setattr(module, "STEPS", 1)
    start, code = learned(trained, 2), 0
    model, own = trained.model, own_rows(trained.model, code)
    result = of_rows(examples(trained, code), np.arange(8))
    put_rows(model, code, start.rows)
    trunk = Trunk.build(model, trained.inputs, None, items_of(trained), None)
    encoded = trunk.encode(model, trained.inputs, result, code)
    model.zero_grad(set_to_none=True)
    encoded.loss(model, code, 1.0).backward()  # type: ignore[no-untyped-call]
    expected = {}
    for name, row in start.rows.items():
        gradient = cast(torch.Tensor, model.get_parameter(name).grad)[code]
        expected[name] = row - 8 / 28 * start.rates[name] * gradient
    model.zero_grad(set_to_none=True)
    take_steps(model, trained.inputs, result, code, start)
    for name, row in own_rows(model, code).items():
        torch.testing.assert_close(row, expected[name], rtol=1e-4, atol=1e-6)
    put_rows(model, code, own)


def test_what_is_not_finite_is_told(trained: Trainer) -> None:
    start = learned(trained, 0)
    wild = Start(start.rows, {name: rate * float("inf") for name, rate in start.rates.items()})
    before = weights(trained)
    with pytest.raises(TrainingError, match="meta_epochs"):
        take_steps(trained.model, trained.inputs, examples(trained, 0), 0, wild)
    assert_same_weights(before, weights(trained))


def test_one_scenario_has_nobody_to_learn_from(train: GraphSnapshot) -> None:
    alone = samples.trainer(train, epochs=1)
    assert meta_train(
        alone.stepper, epochs=1, seed=0, items=items_of(alone)
    ) is None  # fmt: skip
