"""Joint training at its edges: settings that fit nothing, scenarios with hardly a row."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from kgrec.config import TrainingConfig
from kgrec.errors import TrainingError
from kgrec.graph import GraphSnapshot
from tests.training.samples import weights
from tests.training.test_train_step import EPOCHS, trainer


@pytest.mark.parametrize(
    ("wrong", "cure"),
    [
        ({"balancing": "fixed", "scenario_weights": {"shop": 1.0}}, "'shop'.*app, web"),
        ({"losses": {"shop": "bce"}}, "'shop'.*app, web"),
        ({"losses": {"web": "kl"}, "teacher": "folder"}, "no teacher"),
    ],
)
def test_settings_that_fit_no_scenario_are_refused(
    train: GraphSnapshot, wrong: dict[str, object], cure: str
) -> None:
    with pytest.raises(TrainingError, match=cure):
        trainer(train, **wrong).run()


@pytest.mark.parametrize(
    ("wrong", "cure"),
    [
        ({"balancing": "fixed", "scenario_weights": {"web": -1.0}}, "greater than or equal to 0"),
        ({"balancing": "fixed", "scenario_weights": {"web": float("nan")}}, "finite number"),
        ({"balancing": "fixed", "scenario_weights": {"web": float("inf")}}, "finite number"),
        ({"scenario_weights": {"web": 1.0}}, "set it to 'fixed'"),
        ({"balancing": "pcgrad", "accumulation": 2}, "set accumulation to 1"),
        ({"losses": {"web": "kl"}}, "name its folder"),
        ({"losses": {"web": "hinge"}}, "'softmax', 'bce' or 'kl'"),
        ({"balancing": "luck"}, "'uncertainty'"),
    ],
)
def test_settings_that_make_no_sense_are_refused(wrong: dict[str, object], cure: str) -> None:
    with pytest.raises(ValueError, match=cure):
        TrainingConfig.model_validate(wrong)


@pytest.mark.parametrize("rows", [0, 1])
@pytest.mark.parametrize("name", ["none", "fixed", "gradnorm", "jacobian"])
def test_a_scenario_with_one_row_or_none_stops_nothing(
    train: GraphSnapshot, rows: int, name: str
) -> None:
    """Without a row its own numbers stay as they began; all others are learned."""
    made = trainer(
        train, balancing=name, scenario_balance=0.5, own_epochs=1, scenario_candidates="own",
        logit_adjustment=0.1, popularity_weight=0.5,
    )  # fmt: skip
    scenario = np.zeros_like(made.data.scenario)
    scenario[made.data.indptr[3] - 1 : made.data.indptr[3] - 1 + rows] = 1
    made = replace(made, data=replace(made.data, scenario=scenario))
    start = weights(made)
    records = made.run()
    assert len(records) == EPOCHS
    end = weights(made)
    assert all(torch.isfinite(value).all() for value in end.values())
    assert not torch.equal(end["head.shift"][0], start["head.shift"][0])
    if not rows:
        assert torch.equal(end["head.shift"][1], start["head.shift"][1])
