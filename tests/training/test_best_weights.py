"""Early stopping: the best epoch overall, and for each scenario's own rows its own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from kgrec.errors import TrainingError
from kgrec.graph import GraphSnapshot
from kgrec.training import METRIC, Checkpoint, Trainer
from tests.training import samples
from tests.training.samples import Weights, assert_same_weights, joint, weights

# Epochs 2, 4, 6: overall the second is best, for app the first, for web the last.
DESCRIBED = [(0.1, 0.9, 0.1), (0.9, 0.5, 0.5), (0.5, 0.2, 0.8)]


def validated(
    train: GraphSnapshot, kept: list[Weights], skip: int = 0, **config: object
) -> Trainer:
    result = iter(DESCRIBED[skip:])

    def validate() -> dict[str, float]:
        kept.append(weights(made))
        overall, app, web = next(result)
        return {METRIC: overall, f"{METRIC}/app": app, f"{METRIC}/web": web}

    made = replace(joint(samples.trainer(train), **config), validate=validate)
    return made


def test_records_tell_of_every_scenario(train: GraphSnapshot) -> None:
    kept: list[Weights] = []
    made = validated(train, kept)
    records = made.run()
    result = [(r[METRIC], r[f"{METRIC}/app"], r[f"{METRIC}/web"]) for r in records if METRIC in r]
    assert result == DESCRIBED
    assert_same_weights(weights(made), kept[1])


def test_own_rows_come_from_the_scenarios_best_epoch(train: GraphSnapshot) -> None:
    kept: list[Weights] = []
    made = validated(train, kept, stop_by_scenario=True)
    made.run()
    own, final = set(made.model.own_parameters), weights(made)
    assert own
    for name, value in final.items():
        if name in own:
            assert torch.equal(value[0], kept[0][name][0]), name
            assert torch.equal(value[1], kept[2][name][1]), name
        else:
            assert torch.equal(value, kept[1][name]), name


def test_a_resumed_training_remembers_every_scenarios_best(
    train: GraphSnapshot, tmp_path: Path
) -> None:
    whole = validated(train, [], stop_by_scenario=True)
    whole.run()

    def stop(record: dict[str, float]) -> None:
        if record["epoch"] == 5:
            raise KeyboardInterrupt

    state = Checkpoint(tmp_path / "run", "mine")
    with pytest.raises(KeyboardInterrupt):
        validated(train, [], stop_by_scenario=True).run(checkpoint=state, on_epoch=stop)
    rest = validated(train, [], skip=2, stop_by_scenario=True)
    rest.run(checkpoint=state, resume=True)
    assert_same_weights(weights(whole), weights(rest))


def spoilt(made: Trainer, parameter: str, step: int) -> None:
    """From some step on the gradient of ``parameter`` is no number."""
    calls = [0]

    def hook(gradient: torch.Tensor) -> torch.Tensor:
        calls[0] += 1
        return gradient * float("nan") if calls[0] >= step else gradient

    made.model.get_parameter(parameter).register_hook(hook)


def test_a_gradient_that_is_no_number_stops_before_it_is_learned(
    train: GraphSnapshot, tmp_path: Path
) -> None:
    """The weights are those that the epoch began with, and the checkpoint is what it was."""
    state, saved = Checkpoint(tmp_path / "run", "mine"), []
    made = samples.trainer(train)
    spoilt(made, "pool_gate", step=3 * 4 + 2)  # four steps an epoch: the fourth's second

    def keep(_: dict[str, float]) -> None:
        saved.append(weights(made))

    with pytest.raises(TrainingError, match=r"gradient is not finite in epoch 4, step 2; lower"):
        made.run(checkpoint=state, on_epoch=keep)
    assert_same_weights(weights(made), saved[2])
    again = samples.trainer(train, seed=5)
    done = state.load(again.model, torch.optim.AdamW(again._groups(), fused=True))
    assert done.epoch == 2
    assert all(torch.isfinite(value).all() for value in again.model.state_dict().values())


@pytest.mark.parametrize("balancing", ["none", "fixed", "jacobian"])
def test_the_scenario_whose_loss_is_no_number_is_named(
    train: GraphSnapshot, balancing: str
) -> None:
    """Only what belongs to web is spoilt."""
    made = joint(samples.trainer(train), balancing=balancing, logit_adjustment=1e-9)
    with torch.no_grad():
        made.model.get_parameter("head.shift")[1] = float("nan")
    before = weights(made)
    result = r"loss of scenario 'web' is (nan|not finite) in epoch 1, step 1; lower learning_rate"
    with pytest.raises(TrainingError, match=result):
        made.run()
    for name, value in weights(made).items():
        assert torch.equal(value.nan_to_num(), before[name].nan_to_num()), name
